/* The pool's diary of prices: every fifteen seconds at most, what they were before the swap. */
#pragma once
#include "layouts.h"
#include "../solana/wide.h"

enum { SECONDS_BETWEEN = 15 };

/* to = from + (above / below in Q32) * seconds, in 128 bits, which may wrap. */
static void accumulate(u64 to[2], const u64 from[2], u64 above, u64 below, u64 seconds) {
  struct wide ratio = {above >> 32, above << 32}, area, upper;
  divide(&ratio, &(struct wide){0, below});
  multiply(ratio.low, seconds, &area);
  multiply(ratio.high, seconds, &upper);
  ASSERT(!upper.high && area.high + upper.low >= area.high);
  area.high += upper.low;
  add(&area, from[0]);
  to[0] = area.low;
  to[1] = area.high + from[1];
}

static void observe(const struct account *account, u64 reserve_0, u64 reserve_1, u64 now) {
  struct observation_state *state = account->data;
  ASSERT(account->length >= sizeof *state && state->index < OBSERVATIONS);
  const struct observation *last = &state->list[state->index];
  if (!state->initialized) {
    state->initialized = 1;
    state->list[state->index] = (struct observation){.time = now};
    return;
  }
  if (now < last->time || now - last->time < SECONDS_BETWEEN) return;

  u64 seconds = now - last->time, next = (state->index + 1) % OBSERVATIONS, totals[2];
  for (int token = 0; token < 2; token++) {
    u64 above = token ? reserve_0 : reserve_1, below = token ? reserve_1 : reserve_0;
    u64 from[2] = {last->cumulative[token][0], last->cumulative[token][1]};
    accumulate(totals, from, above, below, seconds);
    state->list[next].cumulative[token][0] = totals[0];
    state->list[next].cumulative[token][1] = totals[1];
  }
  state->list[next].time = now;
  state->index = next;
}
