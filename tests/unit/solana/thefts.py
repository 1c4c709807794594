"""Instructions that steal: where each is put into the honest message, and its refusal."""

from __future__ import annotations

from solders.compute_budget import (
    request_heap_frame,
    set_compute_unit_limit,
    set_compute_unit_price,
)
from solders.instruction import Instruction
from solders.system_program import (
    AdvanceNonceAccountParams,
    AssignParams,
    TransferParams,
    advance_nonce_account,
    assign,
)
from solders.system_program import transfer as send_sol

from shared.solana.addresses import ASSOCIATED_TOKEN, SOL, TOKEN, TOKEN_2022, token_account
from shared.solana.instructions import (
    close,
    create_seeded,
    create_token_account,
    initialize,
    memo,
    reads,
    signs,
    writes,
)
from tests.support.hostile import transfer
from tests.unit.solana.swaps import (
    BONK,
    THIEF,
    USDC,
    RaydiumDecoder,
    allowed,
    key,
    raydium_swap,
    terms,
)

ORDER = terms(SOL, USDC)
PERMIT = allowed(ORDER, RaydiumDecoder())
OWNER = ORDER.wallet
SAVINGS = token_account(OWNER, BONK)
# The places in the honest message.
LIMIT, PRICE, MEMO, MAKE, CREATE, INITIALIZE, SWAP, CLOSE, MORE = range(9)

# In place of the instruction there, or behind all: the place that is named, and the words.
THEFTS: dict[str, tuple[int, Instruction, int | None, str]] = {
    "another payee": (
        SWAP,
        raydium_swap(ORDER, receives=token_account(THIEF, USDC)),
        SWAP,
        "the receiving account of the swap is",
    ),
    "another paying account": (
        SWAP,
        raydium_swap(ORDER, pays=SAVINGS),
        SWAP,
        f"the paying account of the swap is {SAVINGS}",
    ),
    "swapped mints": (
        SWAP,
        raydium_swap(ORDER, pays=ORDER.receives, receives=ORDER.pays),
        SWAP,
        "the paying account of the swap is",
    ),
    "another authority": (
        SWAP,
        raydium_swap(ORDER, authority=THIEF),
        None,
        f"{THIEF} would have to sign too",
    ),
    "a larger amount": (
        SWAP,
        raydium_swap(ORDER, amount_in=ORDER.amount_in + 1),
        None,
        "gives 1500000001 atoms, not 1500000000",
    ),
    "a smaller amount": (
        SWAP,
        raydium_swap(ORDER, amount_in=1),
        None,
        "gives 1 atoms, not 1500000000",
    ),
    "a lower least": (
        SWAP,
        raydium_swap(ORDER, min_out=ORDER.min_out - 1),
        None,
        "gets 224999999 atoms at least, and 225000000 is the least",
    ),
    "a second swap": (
        MORE,
        raydium_swap(ORDER),
        None,
        "gives 3000000000 atoms",
    ),
    "another instruction of the venue": (
        MORE,
        Instruction(raydium_swap(ORDER).program_id, bytes(24), raydium_swap(ORDER).accounts),
        MORE,
        "no swap of the venue: it is no swap_base_input",
    ),
    "an account more for the venue": (
        SWAP,
        Instruction(
            raydium_swap(ORDER).program_id,
            raydium_swap(ORDER).data,
            [*raydium_swap(ORDER).accounts, writes(SAVINGS)],
        ),
        SWAP,
        "no swap of the venue",
    ),
    "approve": (
        MORE,
        Instruction(TOKEN, b"\x04" + bytes(8), [writes(SAVINGS), reads(THIEF), signs(OWNER)]),
        MORE,
        "approve of the token program is not allowed",
    ),
    "approve by Token-2022": (
        MORE,
        Instruction(TOKEN_2022, b"\x04" + bytes(8), [writes(SAVINGS), reads(THIEF), signs(OWNER)]),
        MORE,
        "approve of the Token-2022 program is not allowed",
    ),
    "set-authority": (
        MORE,
        Instruction(TOKEN, b"\x06\x02\x01" + bytes(THIEF), [writes(SAVINGS), signs(OWNER)]),
        MORE,
        "set authority of the token program is not allowed",
    ),
    "a transfer": (
        MORE,
        transfer(SAVINGS, token_account(THIEF, BONK), OWNER, 1),
        MORE,
        "transfer of the token program is not allowed",
    ),
    "an unknown token instruction": (
        MORE,
        Instruction(TOKEN, b"\xff", [signs(OWNER)]),
        MORE,
        "instruction kind 255 of the token program is not allowed",
    ),
    "a token instruction without data": (
        MORE,
        Instruction(TOKEN, b"", [signs(OWNER)]),
        MORE,
        "of the token program is not allowed",
    ),
    "SOL sent away": (
        MORE,
        send_sol(TransferParams(from_pubkey=OWNER, to_pubkey=THIEF, lamports=1)),
        MORE,
        "transfer of the system program is not allowed",
    ),
    "the wallet given away": (
        MORE,
        assign(AssignParams(pubkey=OWNER, owner=THIEF)),
        MORE,
        "assign of the system program is not allowed",
    ),
    "a close of another account": (
        MORE,
        close(SAVINGS, OWNER),
        MORE,
        f"is not the order's close of the temporary account: account 0 is {SAVINGS}",
    ),
    "a close to somebody else": (
        CLOSE,
        Instruction(TOKEN, b"\x09", [writes(ORDER.temporary), writes(THIEF), signs(OWNER)]),
        CLOSE,
        f"is not the order's close of the temporary account: account 1 is {THIEF}",
    ),
    "a second close": (
        MORE,
        close(ORDER.temporary, OWNER),
        MORE,
        "is a second close of the temporary account",
    ),
    "a temporary account of somebody else": (
        INITIALIZE,
        initialize(ORDER.temporary, SOL.address, THIEF),
        INITIALIZE,
        "is not the order's initialisation of the temporary account: its data differ",
    ),
    "a temporary account of another mint": (
        INITIALIZE,
        initialize(ORDER.temporary, USDC.address, OWNER),
        INITIALIZE,
        f"account 1 is {USDC.address}",
    ),
    "a temporary account with too much": (
        CREATE,
        create_seeded(OWNER, ORDER.temporary, ORDER.seed, ORDER.temporary_lamports + 1),
        CREATE,
        "is not the order's temporary account: its data differ",
    ),
    "a temporary account of another attempt": (
        CREATE,
        create_seeded(
            OWNER, terms(attempt=2).temporary, terms(attempt=2).seed, ORDER.temporary_lamports
        ),
        CREATE,
        "is not the order's temporary account",
    ),
    "a token account for somebody else": (
        MAKE,
        create_token_account(OWNER, THIEF, USDC),
        MAKE,
        "is not the order's token account: account 1 is",
    ),
    "a token account of another mint": (
        MORE,
        create_token_account(OWNER, OWNER, BONK),
        MORE,
        "is not the order's token account: account 1 is",
    ),
    "a token account that must be new": (
        MAKE,
        Instruction(ASSOCIATED_TOKEN, b"", create_token_account(OWNER, OWNER, USDC).accounts),
        MAKE,
        "of the associated token program is not allowed",
    ),
    "an unknown program": (
        MORE,
        Instruction(key("unknown"), b"", []),
        MORE,
        f"program {key('unknown')} is not allowed",
    ),
    "a hundred times the price": (
        PRICE,
        set_compute_unit_price(1_000_000),
        PRICE,
        "a compute unit price of 1000000 is above 50000",
    ),
    "too many units": (
        LIMIT,
        set_compute_unit_limit(400_001),
        LIMIT,
        "a compute unit limit of 400001 is above 400000",
    ),
    "a second price": (MORE, set_compute_unit_price(1), MORE, "is a second compute unit price"),
    "a heap": (
        MORE,
        request_heap_frame(64 * 1_024),
        MORE,
        "instruction kind 1 of the compute budget program is not allowed",
    ),
    "another order's memo": (
        MEMO,
        memo("another"),
        MEMO,
        "is not the order's memo: its data differ",
    ),
    "a second memo": (MORE, memo(ORDER.order_id), MORE, "is a second memo"),
    "a memo that somebody else signs": (
        MEMO,
        Instruction(memo("").program_id, ORDER.order_id.encode(), [signs(THIEF)]),
        None,
        f"{THIEF} would have to sign too",
    ),
    "a memo that names an account": (
        MEMO,
        Instruction(memo("").program_id, ORDER.order_id.encode(), [reads(SAVINGS)]),
        MEMO,
        "is not the order's memo: it has 1 accounts, not 0",
    ),
    "a durable nonce": (
        0,
        advance_nonce_account(
            AdvanceNonceAccountParams(nonce_pubkey=key("nonce"), authorized_pubkey=OWNER)
        ),
        0,
        "advance nonce of the system program is not allowed",
    ),
    "a program that may change": (
        MAKE,
        Instruction(
            ASSOCIATED_TOKEN,
            b"\x01",
            [*create_token_account(OWNER, OWNER, USDC).accounts[:5], writes(TOKEN)],
        ),
        None,
        f"account {TOKEN} is writable",
    ),
}
