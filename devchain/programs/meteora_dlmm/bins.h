/* A swap within one bin: liquidity first, then closed limit orders, then open ones. */
#pragma once
#include "fees.h"
#include "prices.h"

/* Adds what has to fit into one word. */
static result increase(u64 *total, u64 addend) {
  REQUIRE(*total + addend >= addend, MATH_OVERFLOW);
  *total += addend;
  return 0;
}

struct swap {
  struct lb_pair *pair;
  u64 side;                    /* which token comes in: 0 X, 1 Y */
  bool orders, fees_on_input;  /* limit orders take part; fees are in the token that comes in */
  u64 left, out, rate;
  struct fees fees;
};

struct fill { u64 in, left, out; };

/* Sets what one part of a bin, which has `most` to pay, takes of an amount and pays for it. */
static result fill(struct fill *f, u64 side, const u64 price[2], u64 most, u64 amount) {
  *f = (struct fill){0, amount, 0};
  if (!most) return 0;
  u64 all;
  TRY(amount_in(side, most, price, &all));
  f->in = amount < all ? amount : all;
  f->left = amount - f->in;
  if (amount >= all) {
    f->out = most;
    return 0;
  }
  return amount_out(side, amount, price, &f->out);
}

struct layers { struct fill liquidity, closed, open; u64 in, out; };

static inline bool has_orders(const struct swap *s, const struct bin *bin) {
  return s->orders && (bin->asks == 1) == s->side;
}

static result fill_layers(struct layers *l, const struct swap *s, const struct bin *bin,
                          u64 amount) {
  bool orders = has_orders(s, bin);
  u64 price[2] = {bin->price[0], bin->price[1]};
  TRY(fill(&l->liquidity, s->side, price, bin->amount[!s->side], amount));
  orders &= l->liquidity.left > 0;
  TRY(fill(&l->closed, s->side, price, orders ? bin->closed_left : 0, l->liquidity.left));
  orders &= l->closed.left > 0;
  TRY(fill(&l->open, s->side, price, orders ? bin->open : 0, l->closed.left));
  l->in = amount - l->open.left;
  l->out = l->liquidity.out;
  TRY(increase(&l->out, l->closed.out));
  return increase(&l->out, l->open.out);
}

static result keep_orders(struct bin *bin, const struct layers *l, u64 side, u64 fee) {
  bin->closed_left -= l->closed.out;
  if (l->open.out) {
    REQUIRE(bin->order_age + 1, MATH_OVERFLOW);
    bin->closed = bin->open;
    bin->closed_left = bin->open - l->open.out;
    bin->open = 0;
    bin->order_age++;
  }
  TRY(increase(bin->order_fee + !side, fee));
  return increase(bin->filled + !side, l->closed.out + l->open.out);
}

/* Fees of those who provide liquidity, for each of their shares; less than a share gets nothing. */
static result keep_fees(struct bin *bin, u64 token, u64 fee) {
  if (!bin->liquidity[1]) return 0;
  struct wide each = {fee, 0};
  divide(&each, &(struct wide){0, bin->liquidity[1]});
  u64 *total = bin->fee_per_token[token];
  add(&each, total[0]);
  REQUIRE(each.high + total[1] >= total[1], MATH_OVERFLOW);
  total[0] = each.low;
  total[1] += each.high;
  return 0;
}

static result keep(struct swap *s, struct bin *bin, const struct layers *l, const struct fees *f) {
  u64 token = s->fees_on_input ? s->side : !s->side;
  TRY(increase(bin->amount + s->side, l->liquidity.in));
  bin->amount[!s->side] -= l->liquidity.out;
  if (has_orders(s, bin)) TRY(keep_orders(bin, l, s->side, f->orders));
  TRY(keep_fees(bin, token, f->providers));
  TRY(increase(s->pair->protocol_fee + token, f->protocol));
  s->fees.providers += f->providers;
  s->fees.orders += f->orders;
  s->fees.protocol += f->protocol;
  return 0;
}

/* Swaps what the bin takes of `s->left`. */
static result swap_in_bin(struct swap *s, struct bin *bin) {
  struct layers l;
  struct fees fees;
  u64 fee = s->fees_on_input ? fee_within(s->left, s->rate) : 0, in = s->left;
  TRY(fill_layers(&l, s, bin, in - fee));
  u64 out = l.out;
  if (l.in < in - fee) {
    if (s->fees_on_input) fee = fee_on_top(l.in, s->rate);
    in = l.in;
    TRY(increase(&in, fee));
  }
  if (!s->fees_on_input) {
    fee = fee_within(out, s->rate);
    out -= fee;
  }
  TRY(split(&fees, fee, s->pair->protocol_share, l.liquidity.in, l.in));
  TRY(keep(s, bin, &l, &fees));
  s->left -= in;
  return increase(&s->out, out);
}

static inline bool pays(const struct swap *s, const struct bin *bin) {
  return bin->amount[!s->side] || (has_orders(s, bin) && (bin->open || bin->closed_left));
}
