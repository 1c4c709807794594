/* What lies in the accounts of Meteora's DLMM, byte for byte, and how swap2 is written.
 *
 * Arrays of two are of token X and token Y. Numbers of 128 bits are two words, the low one first.
 */
#pragma once
#include "../solana/anchor.h"

/* The first eight bytes of sha256 of "account:" and the name. */
enum : u64 {
  LB_PAIR = 0x0db165b562310b21,
  BIN_ARRAY = 0xb5469405dc5c8e5c,
  ORACLE_ACCOUNT = 0xf4e5b38cb383c28b,
  BITMAP_EXTENSION_ACCOUNT = 0x0512ed37717c6f50,
};

enum pair_type { PERMISSIONLESS, PERMISSION, CUSTOMIZABLE, PERMISSIONLESS_V2 };
enum activation_type { BY_SLOT, BY_TIME };
enum function_type { UNDETERMINED, LIQUIDITY_MINING, LIMIT_ORDERS };
enum collect_fee_mode { FEES_ON_INPUT, FEES_ON_Y };
enum { BITMAP_WORDS = 16, ARRAYS_BELOW = 512, ARRAYS = 1024, REWARDS = 2 };

struct PACKED reward {
  pubkey mint;
  u8 others[112];
};

struct PACKED lb_pair {
  u64 discriminator;
  u16 base_factor, filter_period, decay_period, reduction_factor;
  u32 variable_fee_control, most_volatility;
  i32 min_bin_id, max_bin_id;
  u16 protocol_share;
  u8 base_fee_power, function_type, collect_fee_mode, padding_0[3];
  u32 volatility, volatility_reference;
  i32 index_reference;
  u32 padding_1;
  i64 moved_at; /* when the active bin was another one for the last time */
  u64 padding_2;
  u8 bump_seed, bin_step_seed[2], pair_type;
  i32 active_id;
  u16 bin_step;
  u8 status, require_base_factor_seed, base_factor_seed[2], activation_type, creator_control;
  pubkey mint[2], reserve[2];
  u64 protocol_fee[2], padding_3[4];
  struct reward rewards[REWARDS];
  pubkey oracle;
  u64 bitmap[BITMAP_WORDS], last_updated_at, padding_4[4];
  pubkey pre_activation_swapper, base_key;
  u64 activation_point, pre_activation_duration, padding_5[2];
  pubkey creator;
  u8 token_2022[2], version, reserved[21];
};
_Static_assert(sizeof(struct lb_pair) == 904, "of Meteora DLMM");

enum { BINS = 70 };

/* Liquidity is of those who provide both tokens; beside it lie limit orders, of one side at a time:
 * asks, which pay X, or bids, which pay Y. Those placed since a swap came to the bin are open; it
 * closes them, and from then on they are filled together. */
struct PACKED bin {
  u64 amount[2], price[2], liquidity[2];
  u64 filled[2], order_fee[2]; /* of the orders that pay X, and of those that pay Y */
  u64 fee_per_token[2][2];
  u64 open, closed, closed_left;
  u32 order_age;
  u8 asks, padding[3];
};
_Static_assert(sizeof(struct bin) == 144, "of Meteora DLMM");

struct PACKED bin_array {
  u64 discriminator;
  i64 index;
  u8 version, padding[7];
  pubkey pair;
  struct bin bin[BINS];
};
_Static_assert(sizeof(struct bin_array) == 10136, "of Meteora DLMM");

/* Active bins, times the seconds that they held, summed. */
struct PACKED sample { u64 cumulative[2]; i64 begun, updated; };
struct PACKED oracle {
  u64 discriminator, index, used, length;
  struct sample sample[];
};

/* The accounts of swap2, in order; bin arrays come after them. */
enum {
  PAIR, BITMAP_EXTENSION, RESERVE_X, RESERVE_Y, USER_IN, USER_OUT, MINT_X, MINT_Y, ORACLE,
  HOST_FEE, USER, PROGRAM_X, PROGRAM_Y, MEMO, EVENT_AUTHORITY, PROGRAM, ACCOUNTS
};

/* The data of swap2: sha256 of "global:swap2". Slices tell how many accounts hooks of Token-2022
 * need; each is a type, one byte more for type 3, and a number of accounts. */
enum : u64 { SWAP2 = 0x885b5beb4c3f4b41 };
struct PACKED swap2 { u64 discriminator, amount_in, minimum_amount_out; u32 slices; u8 slice[]; };
enum { HOOK_X, HOOK_Y, HOOK_REWARD, HOOK_REWARDS };

/* MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr */
static const pubkey MEMO_PROGRAM = {
    {0x062129995a534a05, 0x7c38da6071e8244d, 0x81bb92bcddb5357c, 0x8d44054140a81fe4}};

/* The program's own errors. */
enum : u64 {
  INVALID_INPUT = 6002,
  EXCEEDED_SLIPPAGE = 6003,
  INVALID_MINT = 6010,
  INSUFFICIENT_LIQUIDITY = 6012,
  MATH_OVERFLOW = 6018,
  TYPE_CAST_FAILED = 6019,
  INVALID_BIN_ARRAY = 6027,
  NO_BITMAP_EXTENSION = 6036,
  INSUFFICIENT_OUT = 6039,
  POOL_DISABLED = 6042,
  INVALID_POOL_TYPE = 6043,
  INVALID_ACTIVATION_TYPE = 6058,
  NOT_SUPPORTED = 6082,
  INVALID_COLLECT_FEE_MODE = 6110,
};
