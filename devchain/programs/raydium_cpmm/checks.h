/* The checks of accounts, with the real program's answers in its order: first each on its own, then
 * one against the other. The order matters only where two things are wrong at once. */
#pragma once
#include "layouts.h"

static inline bool is_token_program(const pubkey *key) {
  return same(key, &TOKEN_PROGRAM) || same(key, &TOKEN_2022_PROGRAM);
}

static inline bool is_missing(const struct account *a) {
  return same(a->owner, &SYSTEM_PROGRAM) && !*a->lamports;
}

static result check_own(const struct account *a, const pubkey *program, u64 discriminator) {
  REQUIRE(same(a->owner, program), OWNED_BY_WRONG_PROGRAM);
  REQUIRE(a->length >= 8, DISCRIMINATOR_NOT_FOUND);
  REQUIRE(*(const u64 *)a->data == discriminator, DISCRIMINATOR_MISMATCH);
  return 0;
}

static result check_config(const struct account *a, const pubkey *program) {
  const struct amm_config *config = a->data;
  REQUIRE(!is_missing(a), ACCOUNT_NOT_INITIALIZED);
  TRY(check_own(a, program, AMM_CONFIG));
  REQUIRE(a->length >= sizeof *config, ACCOUNT_DID_NOT_DESERIALIZE);
  REQUIRE(config->disable_create_pool <= 1, ACCOUNT_DID_NOT_DESERIALIZE);
  return 0;
}

/* Token-2022 puts a type behind 165 bytes where an account has extensions. */
enum { TYPE_AT = 165, TYPE_MINT = 1, TYPE_ACCOUNT = 2 };

static result check_token_program_owns(const struct account *a) {
  REQUIRE(!is_missing(a), ACCOUNT_NOT_INITIALIZED);
  REQUIRE(is_token_program(a->owner), OWNED_BY_WRONG_PROGRAM);
  return 0;
}

static result check_token_account(const struct account *a) {
  const struct token_account *token = a->data;
  TRY(check_token_program_owns(a));
  REQUIRE(a->length >= sizeof *token, INVALID_ACCOUNT_DATA);
  REQUIRE(token->has_delegate <= 1 && token->is_native <= 1, INVALID_ACCOUNT_DATA);
  REQUIRE(token->has_close_authority <= 1 && token->state <= 2, INVALID_ACCOUNT_DATA);
  REQUIRE(token->state, UNINITIALIZED_ACCOUNT);
  bool plain = a->length == sizeof *token;
  REQUIRE(plain || ((const u8 *)a->data)[TYPE_AT] == TYPE_ACCOUNT, INVALID_ACCOUNT_DATA);
  return 0;
}

static result check_mint(const struct account *a) {
  const struct mint *mint = a->data;
  const u8 *bytes = a->data;
  TRY(check_token_program_owns(a));
  REQUIRE(a->length >= sizeof *mint, INVALID_ACCOUNT_DATA);
  REQUIRE(mint->has_authority <= 1 && mint->has_freeze_authority <= 1, INVALID_ACCOUNT_DATA);
  REQUIRE(mint->initialized <= 1, INVALID_ACCOUNT_DATA);
  REQUIRE(mint->initialized, UNINITIALIZED_ACCOUNT);
  if (a->length == sizeof *mint) return 0;
  REQUIRE(a->length > TYPE_AT && bytes[TYPE_AT] == TYPE_MINT, INVALID_ACCOUNT_DATA);
  u8 used = 0;
  for (u64 i = sizeof *mint; i < TYPE_AT; i++) used |= bytes[i];
  REQUIRE(!used, INVALID_ACCOUNT_DATA);
  return 0;
}

static result check_token_program(const struct account *a) {
  REQUIRE(is_token_program(a->key), INVALID_PROGRAM_ID);
  REQUIRE(a->executable, PROGRAM_NOT_EXECUTABLE);
  return 0;
}

static result check_one(const struct account *a, u64 place, const pubkey *program) {
  switch (place) {
    case PAYER: return a->signer ? 0 : ACCOUNT_NOT_SIGNER;
    case AUTHORITY: return 0;
    case CONFIG: return check_config(a, program);
    case POOL: return check_own(a, program, POOL_STATE);
    case PROGRAM_IN:
    case PROGRAM_OUT: return check_token_program(a);
    case MINT_IN:
    case MINT_OUT: return check_mint(a);
    case OBSERVATION: return check_own(a, program, OBSERVATION_STATE);
    default: return check_token_account(a);
  }
}

static const char AUTHORITY_SEED[] = "vault_and_lp_mint_auth_seed";
enum { AUTHORITY_SEED_LENGTH = sizeof AUTHORITY_SEED - 1 };

static result check_vault(const struct account *vault, const struct pool_state *pool) {
  REQUIRE(vault->writable, CONSTRAINT_MUT);
  REQUIRE(same(vault->key, &pool->vault[0]) || same(vault->key, &pool->vault[1]), CONSTRAINT_RAW);
  return 0;
}

static inline bool is_mint_of(const struct account *mint, const struct account *vault) {
  return same(mint->key, &((const struct token_account *)vault->data)->mint);
}

static result check_relations(const struct account a[ACCOUNTS], const pubkey *program) {
  const struct slice seed = {AUTHORITY_SEED, AUTHORITY_SEED_LENGTH};
  const struct pool_state *pool = a[POOL].data;
  pubkey authority;
  u8 bump;
  ASSERT(!sol_try_find_program_address(&seed, 1, program, &authority, &bump));
  REQUIRE(same(&authority, a[AUTHORITY].key), CONSTRAINT_SEEDS);
  ASSERT(a[POOL].length >= sizeof *pool);
  REQUIRE(same(a[CONFIG].key, &pool->config), CONSTRAINT_ADDRESS);
  REQUIRE(a[POOL].writable && a[USER_IN].writable && a[USER_OUT].writable, CONSTRAINT_MUT);
  TRY(check_vault(&a[VAULT_IN], pool));
  TRY(check_vault(&a[VAULT_OUT], pool));
  REQUIRE(is_mint_of(&a[MINT_IN], &a[VAULT_IN]), CONSTRAINT_ADDRESS);
  REQUIRE(is_mint_of(&a[MINT_OUT], &a[VAULT_OUT]), CONSTRAINT_ADDRESS);
  REQUIRE(a[OBSERVATION].writable, CONSTRAINT_MUT);
  REQUIRE(same(a[OBSERVATION].key, &pool->observation), CONSTRAINT_ADDRESS);
  return 0;
}
