/* A pool of bins that speaks the wire format of Meteora's DLMM, for development chains.
 *
 * Wire-compatible: the same instruction data, accounts, layouts, amounts to the atom, order of
 * checks and error numbers, so that a client which trades here trades on mainnet with the same
 * bytes. One instruction, swap2, for mints of the plain token program; pools are made by hand
 * (genesis). Refused with 6082: Token-2022, farm rewards, host fees, and a bitmap beyond the pool's
 * own. The program takes its own id from the runtime.
 *
 * For development only: never audited, never to hold anything of value.
 * devchain/programs/check.py builds meteora_dlmm.so from this file and compares.
 */
#include "arrays.h"
#include "checks.h"
#include "events.h"
#include "samples.h"

static result check_open(const struct lb_pair *pair, const pubkey *user, const struct clock *now) {
  REQUIRE(pair->pair_type <= PERMISSIONLESS_V2, INVALID_POOL_TYPE);
  REQUIRE(!pair->status, POOL_DISABLED);
  if (pair->pair_type != PERMISSION && pair->pair_type != CUSTOMIZABLE) return 0;
  REQUIRE(pair->activation_type <= BY_TIME, INVALID_ACTIVATION_TYPE);
  u64 point = pair->activation_type == BY_SLOT ? now->slot : now->unix_time;
  u64 from = pair->activation_point, ahead = pair->pre_activation_duration;
  if (same(user, &pair->pre_activation_swapper)) from -= ahead < from ? ahead : from;
  REQUIRE(point >= from, POOL_DISABLED);
  return 0;
}

static bool comes_first(const pubkey *a, const pubkey *b) {
  for (int i = 0; i < 32; i++)
    if (((const u8 *)a)[i] != ((const u8 *)b)[i]) return ((const u8 *)a)[i] < ((const u8 *)b)[i];
  return 1;
}

/* Pays out of the pool's reserve: the pair's own address signs. */
static result pay_out(const struct transfer *t, const struct account a[ACCOUNTS]) {
  const struct lb_pair *pair = a[PAIR].data;
  bool in_order = comes_first(&pair->mint[0], &pair->mint[1]);
  struct slice seeds[6];
  u64 count = 0;
  if (pair->pair_type != PERMISSIONLESS) seeds[count++] = (struct slice){&pair->base_key, 32};
  seeds[count++] = (struct slice){&pair->mint[!in_order], 32};
  seeds[count++] = (struct slice){&pair->mint[in_order], 32};
  if (pair->pair_type <= PERMISSION) seeds[count++] = (struct slice){pair->bin_step_seed, 2};
  if (pair->pair_type == PERMISSIONLESS && pair->require_base_factor_seed)
    seeds[count++] = (struct slice){pair->base_factor_seed, 2};
  seeds[count++] = (struct slice){&pair->bump_seed, 1};
  const struct slice signer = {seeds, count};
  return move(t, a, ACCOUNTS, &signer);
}

static result pay(const struct account a[ACCOUNTS], const struct swap *s,
                  const struct swap2 *wish) {
  u64 in = s->side, out = !s->side;
  const struct transfer from_user = {&a[PROGRAM_X + in], &a[MINT_X + in], &a[USER_IN],
                                     &a[RESERVE_X + in], &a[USER],        wish->amount_in};
  TRY(move(&from_user, a, ACCOUNTS, 0));
  REQUIRE(s->out >= wish->minimum_amount_out, EXCEEDED_SLIPPAGE);
  const struct transfer to_user = {
      &a[PROGRAM_X + out], &a[MINT_X + out], &a[RESERVE_X + out], &a[USER_OUT], &a[PAIR], s->out};
  return pay_out(&to_user, a);
}

static result swap(struct swap *s, const struct account *a, u64 count, const struct swap2 *wish,
                   const struct authority *events) {
  struct lb_pair *pair = s->pair;
  struct clock now;
  ASSERT(!sol_get_clock_sysvar(&now));
  TRY(check_open(pair, a[USER].key, &now));
  REQUIRE(wish->amount_in, INVALID_INPUT);
  TRY(check_supported(a, events->program));
  i32 start = pair->active_id;
  TRY(update_references(pair, now.unix_time));
  REQUIRE(pair->collect_fee_mode <= FEES_ON_Y, INVALID_COLLECT_FEE_MODE);
  REQUIRE(pair->function_type <= LIMIT_ORDERS, TYPE_CAST_FAILED);
  REQUIRE(pair->base_fee_power <= MOST_POWER, NOT_SUPPORTED);
  s->orders = pair->function_type != LIQUIDITY_MINING;
  s->fees_on_input = pair->collect_fee_mode != FEES_ON_Y || s->side;
  s->left = wish->amount_in;
  TRY(observe(&a[ORACLE], start, now.unix_time));
  TRY(swap_all(s, &(struct accounts){a, count, events->program}));
  if (pair->active_id != start) pair->moved_at = now.unix_time;
  REQUIRE(s->out, INSUFFICIENT_OUT);
  const struct told told = {*a[PAIR].key, *a[USER].key, start, pair->active_id, wish->amount_in};
  TRY(tell_first(a, events, s, &told));
  TRY(pay(a, s, wish));
  return tell_last(a, events, s, &told);
}

u64 entrypoint(const u8 *input) {
  enum { ROOM = ACCOUNTS + 24 };
  static const char name[] = "Instruction: Swap2";
  struct account a[ROOM];
  struct input in = {.accounts = a, .room = ROOM};
  read_input(input, &in);

  const struct swap2 *wish = (const void *)in.data;
  struct authority events;
  REQUIRE(in.data_length >= sizeof wish->discriminator, INSTRUCTION_UNKNOWN);
  find_authority(&events, in.program);
  if (wish->discriminator == EVENT) return check_event(a, in.count, &events);
  REQUIRE(wish->discriminator == SWAP2, INSTRUCTION_UNKNOWN);
  sol_log_(name, sizeof name - 1);
  REQUIRE(in.data_length >= sizeof *wish, INSTRUCTION_DID_NOT_DESERIALIZE);
  TRY(check_slices(wish, in.data_length));
  REQUIRE(in.count <= ROOM, NOT_SUPPORTED);
  for (u64 place = 0; place < ACCOUNTS; place++) {
    REQUIRE(place < in.count, NOT_ENOUGH_ACCOUNTS);
    TRY(check_one(&a[place], place, in.program));
  }
  struct swap s = {.pair = a[PAIR].data};
  TRY(check_relations(a, &events.key, &s.side));
  return swap(&s, a, in.count, wish, &events);
}
