/* The checks of accounts, with the real program's answers in its order: first each on its own, then
 * one against the other. The order matters only where two things are wrong at once. */
#pragma once
#include "layouts.h"

static result check_program(const struct account *a, const pubkey *key) {
  REQUIRE(same(a->key, key), INVALID_PROGRAM_ID);
  REQUIRE(a->executable, PROGRAM_NOT_EXECUTABLE);
  return 0;
}

static inline bool is_left_out(const struct account *a, const pubkey *program) {
  return same(a->key, program);
}

static result check_one(const struct account *a, u64 place, const pubkey *program) {
  switch (place) {
    case PAIR: return check_own(a, program, LB_PAIR);
    case BITMAP_EXTENSION:
      return is_left_out(a, program) ? 0 : check_own(a, program, BITMAP_EXTENSION_ACCOUNT);
    case HOST_FEE: return is_left_out(a, program) ? 0 : check_token_account(a);
    case MINT_X:
    case MINT_Y: return check_mint(a);
    case ORACLE: return check_own(a, program, ORACLE_ACCOUNT);
    case USER: return a->signer ? 0 : ACCOUNT_NOT_SIGNER;
    case PROGRAM_X:
    case PROGRAM_Y: return check_token_program(a);
    case MEMO: return check_program(a, &MEMO_PROGRAM);
    case EVENT_AUTHORITY:
    case PROGRAM: return 0;
    default: return check_token_account(a);
  }
}

/* The user's accounts are of the pool's two mints; sets which of them comes in. */
static result check_mints(const struct account a[ACCOUNTS], u64 *side) {
  const struct lb_pair *pair = a[PAIR].data;
  const struct token_account *in = a[USER_IN].data, *out = a[USER_OUT].data;
  *side = !same(&in->mint, &pair->mint[0]);
  REQUIRE(same(&in->mint, &pair->mint[*side]), INVALID_MINT);
  REQUIRE(same(&out->mint, &pair->mint[!*side]), INVALID_MINT);
  return 0;
}

static result check_relations(const struct account a[ACCOUNTS], const pubkey *event_authority,
                              u64 *side) {
  const struct lb_pair *pair = a[PAIR].data;
  ASSERT(a[PAIR].length >= sizeof *pair);
  REQUIRE(a[PAIR].writable, CONSTRAINT_MUT);
  for (int token = 0; token < 2; token++) {
    REQUIRE(same(a[RESERVE_X + token].key, &pair->reserve[token]), CONSTRAINT_HAS_ONE);
    REQUIRE(same(a[MINT_X + token].key, &pair->mint[token]), CONSTRAINT_HAS_ONE);
  }
  REQUIRE(same(a[ORACLE].key, &pair->oracle), CONSTRAINT_HAS_ONE);
  for (int place = RESERVE_X; place <= USER_OUT; place++)
    REQUIRE(a[place].writable, CONSTRAINT_MUT);
  TRY(check_mints(a, side));
  REQUIRE(a[ORACLE].writable, CONSTRAINT_MUT);
  REQUIRE(same(a[EVENT_AUTHORITY].key, event_authority), CONSTRAINT_SEEDS);
  u64 samples = a[ORACLE].length - sizeof(struct oracle);
  ASSERT(a[ORACLE].length >= sizeof(struct oracle) && !(samples % sizeof(struct sample)));
  return 0;
}

/* Each account after the fixed ones is one of the pool's bin arrays, if the swap comes to it. */
static result check_array(const struct account *a, u64 place, const pubkey *program) {
  const struct account *at = &a[place];
  REQUIRE(!same(at->key, a[PAIR].key) && !same(at->key, a[ORACLE].key), ACCOUNT_BORROW_FAILED);
  TRY(check_own(at, program, BIN_ARRAY));
  const struct bin_array *array = at->data;
  ASSERT(at->length >= sizeof *array);
  REQUIRE(same(&array->pair, a[PAIR].key), INVALID_BIN_ARRAY);
  return at->writable ? 0 : CONSTRAINT_MUT;
}

/* Slices that ask for no accounts are as good as none. */
static result check_slices(const struct swap2 *wish, u64 length) {
  const u8 *at = wish->slice, *end = (const u8 *)wish + length;
  bool used = 0;
  for (u64 i = 0; i < wish->slices; i++) {
    REQUIRE(at < end && *at <= HOOK_REWARDS, INSTRUCTION_DID_NOT_DESERIALIZE);
    u8 type = *at;
    at += type == HOOK_REWARDS ? 2 : 1;
    REQUIRE(at < end, INSTRUCTION_DID_NOT_DESERIALIZE);
    used |= type > HOOK_Y || *at;
    at++;
  }
  return used ? NOT_SUPPORTED : 0;
}

static result check_supported(const struct account a[ACCOUNTS], const pubkey *program) {
  const struct lb_pair *pair = a[PAIR].data;
  REQUIRE(is_left_out(&a[BITMAP_EXTENSION], program), NOT_SUPPORTED);
  REQUIRE(is_left_out(&a[HOST_FEE], program), NOT_SUPPORTED);
  REQUIRE(!pair->token_2022[0] && !pair->token_2022[1], NOT_SUPPORTED);
  for (int i = 0; i < REWARDS; i++) /* farms: the real program would count them on */
    REQUIRE(same(&pair->rewards[i].mint, &SYSTEM_PROGRAM), NOT_SUPPORTED);
  return 0;
}
