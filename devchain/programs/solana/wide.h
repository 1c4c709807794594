/* Whole numbers of 128 bits. The compiler's (__int128) would call a library that is not there. */
#pragma once
#include "runtime.h"

struct wide { u64 high, low; };

static inline bool less(const struct wide *a, const struct wide *b) {
  return a->high < b->high || (a->high == b->high && a->low < b->low);
}

static inline void add(struct wide *to, u64 addend) {
  to->low += addend;
  to->high += to->low < addend;
}

static void multiply(u64 a, u64 b, struct wide *product) {
  u64 a0 = (u32)a, a1 = a >> 32, b0 = (u32)b, b1 = b >> 32;
  u64 low = a0 * b0, cross = a0 * b1, other = a1 * b0;
  /* Or the compiler sees a 128-bit product in this and calls the library after all. */
  __asm__("" : "+r"(cross), "+r"(other));
  u64 middle = (low >> 32) + (u32)cross + (u32)other;
  product->low = (u32)low | middle << 32;
  product->high = a1 * b1 + (cross >> 32) + (other >> 32) + (middle >> 32);
}

/* Divides in place, rounding down, and says whether something was left. The divisor is below 2^127
 * and not 0. The upper word by the machine's own division, the lower one bit by bit. */
static bool divide(struct wide *n, const struct wide *divisor) {
  struct wide left = {0, n->high};
  n->high = 0;
  if (!divisor->high) {
    n->high = left.low / divisor->low;
    left.low %= divisor->low;
    if (!left.low) {
      left.low = n->low % divisor->low;
      n->low /= divisor->low;
      return left.low;
    }
  }
#pragma clang loop unroll(disable)
  for (int i = 0; i < 64; i++) {
    left.high = left.high << 1 | left.low >> 63;
    left.low = left.low << 1 | n->low >> 63;
    n->low <<= 1;
    if (less(&left, divisor)) continue;
    left.high -= divisor->high + (left.low < divisor->low);
    left.low -= divisor->low;
    n->low |= 1;
  }
  return left.high | left.low;
}

/* Divides in place by a number that is not 0, rounding down; returns what was left. */
static inline u32 divide_short(struct wide *n, u32 divisor) {
  u64 digit[4] = {n->high >> 32, (u32)n->high, n->low >> 32, (u32)n->low}, left = 0;
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    left = left << 32 | digit[i];
    digit[i] = left / divisor;
    left %= divisor;
  }
  n->high = digit[0] << 32 | digit[1];
  n->low = digit[2] << 32 | digit[3];
  return left;
}

/* result = a * b / divisor, rounded down; says whether something was left. */
static bool share(struct wide *result, u64 a, u64 b, u64 divisor) {
  multiply(a, b, result);
  return divide(result, &(struct wide){0, divisor});
}

/* The same, rounded up. */
static void share_up(struct wide *result, u64 a, u64 b, u64 divisor) {
  if (share(result, a, b, divisor)) add(result, 1);
}

/* A sum that fits into one word, or the end. */
static inline u64 sum(u64 a, u64 b) {
  ASSERT(a + b >= a);
  return a + b;
}
