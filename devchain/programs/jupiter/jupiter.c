/* A router that speaks the wire format of Jupiter's route_v2, for development chains.
 *
 * One instruction, through pools of Raydium's CPMM only: each step gives its share of the amount in to
 * one pool, by a call of that pool's program in the wallet's name. Behind the ten accounts of the
 * instruction come, step by step, the pool's program and the thirteen accounts of its swap. Every
 * other step, and every other instruction, is refused. Amounts, slippage and error numbers are the
 * real program's, as its IDL has them; its events are not told.
 *
 * For development only: never audited, never to hold anything of value.
 * devchain/programs/check.py builds jupiter.so from this file and compares.
 */
#include "../solana/runtime.h"

/* The first eight bytes of sha256 of "global:route_v2" and "global:swap_base_input". */
enum : u64 { ROUTE_V2 = 0x14afc431ccfa64bb, SWAP_BASE_INPUT = 0xde331ec4da5abe8f };

enum {
  AUTHORITY, SOURCE, DESTINATION, SOURCE_MINT, DESTINATION_MINT, SOURCE_PROGRAM,
  DESTINATION_PROGRAM, OTHER_DESTINATION, EVENT_AUTHORITY, SELF, FIXED,
  POOL_ACCOUNTS = 13, STEP_ACCOUNTS = POOL_ACCOUNTS + 1, MOST_STEPS = 2,
  ROOM = FIXED + MOST_STEPS * STEP_ACCOUNTS,
};
/* Within a step: its program, then payer ... user's accounts. */
enum { STEP_PROGRAM, STEP_PAYER, STEP_USER_IN = 5, STEP_USER_OUT };

enum : result {
  INSTRUCTION_UNKNOWN = 101, INSTRUCTION_DID_NOT_DESERIALIZE = 102, CONSTRAINT_ADDRESS = 2012,
  NOT_ENOUGH_ACCOUNTS = 3005, INVALID_PROGRAM_ID = 3008, ACCOUNT_NOT_SIGNER = 3010,
  EMPTY_ROUTE = 6000, SLIPPAGE_EXCEEDED = 6001, INVALID_CALCULATION = 6002, INVALID_SLIPPAGE = 6004,
  NOT_ENOUGH_PERCENT = 6005, INVALID_ROUTE_PLAN = 6010, SWAP_NOT_SUPPORTED = 6016,
};
enum { RAYDIUM_CP = 46, BPS = 10000 };

struct PACKED step { u8 swap; u16 bps; u8 input, output; };
struct PACKED route {
  u64 discriminator, in_amount, quoted_out;
  u16 slippage_bps, platform_fee_bps, positive_slippage_bps;
  u32 steps;
  struct step plan[];
};
struct PACKED swap_base_input { u64 discriminator, amount_in, minimum_amount_out; };

struct PACKED token_account { pubkey mint, owner; u64 amount; }; /* Its beginning. */

/* CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C */
static const pubkey CPMM = {
    {0x5259294f8b5a2aa9, 0x955bfd93aa502584, 0x930c92eba8e6acb5, 0x73ec200c69432e94}};

static u64 tokens(const struct account *a) { return ((const struct token_account *)a->data)->amount; }

/* `amount * bps / 10000` without a wider word. */
static u64 part(u64 amount, u64 bps) {
  return amount / BPS * bps + amount % BPS * bps / BPS;
}

/* Which accounts of a pool's swap may change: pool, the user's two, both vaults, observation. */
enum { WRITABLE = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12 };

static result swap(const struct account *a, u64 count, const struct account *step, u64 amount_in) {
  REQUIRE(same(step[STEP_PROGRAM].key, &CPMM), INVALID_PROGRAM_ID);
  REQUIRE(same(step[STEP_PAYER].key, a[AUTHORITY].key), INVALID_ROUTE_PLAN);
  REQUIRE(same(step[STEP_USER_IN].key, a[SOURCE].key), INVALID_ROUTE_PLAN);
  REQUIRE(same(step[STEP_USER_OUT].key, a[DESTINATION].key), INVALID_ROUTE_PLAN);
  struct meta metas[POOL_ACCOUNTS];
  for (u64 i = 0; i < POOL_ACCOUNTS; i++)
    metas[i] = (struct meta){step[1 + i].key, (WRITABLE >> i) & 1, i == 0};
  const struct swap_base_input data = {SWAP_BASE_INPUT, amount_in, 0};
  const struct instruction call = {step[STEP_PROGRAM].key, metas, POOL_ACCOUNTS, &data, sizeof data};
  return sol_invoke_signed_c(&call, a, count, 0, 0);
}

static result check(const struct route *route, const struct input *in) {
  const struct account *a = in->accounts;
  REQUIRE(in->count >= FIXED, NOT_ENOUGH_ACCOUNTS);
  REQUIRE(a[AUTHORITY].signer, ACCOUNT_NOT_SIGNER);
  REQUIRE(same(a[SELF].key, in->program), CONSTRAINT_ADDRESS);
  REQUIRE(same(a[OTHER_DESTINATION].key, in->program), SWAP_NOT_SUPPORTED);
  REQUIRE(a[SOURCE].length >= sizeof(struct token_account), INVALID_ACCOUNT_DATA);
  REQUIRE(a[DESTINATION].length >= sizeof(struct token_account), INVALID_ACCOUNT_DATA);
  REQUIRE(route->steps, EMPTY_ROUTE);
  REQUIRE(route->steps <= MOST_STEPS, SWAP_NOT_SUPPORTED);
  REQUIRE(in->data_length >= sizeof *route + route->steps * sizeof(struct step),
          INSTRUCTION_DID_NOT_DESERIALIZE);
  REQUIRE(in->count >= FIXED + route->steps * STEP_ACCOUNTS, NOT_ENOUGH_ACCOUNTS);
  REQUIRE(in->count <= in->room, SWAP_NOT_SUPPORTED);
  REQUIRE(route->slippage_bps <= BPS, INVALID_SLIPPAGE);
  REQUIRE(!route->platform_fee_bps && !route->positive_slippage_bps, SWAP_NOT_SUPPORTED);
  u64 all = 0;
  for (u64 i = 0; i < route->steps; i++) {
    const struct step *step = &route->plan[i];
    REQUIRE(step->swap == RAYDIUM_CP && !step->input && step->output == 1, SWAP_NOT_SUPPORTED);
    all += step->bps;
  }
  REQUIRE(all == BPS, NOT_ENOUGH_PERCENT);
  return 0;
}

u64 entrypoint(const u8 *input) {
  static const char name[] = "Instruction: RouteV2";
  struct account a[ROOM];
  struct input in = {.accounts = a, .room = ROOM};
  read_input(input, &in);

  const struct route *route = (const void *)in.data;
  REQUIRE(in.data_length >= sizeof route->discriminator, INSTRUCTION_UNKNOWN);
  REQUIRE(route->discriminator == ROUTE_V2, INSTRUCTION_UNKNOWN);
  sol_log_(name, sizeof name - 1);
  REQUIRE(in.data_length >= sizeof *route, INSTRUCTION_DID_NOT_DESERIALIZE);
  TRY(check(route, &in));

  const u64 had = tokens(&a[SOURCE]), got = tokens(&a[DESTINATION]);
  u64 left = route->in_amount;
  for (u64 i = 0; i < route->steps; i++) {
    const bool last = i + 1 == route->steps;
    const u64 amount = last ? left : part(route->in_amount, route->plan[i].bps);
    TRY(swap(a, in.count, &a[FIXED + i * STEP_ACCOUNTS], amount));
    left -= amount;
  }
  REQUIRE(had - tokens(&a[SOURCE]) == route->in_amount, INVALID_CALCULATION);
  const u64 least = route->quoted_out - part(route->quoted_out, route->slippage_bps);
  REQUIRE(tokens(&a[DESTINATION]) - got >= least, SLIPPAGE_EXCEEDED);
  return 0;
}
