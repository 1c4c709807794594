/* The pool's diary of active bins: a new line every two minutes at most, before the swap. */
#pragma once
#include "layouts.h"

enum { SECONDS_A_SAMPLE = 120 };

static inline bool is_used(const struct sample *s) { return s->begun > 0 && s->updated > 0; }

static result observe(const struct account *account, i32 active_id, i64 now) {
  struct oracle *oracle = account->data;
  u64 room = (account->length - sizeof *oracle) / sizeof(struct sample);
  ASSERT(oracle->index < room);
  struct sample next = oracle->sample[oracle->index];
  if (!oracle->used) oracle->used = 1;
  if (is_used(&next)) {
    i64 area = active_id * (now - next.updated), before = next.cumulative[1];
    next.cumulative[0] += area;
    next.cumulative[1] += (area >> 63) + (next.cumulative[0] < (u64)area);
    i64 change = next.cumulative[1] ^ before; /* of the sign, against which there is a check */
    REQUIRE((before ^ area) < 0 || change >= 0, MATH_OVERFLOW);
    if (now - next.begun >= SECONDS_A_SAMPLE) {
      next.begun = now;
      oracle->index = (oracle->index + 1) % oracle->length;
      ASSERT(oracle->index < room);
      bool fresh = !is_used(&oracle->sample[oracle->index]);
      if (fresh && oracle->used < oracle->length) oracle->used++;
    }
  } else {
    next.cumulative[0] = active_id;
    next.cumulative[1] = (i64)active_id >> 63;
    if (next.begun <= 0) next.begun = now;
  }
  next.updated = now;
  oracle->sample[oracle->index] = next;
  return 0;
}
