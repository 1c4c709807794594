/* The rate of fees, which grows with every bin that prices move, and who gets them. Rates are in
 * billionths. */
#pragma once
#include "../solana/wide.h"
#include "layouts.h"

enum { BILLION = 1000000000, MOST_RATE = 100000000, TEN_THOUSAND = 10000, ORDERS_SHARE = 5000 };
enum { MOST_POWER = 8 }; /* more are not within 64 bits, and far beyond the most rate */

/* After a while without swaps volatility counts from the active bin, and less or not at all. */
static result update_references(struct lb_pair *pair, i64 now) {
  i64 since = now - pair->moved_at;
  if (since < pair->filter_period) return 0;
  pair->index_reference = pair->active_id;
  pair->volatility_reference = 0;
  if (since >= pair->decay_period) return 0;
  u64 reduced = (u64)pair->volatility * pair->reduction_factor;
  REQUIRE(!(reduced >> 32), MATH_OVERFLOW);
  pair->volatility_reference = reduced / TEN_THOUSAND;
  return 0;
}

static void update_volatility(struct lb_pair *pair) {
  i64 moved = (i64)pair->index_reference - pair->active_id;
  u64 volatility = pair->volatility_reference + (u64)(moved < 0 ? -moved : moved) * TEN_THOUSAND;
  pair->volatility = volatility < pair->most_volatility ? volatility : pair->most_volatility;
}

/* ceil(control * (volatility * bin_step)^2 / 10^11), or more than the most where that is more. */
static u64 variable_rate(const struct lb_pair *pair) {
  u64 moved = (u64)pair->volatility * pair->bin_step;
  struct wide square, low, high;
  multiply(moved, moved, &square);
  multiply(square.low, pair->variable_fee_control, &low);
  multiply(square.high, pair->variable_fee_control, &high);
  low.high += high.low;
  add(&low, 99999999999);
  divide_short(&low, 1000000);
  divide_short(&low, 100000);
  return low.high || low.low > MOST_RATE ? MOST_RATE : low.low;
}

static u64 rate_of(const struct lb_pair *pair) {
  u64 rate = (u64)pair->base_factor * pair->bin_step * 10;
  for (u64 i = 0; i < pair->base_fee_power; i++) rate *= 10; /* no more than MOST_POWER times */
  rate += variable_rate(pair);
  return rate < MOST_RATE ? rate : MOST_RATE;
}

/* ceil(amount * rate / divisor), where the rate is a tenth of the divisor or a ninth at most. */
static u64 part(u64 amount, u64 rate, u32 divisor) {
  struct wide fee;
  multiply(amount, rate, &fee);
  add(&fee, divisor - 1);
  divide_short(&fee, divisor);
  return fee.low;
}

/* The fee that is in an amount, and the one that comes on top of it. */
static inline u64 fee_within(u64 amount, u64 rate) { return part(amount, rate, BILLION); }
static inline u64 fee_on_top(u64 amount, u64 rate) { return part(amount, rate, BILLION - rate); }

/* An amount's share in ten-thousandths, rounded down. */
static u64 share_of(u64 amount, u64 rate) {
  struct wide product;
  multiply(amount, rate, &product);
  divide_short(&product, TEN_THOUSAND);
  return product.low;
}

struct fees { u64 providers, orders, protocol; };

/* Divides a fee by what came in for liquidity, and for it and limit orders together. Where all of
 * an amount is fee, nothing came in for anybody, and it is the protocol's. */
static result split(struct fees *fees, u64 fee, u16 protocol_share, u64 for_liquidity,
                    u64 for_all) {
  *fees = (struct fees){0, 0, fee};
  if (!for_all) return 0;
  u64 of_liquidity = fee;
  if (for_liquidity != for_all) {
    struct wide up;
    share_up(&up, fee, for_liquidity, for_all);
    of_liquidity = up.low;
  }
  u64 kept = share_of(of_liquidity, protocol_share);
  REQUIRE(kept <= of_liquidity, MATH_OVERFLOW);
  fees->providers = of_liquidity - kept;
  fees->orders = share_of(fee - of_liquidity, ORDERS_SHARE);
  fees->protocol = fee - fees->providers - fees->orders;
  return 0;
}
