/* From bin to bin, and from one array of bins to the next that has something in it. */
#pragma once
#include "bins.h"
#include "checks.h"

struct accounts { const struct account *a; u64 count; const pubkey *program; };

static i64 array_of(i32 bin_id) {
  enum : u64 { SHIFT = 1ULL << 32 }; /* the machine divides nothing below zero */
  return (u64)((i64)bin_id + BINS * SHIFT) / BINS - SHIFT;
}

/* Sets the array nearest to `from` (included) in which there are tokens, on the way of the swap. */
static result find_array(const struct swap *s, i64 from, i64 *found) {
  i64 step = s->side ? 1 : -1;
  const u64 *bitmap = s->pair->bitmap;
  for (i64 bit = from + ARRAYS_BELOW; bit >= 0 && bit < ARRAYS; bit += step) {
    u64 word = bitmap[bit >> 6];
    if (!word) {
      bit = s->side ? bit | 63 : bit & ~63LL;
    } else if (word >> (bit & 63) & 1) {
      *found = bit - ARRAYS_BELOW;
      return 0;
    }
  }
  return NO_BITMAP_EXTENSION; /* only it knows of arrays farther out */
}

static result move_on(struct swap *s) {
  i32 next = s->pair->active_id + (s->side ? 1 : -1);
  REQUIRE(next >= s->pair->min_bin_id && next <= s->pair->max_bin_id, INSUFFICIENT_LIQUIDITY);
  s->pair->active_id = next;
  return 0;
}

static result swap_in_array(struct swap *s, struct bin_array *array) {
  struct lb_pair *pair = s->pair;
  i64 first = array->index * BINS;
  if (array_of(pair->active_id) != array->index)
    pair->active_id = s->side ? first : first + BINS - 1;
  while (s->left && pair->active_id >= first && pair->active_id < first + BINS) {
    struct bin *bin = &array->bin[pair->active_id - first];
    if (pays(s, bin)) {
      update_volatility(pair);
      s->rate = rate_of(pair);
      TRY(swap_in_bin(s, bin));
    }
    if (s->left) TRY(move_on(s));
  }
  return 0;
}

/* Sets the array of an index: they come in the order in which the swap needs them, and others
 * between them are passed over. `at` is the place from which to look on. */
static result take_array(const struct accounts *all, u64 *at, i64 index, struct bin_array **array) {
  for (; *at < all->count; ++*at) {
    TRY(check_array(all->a, *at, all->program));
    *array = all->a[*at].data;
    if ((*array)->index == index) return 0;
  }
  return NOT_ENOUGH_ACCOUNTS;
}

static result swap_all(struct swap *s, const struct accounts *all) {
  u64 at = ACCOUNTS;
  while (s->left) {
    i64 index;
    struct bin_array *array;
    TRY(find_array(s, array_of(s->pair->active_id), &index));
    TRY(take_array(all, &at, index, &array));
    TRY(swap_in_array(s, array));
  }
  return 0;
}
