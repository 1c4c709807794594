"""The API's answers, read and held against the question.

Shapes: raydium-sdk-V2-demo, src/api/swap.ts, and Raydium's documentation of its trade API.
"""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from solders.pubkey import Pubkey

from shared.hiding import line
from shared.tokens.amounts import MOST_ATOMS
from shared.venues.protocol import VenueRejected, VenueUnavailable

_BPS: Final = 10_000
_HUNDREDTH: Final = Decimal("0.01")


class Question(Struct, frozen=True, kw_only=True):
    """A swap to be priced: two mints, and the atoms that go in."""

    mint_in: str
    mint_out: str
    amount_in: int
    slippage_bps: int

    @property
    def params(self) -> dict[str, str]:
        """Return it as the API wants it."""
        return {
            "inputMint": self.mint_in,
            "outputMint": self.mint_out,
            "amount": str(self.amount_in),
            "slippageBps": str(self.slippage_bps),
            # Of the two kinds the one without lookup tables: nothing in it is hidden.
            "txVersion": "LEGACY",
        }


class Computed(Struct, frozen=True, kw_only=True):
    """A price: the pool of the swap, and what it pays and promises, in atoms."""

    pool: Pubkey
    amount_out: int
    least_out: int
    fee_bps: Decimal
    price_impact_bps: Decimal


class _Hop(Struct, rename="camel"):
    pool_id: str
    input_mint: str
    output_mint: str
    fee_mint: str
    fee_amount: str


class _Data(Struct, rename="camel"):
    swap_type: str
    input_mint: str
    input_amount: str
    output_mint: str
    output_amount: str
    other_amount_threshold: str
    slippage_bps: int
    price_impact_pct: Decimal
    route_plan: list[_Hop]
    referrer_amount: str = "0"


class _Transaction(Struct):
    transaction: str


class _Said(Struct):
    """An answer before it is known whether it is one."""

    success: bool
    data: msgspec.Raw = msgspec.Raw(b"null")
    msg: str = ""


T = TypeVar("T")
_said = msgspec.json.Decoder(_Said)
_computed = msgspec.json.Decoder(_Data)
_built = msgspec.json.Decoder(list[_Transaction])


def computed(raw: bytes, asked: Question) -> Computed:
    """Return the price that an answer of `compute/swap-base-in` names.

    Raises `VenueRejected` for a no, and for a route of several pools; `VenueUnavailable` for
    another question's answer, and for one that contradicts itself.
    """
    data = _good(raw, _computed)
    if len(data.route_plan) != 1:
        raise VenueRejected(f"routes through {len(data.route_plan)} pools: one can be swapped in")
    [hop] = data.route_plan
    given = (data.swap_type, data.input_mint, data.output_mint, data.slippage_bps)
    if given != ("BaseIn", asked.mint_in, asked.mint_out, asked.slippage_bps):
        raise _wrong("of another swap")
    if (hop.input_mint, hop.output_mint) != (asked.mint_in, asked.mint_out):
        raise _wrong("of another route")
    if _atoms(data.input_amount) != asked.amount_in or _atoms(data.referrer_amount):
        raise _wrong("of another amount")
    amount_out, least_out = _atoms(data.output_amount), _atoms(data.other_amount_threshold)
    if not least_out <= amount_out > 0:
        raise _wrong("without an amount out")
    return Computed(
        pool=_address(hop.pool_id),
        amount_out=amount_out,
        least_out=least_out,
        fee_bps=_fee_bps(hop, asked.amount_in),
        price_impact_bps=_impact_bps(data.price_impact_pct),
    )


def built(raw: bytes) -> bytes:
    """Return the one transaction of an answer of `transaction/swap-base-in`, as its bytes.

    Raises `VenueRejected` for a no and for a plan of several transactions, of which some might
    land and others not; `VenueUnavailable` for anything else.
    """
    transactions = _good(raw, _built)
    if len(transactions) != 1:
        raise VenueRejected(f"plans {len(transactions)} transactions, which are not one swap")
    try:
        return b64decode(transactions[0].transaction, validate=True)
    except ValueError:
        raise _wrong("without a transaction") from None


def slippage_bps(amount_out: int, least_out: int) -> int:
    """Return the most slippage that still promises `least_out` of `amount_out` atoms."""
    return (amount_out - least_out) * _BPS // amount_out


def _good(raw: bytes, read: msgspec.json.Decoder[T]) -> T:
    try:
        said = _said.decode(raw)
        if not said.success:
            raise VenueRejected(line(said.msg) or "says no")
        return read.decode(said.data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _wrong(f"that cannot be read: {line(str(error))}") from None


def _wrong(what: str) -> VenueUnavailable:
    return VenueUnavailable(f"gives an answer {what}")


def _atoms(text: str) -> int:
    # So many digits are enough for the most atoms, and are counted before they are read.
    short = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_ATOMS))
    if not short or int(text) > MOST_ATOMS:
        raise _wrong("whose amounts are none")
    return int(text)


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise _wrong("whose pool is none") from None


def _fee_bps(hop: _Hop, amount_in: int) -> Decimal:
    """Return the fee as a part of what goes in; it explains the amount out, and ranks nothing."""
    if hop.fee_mint != hop.input_mint:
        return Decimal(0)
    return (Decimal(_BPS * _atoms(hop.fee_amount)) / amount_in).quantize(_HUNDREDTH)


def _impact_bps(percent: Decimal) -> Decimal:
    # Its documents leave the unit open, and its schema says percent.
    if not percent.is_finite() or not -_BPS <= percent <= _BPS:
        raise _wrong("whose price impact is none")
    return min(max(percent * 100, Decimal(0)), Decimal(_BPS)).quantize(_HUNDREDTH)
