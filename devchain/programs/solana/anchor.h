/* Anchor, the framework that the real programs are written in: how it looks at an account, and the
 * numbers of its errors. */
#pragma once
#include "tokens.h"

enum : u64 {
  INSTRUCTION_MISSING = 100,
  INSTRUCTION_UNKNOWN = 101,
  INSTRUCTION_DID_NOT_DESERIALIZE = 102,
  CONSTRAINT_MUT = 2000,
  CONSTRAINT_HAS_ONE = 2001,
  CONSTRAINT_SIGNER = 2002,
  CONSTRAINT_RAW = 2003,
  CONSTRAINT_SEEDS = 2006,
  CONSTRAINT_ADDRESS = 2012,
  REQUIRE_GREATER_VIOLATED = 2505,
  DISCRIMINATOR_NOT_FOUND = 3001,
  DISCRIMINATOR_MISMATCH = 3002,
  ACCOUNT_DID_NOT_DESERIALIZE = 3003,
  NOT_ENOUGH_ACCOUNTS = 3005,
  OWNED_BY_WRONG_PROGRAM = 3007,
  INVALID_PROGRAM_ID = 3008,
  PROGRAM_NOT_EXECUTABLE = 3009,
  ACCOUNT_NOT_SIGNER = 3010,
  ACCOUNT_NOT_INITIALIZED = 3012,
};

static inline bool is_missing(const struct account *a) {
  return same(a->owner, &SYSTEM_PROGRAM) && !*a->lamports;
}

static result check_own(const struct account *a, const pubkey *program, u64 discriminator) {
  REQUIRE(same(a->owner, program), OWNED_BY_WRONG_PROGRAM);
  REQUIRE(a->length >= 8, DISCRIMINATOR_NOT_FOUND);
  REQUIRE(*(const u64 *)a->data == discriminator, DISCRIMINATOR_MISMATCH);
  return 0;
}

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
