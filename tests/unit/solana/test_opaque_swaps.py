"""A swap that hands accounts on to strangers: judged by its words, its tables and its rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import pack
from typing import Any

import pytest
from msgspec.structs import replace
from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState

from shared.solana.addresses import LOOKUP_TABLES, SYSTEM, TOKEN
from shared.solana.building.swap import swap_message
from shared.solana.fees import network_fee
from shared.solana.firewall.allowed import Refused, SwapCall
from shared.solana.firewall.judge import judge, judge_words
from shared.solana.firewall.message import expand
from shared.solana.firewall.rehearsal import Rehearsal
from shared.solana.firewall.tables import read_tables
from shared.solana.signing import TooLarge, check_size, sign
from tests.unit.solana.swaps import (
    BLOCKHASH,
    BONK,
    RENT,
    THIEF,
    USDC,
    WALLET,
    RaydiumDecoder,
    allowed,
    envelope,
    key,
    raydium_swap,
    terms,
)

ORDER = terms(USDC, BONK, amount_in=100, min_out=50)
FEE = network_fee(1, cu_limit=120_000, cu_price=10_000).total
STRANGER = key("a stranger's account")


class Opaque(RaydiumDecoder):
    """The same swap, by a program that passes thirteen accounts, and any more, on to others."""

    def decode(self, instruction: Instruction) -> SwapCall:
        plain = Instruction(instruction.program_id, instruction.data, instruction.accounts[:13])
        more = [meta.pubkey for meta in instruction.accounts[13:] if meta.is_writable]
        call = super().decode(plain)
        return replace(call, opaque=True, writable=[*call.writable, *more])


PERMIT = allowed(ORDER, Opaque())


def _message(*more: AccountMeta) -> bytes:
    swap = raydium_swap(ORDER)
    handed = Instruction(swap.program_id, swap.data, [*swap.accounts, *more])
    return swap_message(ORDER, [handed], envelope(ORDER.receives))


HONEST = _message(AccountMeta(STRANGER, is_signer=False, is_writable=True))


def _tokens(mint: Pubkey, atoms: int, owner: Pubkey = ORDER.wallet, **changes: Any) -> Account:
    held: dict[str, Any] = {"delegate": None, "close_authority": None} | changes
    state = TokenAccount(
        mint,
        owner,
        atoms,
        held["delegate"],
        TokenAccountState.Initialized,
        None,
        0,
        held["close_authority"],
    )
    return Account(RENT, bytes(state), TOKEN)


@dataclass
class World:
    """The accounts of a message before and after; a test changes what it is about."""

    message: bytes = HONEST
    before: dict[Pubkey, Account | None] = field(default_factory=dict)
    after: dict[Pubkey, Account | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        vault = _tokens(USDC.address, 10**9, owner=key("authority"))
        self.before = dict.fromkeys(expand(self.message, {}).keys, vault)
        self.before |= self._own(10**9, 100, 7)
        self.after = self._own(10**9 - FEE, 0, 57)

    @staticmethod
    def _own(lamports: int, paying: int, receiving: int) -> dict[Pubkey, Account | None]:
        return {
            ORDER.wallet: Account(lamports, b"", SYSTEM),
            ORDER.pays: _tokens(USDC.address, paying),
            ORDER.receives: _tokens(BONK.address, receiving),
        }

    def rehearsal(self) -> Rehearsal:
        return Rehearsal(message=self.message, before=self.before | {}, after=self.after | {})


def _refusal(world: World) -> str:
    refused = judge(world.message, PERMIT, rehearsal=world.rehearsal())
    assert refused is not None, "it would be signed"
    return refused.what


def test_an_opaque_swap_that_agrees_with_its_order_is_signed() -> None:
    signed = sign(HONEST, PERMIT, [WALLET], rehearsal=World().rehearsal())

    assert not isinstance(signed, Refused)


def test_an_opaque_swap_is_not_signed_without_a_rehearsal_of_its_very_bytes() -> None:
    other = replace(World().rehearsal(), message=HONEST + b"\0")

    assert judge_words(HONEST, PERMIT) is None
    for rehearsal in (None, other):
        refused = sign(HONEST, PERMIT, [WALLET], rehearsal=rehearsal)
        assert isinstance(refused, Refused)
        assert refused.what == "is opaque, and was not rehearsed"


def test_a_rehearsal_of_a_swap_that_is_not_opaque_is_judged_all_the_same() -> None:
    plain = swap_message(ORDER, [raydium_swap(ORDER)], envelope(ORDER.receives))
    permit = allowed(ORDER, RaydiumDecoder())
    world = World(plain)
    good = world.rehearsal()
    world.after[ORDER.pays] = _tokens(USDC.address, 1)

    assert judge(plain, permit) is None
    assert judge(plain, permit, rehearsal=good) is None
    assert "99 atoms are paid" in str(judge(plain, permit, rehearsal=world.rehearsal()))


def test_the_words_of_an_opaque_swap_are_judged_as_those_of_others() -> None:
    short = replace(PERMIT, terms=replace(ORDER, min_out=51))

    assert "gets 50 atoms at least" in str(judge_words(HONEST, short))
    assert "gets 50 atoms at least" in str(judge(HONEST, short, rehearsal=World().rehearsal()))


Change = Callable[[World], None]


def _before(at: Pubkey, account: Account | None) -> Change:
    return lambda world: world.before.update({at: account})


def _after(at: Pubkey, account: Account | None) -> Change:
    return lambda world: world.after.update({at: account})


HIDDEN = Account(RENT, b"stake" + bytes(ORDER.wallet) + bytes(64), key("another program"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_before(STRANGER, _tokens(USDC.address, 5)), f"account {STRANGER} of the wallet's is"),
        (
            _before(STRANGER, _tokens(USDC.address, 5, owner=THIEF, delegate=ORDER.wallet)),
            f"account {STRANGER} of the wallet's is handed on",
        ),
        (_before(STRANGER, HIDDEN), f"account {STRANGER} of the wallet's is handed on"),
        (lambda world: world.before.pop(STRANGER), f"account {STRANGER} was not looked at"),
        (_after(ORDER.pays, _tokens(USDC.address, 1)), "99 atoms are paid, not 100"),
        (
            _after(ORDER.pays, _tokens(USDC.address, 0, delegate=THIEF)),
            f"account {ORDER.pays} changes in more than its balance",
        ),
        (
            _after(ORDER.pays, _tokens(USDC.address, 0, close_authority=THIEF)),
            f"account {ORDER.pays} changes in more than its balance",
        ),
        (_after(ORDER.receives, _tokens(BONK.address, 56)), "49 atoms are received, and 50 is"),
        (_after(ORDER.receives, None), f"no account {ORDER.receives} to receive with"),
        (
            _after(ORDER.wallet, Account(10**9 - FEE - 1, b"", SYSTEM)),
            f"SOL falls by {FEE + 1} lamports, and {FEE} is the most",
        ),
    ],
    ids=range(10),
)
def test_a_rehearsal_that_disagrees_is_refused(change: Change, said: str) -> None:
    world = World()
    change(world)

    assert said in _refusal(world)


def test_an_account_that_there_is_not_is_no_account_of_the_wallet() -> None:
    world = World()
    world.before[STRANGER] = None

    assert judge(HONEST, PERMIT, rehearsal=world.rehearsal()) is None


def test_the_program_that_moves_sol_is_handed_to_no_stranger() -> None:
    message = _message(AccountMeta(SYSTEM, is_signer=False, is_writable=False))
    refused = judge_words(message, PERMIT)

    assert refused is not None
    assert (refused.what, refused.instruction) == ("it hands on the system program", 3)


TABLE, SLOT = key("table"), 1_000
LISTED = [key("config"), key("pool"), STRANGER]


def _table(*, grown: int = 900, before: int = 1, deactivated: int = 2**64 - 1) -> Account:
    meta = pack("<IQQBB32sH", 1, deactivated, grown, before, 1, bytes(THIEF), 0)
    return Account(RENT, meta + b"".join(map(bytes, LISTED)), LOOKUP_TABLES)


def test_a_table_that_is_final_is_read_in_full() -> None:
    assert read_tables([TABLE], [_table()], SLOT) == {TABLE: LISTED}


@pytest.mark.parametrize("grown", [968, 1_000, 1_001])
def test_no_address_counts_of_a_table_that_a_fork_could_still_change(grown: int) -> None:
    """It may have grown twice: which of its addresses are older is not noted."""
    assert read_tables([TABLE], [_table(grown=grown)], SLOT) == {TABLE: []}
    assert read_tables([TABLE], [_table(grown=967)], SLOT) == {TABLE: LISTED}


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (None, f"{TABLE} is no lookup table"),
        (Account(RENT, _table().data, TOKEN), f"{TABLE} is no lookup table"),
        (Account(RENT, b"\1" * 55, LOOKUP_TABLES), f"{TABLE} is no lookup table"),
        (Account(RENT, _table().data + b"\0", LOOKUP_TABLES), f"{TABLE} is no lookup table"),
        (Account(RENT, bytes(88), LOOKUP_TABLES), f"{TABLE} is no lookup table"),
        (_table(deactivated=999), f"lookup table {TABLE} was deactivated in slot 999"),
    ],
)
def test_what_is_no_table_any_more_is_refused(account: Account | None, said: str) -> None:
    refused = read_tables([TABLE], [account], SLOT)

    assert isinstance(refused, Refused)
    assert refused.what == said


def _by_table(listed: list[Pubkey]) -> bytes:
    table = AddressLookupTableAccount(TABLE, listed)
    instructions = list(expand(HONEST, {}).instructions)
    return to_bytes_versioned(MessageV0.try_compile(ORDER.wallet, instructions, [table], BLOCKHASH))


def test_a_message_of_ours_uses_the_tables_it_is_given() -> None:
    tables = {TABLE: LISTED}
    swap = raydium_swap(ORDER)
    around = replace(envelope(ORDER.receives), tables=tables)
    message = swap_message(ORDER, [swap], around)

    assert len(message) < len(swap_message(ORDER, [swap], envelope(ORDER.receives)))
    assert judge(message, allowed(ORDER, RaydiumDecoder()), tables) is None


def test_a_poisoned_table_hands_on_what_the_rehearsal_finds() -> None:
    """A table that says another account than the venue did: ours is found out all the same."""
    savings = key("savings")
    message = _by_table(LISTED)
    poisoned = {TABLE: [*LISTED[:2], savings]}
    world = World()
    world.before[savings] = _tokens(USDC.address, 9)
    refused = judge(message, PERMIT, poisoned, replace(world.rehearsal(), message=message))

    assert refused is not None
    assert refused.what == f"account {savings} of the wallet's is handed on"


def test_a_table_whose_end_is_not_final_yet_does_not_do() -> None:
    refused = judge_words(_by_table(LISTED), PERMIT, {TABLE: LISTED[:1]})

    assert refused is not None
    assert refused.what == f"lookup table {TABLE} is unknown, or has no final address 2"


def test_a_message_with_more_accounts_or_bytes_than_solana_takes_is_too_large() -> None:
    many = [AccountMeta(key(f"{i}"), is_signer=False, is_writable=False) for i in range(60)]
    table = {TABLE: [meta.pubkey for meta in many]}
    swap = raydium_swap(ORDER)
    handed = Instruction(swap.program_id, swap.data, [*swap.accounts, *many])
    around = envelope(ORDER.receives)

    with pytest.raises(TooLarge, match="bytes, and Solana takes 1232"):
        check_size(swap_message(ORDER, [handed], around))
    with pytest.raises(TooLarge, match="accounts, and Solana takes 64"):
        check_size(swap_message(ORDER, [handed], replace(around, tables=table)))
    check_size(HONEST)
