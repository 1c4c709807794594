/* The checks of accounts, with the real program's answers in its order: first each on its own, then
 * one against the other. The order matters only where two things are wrong at once. */
#pragma once
#include "layouts.h"

static result check_config(const struct account *a, const pubkey *program) {
  const struct amm_config *config = a->data;
  REQUIRE(!is_missing(a), ACCOUNT_NOT_INITIALIZED);
  TRY(check_own(a, program, AMM_CONFIG));
  REQUIRE(a->length >= sizeof *config, ACCOUNT_DID_NOT_DESERIALIZE);
  REQUIRE(config->disable_create_pool <= 1, ACCOUNT_DID_NOT_DESERIALIZE);
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
