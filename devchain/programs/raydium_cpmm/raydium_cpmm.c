/* A constant-product pool that speaks the wire format of Raydium's CPMM, for development chains.
 *
 * Wire-compatible: the same instruction data, accounts, layouts, amounts to the atom, order of
 * checks and error numbers, so that a client which trades here trades on mainnet with the same
 * bytes. One instruction, swap_base_input; pools are made by hand (genesis). The program takes its
 * own id from the runtime.
 *
 * For development only: never audited, never to hold anything of value.
 * devchain/programs/check.py builds raydium_cpmm.so from this file and compares.
 */
#include "checks.h"
#include "curve.h"
#include "observations.h"
#include "transfer_fees.h"

enum : u64 { SWAP_EVENT = 0xe2710826e8cdc640 }; /* sha256 of "event:SwapEvent" */
struct PACKED swap_event {
  u64 discriminator;
  pubkey pool;
  u64 input_reserve, output_reserve, input_amount, output_amount, input_fee, output_fee;
  bool base_input;
};

static result find_side(const struct account a[ACCOUNTS], struct trade *t) {
  const struct pool_state *pool = a[POOL].data;
  for (t->side = 0; t->side < 2; t->side++)
    if (same(a[VAULT_IN].key, &pool->vault[t->side]) &&
        same(a[VAULT_OUT].key, &pool->vault[!t->side]))
      return 0;
  return INVALID_VAULT;
}

static void log_event(const struct account *pool, const struct trade *t, u64 fee_in, u64 fee_out) {
  const struct swap_event event = {SWAP_EVENT, *pool->key, t->x,    t->y, t->in,
                                   t->out,     fee_in,     fee_out, 1};
  const struct slice part = {&event, sizeof event};
  sol_log_data(&part, 1);
}

static result pay(const struct account a[ACCOUNTS], u64 in, u64 out) {
  const struct pool_state *pool = a[POOL].data;
  const struct transfer from_user = {
      &a[PROGRAM_IN], &a[MINT_IN], &a[USER_IN], &a[VAULT_IN], &a[PAYER], in};
  TRY(move(&from_user, a, ACCOUNTS, 0));
  const struct transfer to_user = {
      &a[PROGRAM_OUT], &a[MINT_OUT], &a[VAULT_OUT], &a[USER_OUT], &a[AUTHORITY], out};
  const struct slice seeds[] = {{AUTHORITY_SEED, AUTHORITY_SEED_LENGTH},
                                {&pool->authority_bump, 1}};
  const struct slice signer = {seeds, 2};
  return move(&to_user, a, ACCOUNTS, &signer);
}

static result swap(const struct account a[ACCOUNTS], u64 amount_in, u64 minimum_amount_out) {
  struct pool_state *pool = a[POOL].data;
  struct trade t;
  struct clock now;
  ASSERT(!sol_get_clock_sysvar(&now));
  REQUIRE(!(pool->status & SWAP_DISABLED) && now.unix_time >= pool->open_time, NOT_APPROVED);

  u64 fee_in = transfer_fee(&a[MINT_IN], amount_in, now.epoch);
  REQUIRE(amount_in > fee_in, REQUIRE_GREATER_VIOLATED);
  t.in = amount_in - fee_in;
  TRY(find_side(a, &t));
  t.x = reserve(&a[VAULT_IN], pool, t.side);
  t.y = reserve(&a[VAULT_OUT], pool, !t.side);
  ASSERT(t.x && t.y); /* without either there is no price */
  TRY(price(&t, a[CONFIG].data, pool));

  u64 fee_out = transfer_fee(&a[MINT_OUT], t.out, now.epoch);
  REQUIRE(t.out > fee_out, REQUIRE_GREATER_VIOLATED);
  REQUIRE(t.out - fee_out >= minimum_amount_out, EXCEEDED_SLIPPAGE);

  keep_fees(&t, pool);
  log_event(&a[POOL], &t, fee_in, fee_out);
  TRY(pay(a, amount_in, t.out));
  observe(&a[OBSERVATION], t.side ? t.y : t.x, t.side ? t.x : t.y, now.unix_time);
  pool->recent_epoch = now.epoch;
  return 0;
}

u64 entrypoint(const u8 *input) {
  static const char name[] = "Instruction: SwapBaseInput";
  struct account a[ACCOUNTS];
  struct input in = {.accounts = a, .room = ACCOUNTS};
  read_input(input, &in);

  const struct swap_base_input *wish = (const void *)in.data;
  REQUIRE(in.data_length >= sizeof wish->discriminator, INSTRUCTION_MISSING);
  REQUIRE(wish->discriminator == SWAP_BASE_INPUT, INSTRUCTION_UNKNOWN);
  sol_log_(name, sizeof name - 1);
  REQUIRE(in.data_length >= sizeof *wish, INSTRUCTION_DID_NOT_DESERIALIZE);
  for (u64 place = 0; place < ACCOUNTS; place++) {
    REQUIRE(place < in.count, NOT_ENOUGH_ACCOUNTS);
    TRY(check_one(&a[place], place, in.program));
  }
  TRY(check_relations(a, in.program));
  return swap(a, wish->amount_in, wish->minimum_amount_out);
}
