/* What lies in the accounts of Raydium's CPMM, byte for byte, and how a swap is written. */
#pragma once
#include "../solana/anchor.h"

/* The first eight bytes of sha256 of "account:" and the name. */
enum : u64 {
  AMM_CONFIG = 0x6f2bcbcb6821f4da,
  POOL_STATE = 0x46dec3d7f5e3edf7,
  OBSERVATION_STATE = 0x84a5098135c5ae7a,
};

/* Rates are millionths: of the amount, but protocol and fund have shares of the trade fee. */
struct PACKED amm_config {
  u64 discriminator;
  u8 bump, disable_create_pool;
  u16 index;
  u64 trade_fee_rate, protocol_fee_rate, fund_fee_rate, create_pool_fee;
  pubkey protocol_owner, fund_owner;
  u64 creator_fee_rate, padding[15];
};
_Static_assert(sizeof(struct amm_config) == 236, "of Raydium CPMM");

enum { SWAP_DISABLED = 4 };
enum creator_fee_on { BOTH_TOKENS, ONLY_TOKEN_0, ONLY_TOKEN_1 };

/* Arrays of two are of token 0 and token 1. Fees are owed: in the vaults still, not in reserves. */
struct PACKED pool_state {
  u64 discriminator;
  pubkey config, creator, vault[2], lp_mint, mint[2], token_program[2], observation;
  u8 authority_bump, status, lp_decimals, decimals[2];
  u64 lp_supply, protocol_fees[2], fund_fees[2], open_time, recent_epoch;
  u8 creator_fee_on, creator_fee_enabled, padding[6];
  u64 creator_fees[2], more_padding[28];
};
_Static_assert(sizeof(struct pool_state) == 637, "of Raydium CPMM");

enum { OBSERVATIONS = 100 };

/* Prices are Q32 in 128 bits (low word first), times the seconds that they held, summed. */
struct PACKED observation {
  u64 time;
  u64 cumulative[2][2];
};
struct PACKED observation_state {
  u64 discriminator;
  u8 initialized;
  u16 index;
  pubkey pool;
  struct observation list[OBSERVATIONS];
  u64 padding[4];
};
_Static_assert(sizeof(struct observation_state) == 4075, "of Raydium CPMM");

/* The accounts of swap_base_input, in order. */
enum {
  PAYER, AUTHORITY, CONFIG, POOL, USER_IN, USER_OUT, VAULT_IN, VAULT_OUT, PROGRAM_IN, PROGRAM_OUT,
  MINT_IN, MINT_OUT, OBSERVATION, ACCOUNTS
};

/* The data of swap_base_input. */
enum : u64 { SWAP_BASE_INPUT = 0xde331ec4da5abe8f }; /* sha256 of "global:swap_base_input" */
struct PACKED swap_base_input { u64 discriminator, amount_in, minimum_amount_out; };

/* The program's own errors. */
enum : u64 {
  NOT_APPROVED = 6000,
  EXCEEDED_SLIPPAGE = 6005,
  ZERO_TRADING_TOKENS = 6006,
  INVALID_VAULT = 6008,
  INVALID_FEE_MODEL = 6013,
};
