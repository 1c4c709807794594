/* The two token programs: what lies in their accounts, byte for byte, and how tokens are moved. */
#pragma once
#include "runtime.h"

struct PACKED token_account {
  pubkey mint, owner;
  u64 amount;
  u32 has_delegate;
  pubkey delegate;
  u8 state; /* 0 not initialised, 1 in use, 2 frozen */
  u32 is_native;
  u64 native_reserve, delegated_amount;
  u32 has_close_authority;
  pubkey close_authority;
};
_Static_assert(sizeof(struct token_account) == 165, "of the token program");

struct PACKED mint {
  u32 has_authority;
  pubkey authority;
  u64 supply;
  u8 decimals, initialized;
  u32 has_freeze_authority;
  pubkey freeze_authority;
};
_Static_assert(sizeof(struct mint) == 82, "of the token program");

/* Token-2022 puts a type behind 165 bytes where an account has extensions. */
enum { TYPE_AT = 165, TYPE_MINT = 1, TYPE_ACCOUNT = 2 };

static inline bool is_token_program(const pubkey *key) {
  return same(key, &TOKEN_PROGRAM) || same(key, &TOKEN_2022_PROGRAM);
}

struct transfer {
  const struct account *program, *mint, *from, *to, *authority;
  u64 amount;
};
enum { TRANSFER_CHECKED = 12 };
struct PACKED transfer_checked { u8 tag; u64 amount; u8 decimals; };

/* `all` has the accounts of the instruction, and among them those of the transfer. `signer` is the
 * authority's seeds where it is the program's own address, or 0. */
static result move(const struct transfer *t, const struct account *all, u64 count,
                   const struct slice *signer) {
  const struct mint *mint = t->mint->data;
  const struct transfer_checked data = {TRANSFER_CHECKED, t->amount, mint->decimals};
  const struct meta metas[] = {
      {t->from->key, 1, 0}, {t->mint->key, 0, 0}, {t->to->key, 1, 0}, {t->authority->key, 0, 1}};
  const struct instruction call = {t->program->key, metas, 4, &data, sizeof data};
  return sol_invoke_signed_c(&call, all, count, signer, signer ? 1 : 0);
}
