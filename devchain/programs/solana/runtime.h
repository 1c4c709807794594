/* Solana's runtime as a program sees it: types, system calls, and the accounts it is handed.
 *
 * Accounts and instruction data lie at any address; the machine reads and writes unaligned words,
 * so every struct over such memory is packed. Functions take at most five arguments and return one
 * word. Numbers are little-endian.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;
#define PACKED __attribute__((packed))

typedef struct PACKED { u64 word[4]; } pubkey;

/* What the runtime calls SolAccountInfo, SolAccountMeta, SolInstruction and SolSignerSeed(s). */
struct account {
  const pubkey *key;
  const u64 *lamports;
  u64 length;
  void *data;
  const pubkey *owner;
  u64 rent_epoch;
  bool signer, writable, executable;
};
struct meta { const pubkey *key; bool writable, signer; };
struct instruction {
  const pubkey *program;
  const struct meta *metas;
  u64 meta_count;
  const void *data;
  u64 data_length;
};
struct slice { const void *start; u64 length; };
struct clock { u64 slot, epoch_start, epoch, leader_epoch, unix_time; };

/* System calls: link.py turns each into what the loader looks up by name. */
extern void abort(void);
extern u64 sol_log_(const char *text, u64 length);
extern u64 sol_log_data(const struct slice *parts, u64 count);
extern u64 sol_get_clock_sysvar(struct clock *);
extern u64 sol_try_find_program_address(const struct slice *seeds, u64 count, const pubkey *program,
                                        pubkey *found, u8 *bump);
extern u64 sol_invoke_signed_c(const struct instruction *, const struct account *accounts,
                               u64 count, const struct slice *signers, u64 signer_count);

/* A result is 0, a number of the program's own (Custom), or one of the runtime's. */
typedef u64 result;
enum : u64 {
  INVALID_ACCOUNT_DATA = 4ULL << 32,
  UNINITIALIZED_ACCOUNT = 10ULL << 32,
  ACCOUNT_BORROW_FAILED = 12ULL << 32,
};

#define REQUIRE(claim, error) do { if (!(claim)) return (error); } while (0)
#define TRY(call) do { result failure_ = (call); if (failure_) return failure_; } while (0)
/* Ends the transaction: where the real program panics. */
#define ASSERT(claim) do { if (!(claim)) abort(); } while (0)

static inline bool same(const pubkey *a, const pubkey *b) {
  return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
         a->word[3] == b->word[3];
}

static const pubkey SYSTEM_PROGRAM = {{0, 0, 0, 0}};
/* TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA */
static const pubkey TOKEN_PROGRAM = {
    {0x93a165d7e1f6dd06, 0xac79ebce46e1cbd9, 0x91375b5fed85b41c, 0xa900ff7e85f58c3a}};
/* TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb */
static const pubkey TOKEN_2022_PROGRAM = {
    {0xde8f75eee1f6dd06, 0xdacd6ce4bc5d4218, 0x270db9834dfc1ab6, 0xfc8ba1d828f9bdfe}};

/* The instruction: its accounts, at most as many as there is room for, its data, its program. */
struct input {
  struct account *accounts;
  u64 room, count;
  const u8 *data;
  u64 data_length;
  const pubkey *program;
};

enum { NOT_A_DUPLICATE = 0xff, SPARE_ROOM = 10240 };
struct PACKED serialized {
  u8 duplicate_of, signer, writable, executable;
  u32 padding;
  pubkey key, owner;
  u64 lamports, length;
  u8 data[];
};

/* Reads what the loader hands over; accounts beyond the room are passed over. */
static void read_input(const u8 *at, struct input *in) {
  in->count = *(const u64 *)at;
  at += 8;
  for (u64 i = 0; i < in->count; i++) {
    struct serialized *from = (struct serialized *)at;
    struct account *to = &in->accounts[i];
    if (from->duplicate_of != NOT_A_DUPLICATE) {
      if (i < in->room) *to = in->accounts[from->duplicate_of];
      at += 8;
      continue;
    }
    at = from->data + from->length + SPARE_ROOM + (-from->length & 7);
    if (i < in->room) {
      to->key = &from->key;
      to->lamports = (const u64 *)((u8 *)from + 72);
      to->length = from->length;
      to->data = from->data;
      to->owner = &from->owner;
      to->rent_epoch = *(const u64 *)at;
      to->signer = from->signer;
      to->writable = from->writable;
      to->executable = from->executable;
    }
    at += 8;
  }
  in->data_length = *(const u64 *)at;
  in->data = at + 8;
  in->program = (const pubkey *)(in->data + in->data_length);
}
