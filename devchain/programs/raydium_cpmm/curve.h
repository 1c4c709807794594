/* Fees and the curve: x * y never falls. All amounts are atoms, all rates millionths. */
#pragma once
#include "layouts.h"
#include "../solana/wide.h"

enum { MILLION = 1000000 };

struct trade {
  u64 side;                     /* which token comes in, 0 or 1 */
  u64 x, y;                     /* reserves before, of the token that comes in and of the other */
  u64 in, out;                  /* reaches the one vault, leaves the other */
  struct wide protocol, fund;   /* their shares of the trade fee, in the token that comes in */
  u64 creator;                  /* the creator's fee, in the token that comes in or the other: */
  bool creator_on_input;
};

/* The part of a vault that is not owed to anybody. */
static u64 reserve(const struct account *vault, const struct pool_state *pool, u64 token) {
  u64 amount = ((const struct token_account *)vault->data)->amount;
  u64 owed = sum(pool->protocol_fees[token], pool->fund_fees[token]);
  owed = sum(owed, pool->creator_fees[token]);
  ASSERT(amount >= owed);
  return amount - owed;
}

/* Sets `out`, the amount that the curve gives for `net`. Below y, so one word. */
static void follow_curve(struct trade *t, u64 net) {
  struct wide out, divisor = {0, t->x};
  add(&divisor, net);
  multiply(net, t->y, &out);
  divide(&out, &divisor);
  t->out = out.low;
}

/* Sets everything of a trade that follows from side, x, y and in. */
static result price(struct trade *t, const struct amm_config *config,
                    const struct pool_state *pool) {
  u64 creator_rate = pool->creator_fee_enabled ? config->creator_fee_rate : 0;
  REQUIRE(pool->creator_fee_on <= ONLY_TOKEN_1, INVALID_FEE_MODEL);
  t->creator_on_input =
      pool->creator_fee_on == BOTH_TOKENS || pool->creator_fee_on - ONLY_TOKEN_0 == (int)t->side;

  struct wide fee, creator = {0, 0};
  u64 rate = config->trade_fee_rate;
  if (t->creator_on_input) rate = sum(rate, creator_rate);
  share_up(&fee, t->in, rate, MILLION);
  REQUIRE(!fee.high && fee.low <= t->in, ZERO_TRADING_TOKENS);
  follow_curve(t, t->in - fee.low);

  if (creator_rate && t->creator_on_input) {
    share(&creator, fee.low, creator_rate, rate);
    fee.low -= creator.low;
  } else if (creator_rate) {
    share_up(&creator, t->out, creator_rate, MILLION);
    REQUIRE(!creator.high && creator.low <= t->out, ZERO_TRADING_TOKENS);
    t->out -= creator.low;
  }
  t->creator = creator.low;
  share(&t->protocol, fee.low, config->protocol_fee_rate, MILLION);
  share(&t->fund, fee.low, config->fund_fee_rate, MILLION);
  return 0;
}

static void keep_fees(const struct trade *t, struct pool_state *pool) {
  u64 creator_side = t->creator_on_input ? t->side : !t->side;
  ASSERT(!t->protocol.high && !t->fund.high);
  pool->protocol_fees[t->side] = sum(pool->protocol_fees[t->side], t->protocol.low);
  pool->fund_fees[t->side] = sum(pool->fund_fees[t->side], t->fund.low);
  pool->creator_fees[creator_side] = sum(pool->creator_fees[creator_side], t->creator);
}
