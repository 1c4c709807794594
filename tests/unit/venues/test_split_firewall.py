"""A split is signed when its parts together keep the order's terms, and in no other case."""

from __future__ import annotations

import struct

import pytest
from msgspec.structs import replace
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import SOL, token_account
from shared.solana.building.swap import swap_message
from shared.solana.firewall.allowed import Refused, SwapCall
from shared.solana.firewall.judge import judge
from shared.venues.split.divide import divisions
from shared.venues.split.plan import Readers, instructions
from tests.support.hostile import transfer
from tests.support.pools import a_pool
from tests.unit.solana.swaps import (
    THIEF,
    USDC,
    allowed,
    compiled,
    envelope,
    key,
    parts,
    terms,
)

MINTS = (SOL.address, USDC.address)
POOLS = [a_pool(10**12, 150 * 10**9, number=n, mints=MINTS) for n in (1, 2)]
ORDER = terms(amount_in=10**11, min_out=14 * 10**9)
[DIVISION] = [found for found in divisions(POOLS, ORDER.amount_in, 2) if len(found) == 2]
READERS = Readers([pool.reader for pool in POOLS])
PERMIT = allowed(ORDER, READERS)
HONEST = swap_message(ORDER, instructions(DIVISION, ORDER), envelope())
SWAPS = [at for at, one in enumerate(parts(HONEST)) if one.program_id in READERS.programs]
FIRST, SECOND = SWAPS
THREE_PARTS = ORDER.amount_in + DIVISION[1].amount_in


def judged(*, at: int, instruction: Instruction, instead: bool = True) -> Refused | None:
    changed = parts(HONEST)
    changed[at : at + instead] = [instruction]
    return judge(compiled(changed), PERMIT)


def a_swap(at: int, *, more_in: int = 0, more_out: int = 0) -> Instruction:
    one = parts(HONEST)[at]
    name, amount_in, min_out = struct.unpack("<8s Q Q", one.data)
    data = struct.pack("<8s Q Q", name, amount_in + more_in, min_out + more_out)
    return Instruction(one.program_id, data, one.accounts)


def with_account(at: int, place: int, other: Pubkey) -> Instruction:
    one = parts(HONEST)[at]
    metas = list(one.accounts)
    metas[place] = AccountMeta(other, metas[place].is_signer, metas[place].is_writable)
    return Instruction(one.program_id, one.data, metas)


def test_two_swaps_that_keep_the_terms_together_are_signed() -> None:
    assert judge(HONEST, PERMIT) is None
    assert len(SWAPS) == 2


@pytest.mark.parametrize(
    ("at", "instruction", "instead", "place", "said"),
    [
        (SECOND, a_swap(SECOND, more_out=-1), True, None, "gets 13999999999 atoms at least"),
        (FIRST, a_swap(FIRST, more_in=1), True, None, "gives 100000000001 atoms"),
        (FIRST, a_swap(FIRST, more_in=-1), True, None, "gives 99999999999 atoms"),
        (
            SECOND,
            a_swap(SECOND),
            False,
            None,
            f"gives {ORDER.amount_in + DIVISION[1].amount_in} atoms",
        ),
        (SECOND, with_account(SECOND, 0, THIEF), True, None, f"{THIEF} would have to sign too"),
        (
            SECOND,
            with_account(SECOND, 5, token_account(THIEF, USDC)),
            True,
            SECOND,
            "the receiving account of the swap is",
        ),
        (
            SECOND,
            with_account(SECOND, 4, token_account(ORDER.wallet, SOL)),
            True,
            SECOND,
            "the paying account of the swap is",
        ),
        (
            SECOND,
            Instruction(key("another program"), b"", []),
            True,
            SECOND,
            "is not allowed",
        ),
        (
            SECOND,
            transfer(ORDER.pays, token_account(THIEF, SOL), ORDER.wallet, 1),
            False,
            SECOND,
            "transfer of the token program is not allowed",
        ),
    ],
    ids=[
        *("less out", "more in", "less in", "a third part", "authority", "payee", "payer"),
        *("program", "transfer"),
    ],
)
def test_a_split_with_a_hostile_part_is_refused_by_place_and_name(
    at: int, instruction: Instruction, instead: bool, place: int | None, said: str
) -> None:
    refused = judged(at=at, instruction=instruction, instead=instead)

    assert refused is not None
    assert (refused.instruction, said in refused.what) == (place, True), refused


def test_what_one_part_gives_up_another_may_guarantee() -> None:
    changed = parts(HONEST)
    changed[FIRST], changed[SECOND] = a_swap(FIRST, more_out=7), a_swap(SECOND, more_out=-7)

    assert judge(compiled(changed), PERMIT) is None


class OtherReader:
    """A venue of another program."""

    programs = (key("other program"),)

    def decode(self, instruction: Instruction) -> SwapCall:
        return replace(
            POOLS[0].reader.decode(parts(HONEST)[FIRST]), amount_in=len(instruction.data)
        )


def test_each_part_is_read_by_the_reader_of_its_program() -> None:
    readers = Readers([POOLS[0].reader, OtherReader()])
    other = Instruction(key("other program"), b"12345", [])

    assert readers.decode(other).amount_in == 5
    assert readers.decode(parts(HONEST)[FIRST]).amount_in == DIVISION[0].amount_in
    with pytest.raises(ValueError, match="none of the venues"):
        readers.decode(Instruction(THIEF, b"", []))
