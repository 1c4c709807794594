"""Jupiter's two instructions of version 2: bounded by us, and read again for the firewall.

Source: the program's own IDL, as several clients of it agree on. In these two, amounts, slippage
and fees come first, at places that never move. In those of version 1 they come behind a route plan
of any length, and the program passes over bytes behind them: without reading the whole plan nobody
knows which bytes count. So version 1 is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from struct import Struct as Layout
from typing import Final

from msgspec import Struct
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.solana.firewall.allowed import SwapCall

JUPITER: Final = Pubkey.from_string("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4")
EVENT_AUTHORITY: Final = Pubkey.find_program_address([b"__event_authority"], JUPITER)[0]
SLIPPAGE_EXCEEDED: Final = 6001  # The error of a swap that would pay less than was asked for.

# In, quoted out, then in hundredths of a percent: slippage, platform fee, share of a better price;
# and the number of steps.
_SCALARS: Final = Layout("<Q Q H H H I")
_NAME_BYTES: Final = 8


class Kind(Struct, frozen=True, kw_only=True):
    """One instruction: where its amounts are in the data, and who is who among its accounts.

    `fixed` are accounts that are always the same; `receives_too` is the place of another receiver,
    which the program's own address stands for where there is none.
    """

    name: str
    scalars: int
    accounts: int
    authority: int
    pays: int
    receives: int
    fixed: Mapping[int, Pubkey]
    receives_too: int | None = None


# The first eight bytes of sha256 of "global:" and the name.
KINDS: Final[Mapping[bytes, Kind]] = {
    bytes.fromhex("bb64facc31c4af14"): Kind(
        name="route_v2",
        scalars=_NAME_BYTES,
        accounts=10,
        authority=0,
        pays=1,
        receives=2,
        receives_too=7,
        fixed={8: EVENT_AUTHORITY, 9: JUPITER},
    ),
    bytes.fromhex("d19853937cfed8e9"): Kind(
        name="shared_accounts_route_v2",
        scalars=_NAME_BYTES + 1,  # Behind the number of the program's own accounts.
        accounts=12,
        authority=1,
        pays=2,
        receives=5,
        fixed={10: EVENT_AUTHORITY, 11: JUPITER},
    ),
}


class Promise(Struct, frozen=True, kw_only=True):
    """The amounts of a route in atoms; rates are in hundredths of a percent."""

    amount_in: int
    quoted_out: int
    slippage_bps: int
    fee_bps: int
    better_price_bps: int
    steps: int


def promise_of(instruction: Instruction) -> Promise:
    """Return the amounts of a route. Raises `ValueError` for any other instruction."""
    kind = _kind_of(instruction)
    return Promise(
        **dict(
            zip(
                Promise.__struct_fields__,
                _SCALARS.unpack_from(instruction.data, kind.scalars),
                strict=True,
            )
        )
    )


def bounded(instruction: Instruction, min_out: int) -> Instruction:
    """Return the same route that pays `min_out` or fails: quoted so, with no slippage beyond.

    Raises `ValueError` for any other instruction.
    """
    kind, told = _kind_of(instruction), promise_of(instruction)
    data = bytearray(instruction.data)
    rates = (0, told.fee_bps, told.better_price_bps)
    _SCALARS.pack_into(data, kind.scalars, told.amount_in, min_out, *rates, told.steps)
    return Instruction(instruction.program_id, bytes(data), instruction.accounts)


def moved(instruction: Instruction, to: Mapping[Pubkey, Pubkey]) -> Instruction:
    """Return the same instruction with some of its accounts in the place of others."""
    accounts = [
        AccountMeta(to.get(meta.pubkey, meta.pubkey), meta.is_signer, meta.is_writable)
        for meta in instruction.accounts
    ]
    return Instruction(instruction.program_id, instruction.data, accounts)


class RouteReader:
    """Reads routes for the firewall. Past its first accounts a route is opaque."""

    @property
    def programs(self) -> Collection[Pubkey]:
        """Return the program."""
        return (JUPITER,)

    def decode(self, instruction: Instruction) -> SwapCall:
        """Return a route's promise. Raises `ValueError` for one that takes any fee or slippage."""
        kind, told = _kind_of(instruction), promise_of(instruction)
        keys = [meta.pubkey for meta in instruction.accounts]
        if told.steps == 0:
            raise ValueError("has no steps")
        if told.slippage_bps or told.fee_bps or told.better_price_bps:
            rates = f"{told.slippage_bps}, {told.fee_bps} and {told.better_price_bps} bps"
            raise ValueError(f"takes slippage, a fee or a better price: {rates}")
        for place, key in kind.fixed.items():
            if keys[place] != key:
                raise ValueError(f"account {place} is {keys[place]}, not {key}")
        too = kind.receives_too
        if too is not None and keys[too] not in (JUPITER, keys[kind.receives]):
            raise ValueError(f"pays {keys[too]}")
        return SwapCall(
            pays=keys[kind.pays],
            receives=keys[kind.receives],
            authority=keys[kind.authority],
            amount_in=told.amount_in,
            min_out=told.quoted_out,
            writable=[meta.pubkey for meta in instruction.accounts if meta.is_writable],
            opaque=True,
        )


def _kind_of(instruction: Instruction) -> Kind:
    kind = KINDS.get(instruction.data[:_NAME_BYTES])
    if instruction.program_id != JUPITER or kind is None:
        raise ValueError("is no route_v2 or shared_accounts_route_v2 of Jupiter")
    if len(instruction.data) < kind.scalars + _SCALARS.size:
        raise ValueError(f"{kind.name} has {len(instruction.data)} bytes of data")
    if len(instruction.accounts) < kind.accounts:
        raise ValueError(f"{kind.name} names {len(instruction.accounts)} accounts")
    return kind
