/* The fee that a Token-2022 mint may take of a transfer. */
#pragma once
#include "checks.h"
#include "../solana/wide.h"

struct PACKED transfer_fee { u64 epoch, maximum; u16 basis_points; };
struct PACKED extension { u16 type, length; u8 data[]; };
struct PACKED transfer_fee_config {
  pubkey authority, withdraw_authority;
  u64 withheld;
  struct transfer_fee older, newer;
};
enum { TRANSFER_FEE_CONFIG = 1, BASIS_POINTS = 10000 };

static const struct transfer_fee_config *find_transfer_fee(const struct account *mint) {
  if (same(mint->owner, &TOKEN_PROGRAM)) return 0;
  u64 at = TYPE_AT + 1;
  while (at + sizeof(struct extension) <= mint->length) {
    const struct extension *found = (const void *)((const u8 *)mint->data + at);
    at += sizeof *found + found->length;
    if (!found->type || at > mint->length) break;
    if (found->type == TRANSFER_FEE_CONFIG && found->length >= sizeof(struct transfer_fee_config))
      return (const void *)found->data;
  }
  return 0;
}

/* The atoms that the token program keeps of a transfer; 0 for most mints. */
static u64 transfer_fee(const struct account *mint, u64 amount, u64 epoch) {
  const struct transfer_fee_config *config = find_transfer_fee(mint);
  if (!config) return 0;
  const struct transfer_fee *now = epoch >= config->newer.epoch ? &config->newer : &config->older;
  struct wide fee;
  share_up(&fee, amount, now->basis_points, BASIS_POINTS);
  return fee.high || fee.low > now->maximum ? now->maximum : fee.low;
}
