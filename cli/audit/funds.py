"""Whether the money is where the orders say. Pure: the chain's word against the archive's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from cli.check import Check

SOL_MINT = "So11111111111111111111111111111111111111112"


class Told(Struct, frozen=True, kw_only=True):
    """What the archive says of an order: its signatures, and its swap if it is confirmed.

    `undone` has the signatures that a fork took back.
    """

    order_id: str
    signatures: Collection[str]
    undone: Collection[str] = ()
    confirmed: str = ""
    amount_in: Decimal = Decimal(0)
    amount_out: Decimal = Decimal(0)


class Happened(Struct, frozen=True, kw_only=True):
    """A transaction of the chain that touches a wallet, in atoms and lamports.

    `wallet` is the name of the wallet that paid the fee, if it is one of ours. `lamports` is by
    account; `tokens` by mint and owner. `swap` has the amounts in and out, for one that is a swap.
    """

    signature: str
    order_id: str
    wallet: str
    failed: bool
    fee: int
    lamports: Mapping[str, int]
    tokens: Mapping[tuple[str, str], int]
    swap: tuple[Decimal, Decimal] | None


class Holding(Struct, frozen=True, kw_only=True):
    """A wallet's balance now, in atoms; lamports for SOL."""

    wallet: str
    address: str
    mint: str
    atoms: int


def audit(
    orders: Iterable[Told], transactions: Sequence[Happened], holdings: Sequence[Holding]
) -> list[Check]:
    """Return every claim with what breaks it.

    `transactions` are all that touch the wallets, from the first on.
    """
    told = {order.order_id: order for order in orders}
    ours = [one for one in transactions if one.wallet]
    landed = defaultdict(list)
    for one in ours:
        if not one.failed and one.order_id:
            landed[one.order_id].append(one.signature)
    by_signature = {one.signature: one for one in ours}

    def every(claim: str, broken: Iterable[str]) -> Check:
        return Check(claim, list(broken))

    return [
        every(
            "every transaction of ours is one that an order has signed",
            (one.signature for one in ours if not _is_known(one, told)),
        ),
        every(
            "no order has two transactions that landed",
            (order_id for order_id, found in landed.items() if len(found) > 1),
        ),
        every(
            "every swap on the chain is of a confirmed order",
            (
                order_id
                for order_id, found in landed.items()
                if order_id in told and told[order_id].confirmed not in found
            ),
        ),
        every(
            "every confirmed order's amounts are those of its transaction",
            _differing(told.values(), by_signature),
        ),
        every(
            "no transaction of ours makes or loses a token or a lamport",
            (one.signature for one in ours if not _is_conserved(one)),
        ),
        every(
            "every wallet holds what came to it less what left it, to the atom",
            _unexplained(transactions, holdings),
        ),
    ]


def _is_known(one: Happened, told: Mapping[str, Told]) -> bool:
    order = told.get(one.order_id)
    return order is not None and one.signature in order.signatures


def _differing(orders: Iterable[Told], by_signature: Mapping[str, Happened]) -> Iterable[str]:
    for order in orders:
        if not order.confirmed or order.confirmed in order.undone:
            continue
        found = by_signature.get(order.confirmed)
        if found is None or found.failed or found.swap != (order.amount_in, order.amount_out):
            yield order.order_id


def _is_conserved(one: Happened) -> bool:
    # Wrapped SOL is lamports too, and comes and goes by wrapping.
    sums: Counter[str] = Counter()
    for (mint, _owner), atoms in one.tokens.items():
        if mint != SOL_MINT:
            sums[mint] += atoms
    return not any(sums.values()) and sum(one.lamports.values()) == -one.fee


def _unexplained(transactions: Sequence[Happened], holdings: Sequence[Holding]) -> Iterable[str]:
    for holding in holdings:
        moved = sum(map(_of(holding), transactions))
        if moved != holding.atoms:
            difference = holding.atoms - moved
            yield f"{holding.wallet}: {difference:+d} atoms of {holding.mint}"


def _of(holding: Holding) -> Callable[[Happened], int]:
    if holding.mint == SOL_MINT:
        return lambda one: one.lamports.get(holding.address, 0)
    return lambda one: one.tokens.get((holding.mint, holding.address), 0)
