/* What a swap tells: the program calls itself with it, so that it stands in the transaction. */
#pragma once
#include "bins.h"

static const char EVENT_AUTHORITY_SEED[] = "__event_authority";

/* sha256 of "anchor:event", and of "event:" and the name. */
enum : u64 {
  EVENT = 0x1d9acb512ea545e4,
  SWAP_EVENT = 0xc40ad0cdbee36c51,
  SWAP2_EVENT = 0x4d541b94d752742e,
};

struct PACKED swap_event {
  u64 event, discriminator;
  pubkey pair, from;
  i32 start_bin_id, end_bin_id;
  u64 amount_in, amount_out;
  bool swap_for_y;
  u64 fee, protocol_fee, rate, rate_high, host_fee;
};

struct PACKED swap2_event {
  u64 event, discriminator;
  pubkey pair, from;
  i32 start_bin_id, end_bin_id;
  bool swap_for_y;
  u64 rate, rate_high, amount_in, amount_left, amount_out, providers_fee, protocol_fee;
  u64 orders_fee, host_fee;
  bool fees_on_input, fees_on_token_x;
};

/* The address that signs events, and the program that they are told to. */
struct authority { pubkey key; const pubkey *program; u8 bump; };

static void find_authority(struct authority *found, const pubkey *program) {
  const struct slice seed = {EVENT_AUTHORITY_SEED, sizeof EVENT_AUTHORITY_SEED - 1};
  ASSERT(!sol_try_find_program_address(&seed, 1, program, &found->key, &found->bump));
  found->program = program;
}

/* An event as an instruction: nobody but the program itself can tell one. */
static result check_event(const struct account *a, u64 count, const struct authority *events) {
  REQUIRE(count, NOT_ENOUGH_ACCOUNTS);
  REQUIRE(a[0].signer, CONSTRAINT_SIGNER);
  return same(a[0].key, &events->key) ? 0 : CONSTRAINT_SEEDS;
}

static result tell(const struct account a[ACCOUNTS], const struct authority *events,
                   const void *data, u64 length) {
  const struct meta metas[] = {{a[EVENT_AUTHORITY].key, 0, 1}};
  const struct instruction call = {events->program, metas, 1, data, length};
  const struct slice seeds[] = {{EVENT_AUTHORITY_SEED, sizeof EVENT_AUTHORITY_SEED - 1},
                                {&events->bump, 1}};
  const struct slice signer = {seeds, 2};
  return sol_invoke_signed_c(&call, a, ACCOUNTS, &signer, 1);
}

struct told { pubkey pair, user; i32 start, end; u64 amount_in; };

static result tell_first(const struct account a[ACCOUNTS], const struct authority *events,
                         const struct swap *s, const struct told *t) {
  const struct fees *f = &s->fees;
  const struct swap_event event = {
      EVENT, SWAP_EVENT, t->pair, t->user, t->start, t->end, t->amount_in, s->out, !s->side,
      f->providers + f->orders + f->protocol, f->protocol, s->rate, 0, 0};
  return tell(a, events, &event, sizeof event);
}

static result tell_last(const struct account a[ACCOUNTS], const struct authority *events,
                        const struct swap *s, const struct told *t) {
  const struct fees *f = &s->fees;
  bool fees_on_x = s->fees_on_input ? !s->side : s->side;
  const struct swap2_event event = {
      EVENT, SWAP2_EVENT, t->pair, t->user, t->start, t->end, !s->side, s->rate, 0, t->amount_in,
      0, s->out, f->providers, f->protocol, f->orders, 0, s->fees_on_input, fees_on_x};
  return tell(a, events, &event, sizeof event);
}
