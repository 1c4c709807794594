/* What an amount is worth at a bin's price: atoms of Y for one of X, times 2^64. */
#pragma once
#include "../solana/wide.h"
#include "layouts.h"

/* Sets amount * price / 2^64: what X is worth in Y. */
static result in_y(u64 amount, const u64 price[2], bool up, u64 *worth) {
  struct wide low, high;
  REQUIRE(price[0] || price[1], NOT_SUPPORTED); /* would give X away */
  multiply(amount, price[0], &low);
  multiply(amount, price[1], &high);
  add(&high, low.high);
  if (up && low.low) add(&high, 1);
  REQUIRE(!high.high, TYPE_CAST_FAILED);
  *worth = high.low;
  return 0;
}

/* Sets amount * 2^64 / price: what Y is worth in X. */
static result in_x(u64 amount, const u64 price[2], bool up, u64 *worth) {
  struct wide n = {amount, 0}, divisor = {price[1], price[0]};
  REQUIRE(divisor.high || divisor.low, MATH_OVERFLOW);
  if (divisor.high >> 63) { /* too large a divisor for `divide` */
    bool reached = !less(&n, &divisor);
    bool even = n.high == divisor.high && n.low == divisor.low;
    n = (struct wide){0, reached + (up && amount && !even)};
  } else if (divide(&n, &divisor) && up) {
    add(&n, 1);
  }
  REQUIRE(!n.high, TYPE_CAST_FAILED);
  *worth = n.low;
  return 0;
}

/* What a swap of token `side` gets for an amount, or has to give for one. */
static result amount_out(u64 side, u64 amount, const u64 price[2], u64 *out) {
  return side ? in_x(amount, price, 0, out) : in_y(amount, price, 0, out);
}

static result amount_in(u64 side, u64 amount, const u64 price[2], u64 *in) {
  return side ? in_y(amount, price, 1, in) : in_x(amount, price, 1, in);
}
