"""Hostile messages: each is refused, and the refusal names the fault and its place."""

from __future__ import annotations

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.message import (
    Message,
    MessageHeader,
    MessageV0,
    from_bytes_versioned,
    to_bytes_versioned,
)
from solders.pubkey import Pubkey
from solders.signature import Signature

from shared.solana.addresses import SOL, token_account
from shared.solana.building.swap import swap_message
from shared.solana.firewall.allowed import Refused
from shared.solana.firewall.judge import judge
from shared.solana.instructions import (
    memo,
)
from shared.solana.signing import BadSignature, sign
from shared.venues.meteora.accounts import read_pair
from shared.venues.meteora.instruction import SwapReader, swap2
from shared.venues.meteora.program import reserve
from tests.support.meteora import ours, pair_bytes
from tests.unit.solana.swaps import (
    BLOCKHASH,
    BONK,
    STRANGER,
    THIEF,
    USDC,
    WALLET,
    RaydiumDecoder,
    allowed,
    compiled,
    envelope,
    key,
    parts,
    raydium_message,
    raydium_swap,
    terms,
)
from tests.unit.solana.thefts import (
    CLOSE,
    CREATE,
    INITIALIZE,
    LIMIT,
    MEMO,
    ORDER,
    OWNER,
    PERMIT,
    PRICE,
    SWAP,
    THEFTS,
)


def _refusal(message: bytes) -> Refused:
    refused = judge(message, PERMIT)
    assert refused is not None, "it would be signed"
    return refused


@pytest.mark.parametrize("theft", THEFTS)
def test_a_hostile_instruction_is_refused_by_place_and_name(theft: str) -> None:
    at, instruction, place, said = THEFTS[theft]
    instructions = parts(raydium_message(ORDER))
    instructions[at : at + (theft != "a durable nonce")] = [instruction]
    refused = _refusal(compiled(instructions))

    assert (refused.instruction, said in refused.what) == (place, True), refused
    where = "the message" if place is None else f"instruction {place}"
    assert str(refused) == f"{where}: {refused.what}"


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (LIMIT, "has no compute unit limit"),
        (PRICE, "has no compute unit price"),
        (MEMO, "has no memo"),
        (CREATE, "has no temporary account"),
        (INITIALIZE, "has no initialisation of the temporary account"),
        (SWAP, "has no swap"),
        (CLOSE, "has no close of the temporary account"),
    ],
)
def test_a_message_that_leaves_a_part_out_is_refused(left_out: int, said: str) -> None:
    instructions = parts(raydium_message(ORDER))
    del instructions[left_out]

    assert _refusal(compiled(instructions)) == Refused(said)


HONEST = from_bytes_versioned(raydium_message(ORDER))
assert isinstance(HONEST, MessageV0)


def _raw(*extra: Pubkey, signers: int = 0, readonly: int = 0) -> bytes:
    """Return the honest message with more accounts, signers or read-only accounts."""
    counts = HONEST.header
    header = MessageHeader(
        counts.num_required_signatures + signers,
        counts.num_readonly_signed_accounts + signers,
        counts.num_readonly_unsigned_accounts + readonly + len(extra),
    )
    keys = [*HONEST.account_keys, *extra]
    message = MessageV0(header, keys, BLOCKHASH, HONEST.instructions, [])
    return to_bytes_versioned(message)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (compiled(parts(raydium_message(ORDER)), payer=THIEF), f"the fee payer is {THIEF}"),
        (
            compiled(parts(raydium_message(ORDER)), blockhash=Hash.default()),
            f"the blockhash is {Hash.default()}, not {BLOCKHASH}",
        ),
        (_raw(THIEF), f"account {THIEF} is of no use to it"),
        (_raw(OWNER), "names an account twice"),
        (_raw(signers=1), "would have to sign too"),
        (_raw(readonly=-1), "is writable"),
        (_raw(readonly=1), "is not writable"),
        (_raw(signers=100), "is malformed: index out of bounds"),
        (_raw() + b"\0", "is no message of version 0, or more than one"),
        (_raw()[:-1], "is no message of Solana"),
        (b"", "is no message of Solana"),
        (b"\x81" + _raw()[1:], "is no message"),
        (
            bytes(Message.new_with_blockhash(parts(raydium_message(ORDER)), OWNER, BLOCKHASH)),
            "is no message of version 0",
        ),
    ],
    ids=range(13),
)
def test_a_hostile_message_is_refused_as_a_whole(message: bytes, said: str) -> None:
    refused = _refusal(message)

    assert (refused.instruction, said in refused.what) == (None, True), refused


TABLE = key("table")
LISTED = [key("config"), ORDER.receives, key("pool")]


def _with_table() -> bytes:
    table = AddressLookupTableAccount(TABLE, LISTED)
    instructions = parts(raydium_message(ORDER))
    return to_bytes_versioned(MessageV0.try_compile(OWNER, instructions, [table], BLOCKHASH))


def test_accounts_of_a_lookup_table_are_judged_as_if_they_were_in_the_message() -> None:
    assert judge(_with_table(), PERMIT, {TABLE: LISTED}) is None


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([LISTED[0], token_account(THIEF, USDC), LISTED[2]], token_account(THIEF, USDC)),
        ([LISTED[0], ORDER.pays, LISTED[2]], "names an account twice"),
        (LISTED[:2], "unknown, or has no final address"),
        ([], "unknown, or has no final address"),
    ],
)
def test_a_poisoned_lookup_table_is_refused(listed: list[Pubkey], said: object) -> None:
    refused = judge(_with_table(), PERMIT, {TABLE: listed})

    assert refused is not None
    assert str(said) in refused.what


def _meteora_message() -> bytes:
    """Return a swap in a pool of Meteora's, whose reader knows each account but the pool."""
    pool, mints = key("pool"), (SOL.address, USDC.address)
    fields = {"token_x_mint": bytes(mints[0]), "token_y_mint": bytes(mints[1])}
    for name, mint in zip(("reserve_x", "reserve_y"), mints, strict=True):
        fields[name] = bytes(reserve(pool, mint))
    pair = read_pair(pool, ours(pair_bytes(pool, (), **fields)))
    return swap_message(ORDER, [swap2(ORDER, pool, pair, (0, -1))], envelope())


def test_no_bit_of_a_swap_can_be_changed_but_for_the_fee_and_a_better_price() -> None:
    message, permit = _meteora_message(), allowed(ORDER, SwapReader())
    honest, passed = parts(message), set()
    for at in range(len(message) * 8):
        changed = bytearray(message)
        changed[at // 8] ^= 1 << at % 8
        if judge(bytes(changed), permit) is None:
            pairs = zip(parts(bytes(changed)), honest, strict=True)
            ((place, now),) = ((i, one) for i, (one, old) in enumerate(pairs) if one != old)
            passed.add(place)
            assert place != SWAP or int.from_bytes(now.data[16:24], "little") > ORDER.min_out

    assert judge(message, permit) is None
    assert passed == {LIMIT, PRICE, SWAP}


class _Spy:
    """A signer that remembers whether it was asked."""

    public_key = OWNER
    asked = False

    def sign(self, message: bytes) -> Signature:
        self.asked = True
        return STRANGER.sign(message)  # By the wrong key.


def test_a_signer_never_sees_a_message_that_is_refused() -> None:
    spy = _Spy()
    refused = sign(compiled([memo("x")]), PERMIT, [spy])

    assert isinstance(refused, Refused)
    assert not spy.asked


def test_a_signature_by_another_key_and_a_signer_that_is_missing_are_told() -> None:
    with pytest.raises(BadSignature, match=str(OWNER)):
        sign(raydium_message(ORDER), PERMIT, [_Spy()])
    with pytest.raises(ValueError, match=f"no signer for {OWNER}"):
        sign(raydium_message(ORDER), PERMIT, [STRANGER])


def test_a_transaction_larger_than_solana_takes_is_not_signed() -> None:
    order = terms(USDC, BONK, amount_in=40, min_out=40)
    pools = [raydium_swap(order, amount_in=1, min_out=1)] * 40
    message = swap_message(order, pools, envelope())

    with pytest.raises(ValueError, match="Solana takes 1232"):
        sign(message, allowed(order, RaydiumDecoder()), [WALLET])
