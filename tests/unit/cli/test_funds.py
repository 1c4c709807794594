"""The audit of funds sees each way in which money and orders can differ."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from cli.audit.funds import SOL_MINT, Happened, Holding, Told, audit

WALLET, POOL, USDC = "wallet", "pool", "usdc"
ORDER = Told(
    order_id="one",
    signatures=["sig"],
    confirmed="sig",
    amount_in=Decimal("1.5"),
    amount_out=Decimal(225),
)
SWAP = Happened(
    signature="sig",
    order_id="one",
    wallet="main",
    failed=False,
    fee=5_000,
    lamports={WALLET: -1_500_005_000, POOL: 1_500_000_000},
    tokens={(USDC, WALLET): 225_000_000, (USDC, POOL): -225_000_000},
    swap=(Decimal("1.5"), Decimal(225)),
)
GIFT = replace(
    SWAP,
    signature="gift",
    order_id="",
    wallet="",
    lamports={WALLET: 10**10, "faucet": -(10**10) - 5_000},
    tokens={},
    swap=None,
)
HOLDINGS = [
    Holding(wallet="main", address=WALLET, mint=SOL_MINT, atoms=10**10 - 1_500_005_000),
    Holding(wallet="main", address=WALLET, mint=USDC, atoms=225_000_000),
]
OTHER = replace(SWAP, signature="other")


def broken(
    orders: list[Told], happened: list[Happened], holdings: list[Holding]
) -> dict[str, list[str]]:
    return {
        check.claim: check.broken for check in audit(orders, happened, holdings) if check.broken
    }


def test_an_account_that_balances_breaks_no_claim() -> None:
    assert broken([ORDER], [GIFT, SWAP], HOLDINGS) == {}


@pytest.mark.parametrize(
    ("orders", "happened", "holdings", "claim", "who"),
    [
        ([], [GIFT, SWAP], HOLDINGS, "one that an order has signed", "sig"),
        (
            [replace(ORDER, signatures=["sig", "other"])],
            [GIFT, SWAP, OTHER],
            [],
            "no order has two",
            "one",
        ),
        ([replace(ORDER, confirmed="")], [GIFT, SWAP], HOLDINGS, "is of a confirmed order", "one"),
        ([replace(ORDER, amount_out=Decimal(226))], [GIFT, SWAP], HOLDINGS, "amounts", "one"),
        ([ORDER], [GIFT], [], "amounts", "one"),
        ([ORDER], [GIFT, replace(SWAP, failed=True, swap=None)], [], "amounts", "one"),
        ([ORDER], [GIFT, replace(SWAP, fee=4_999)], HOLDINGS, "makes or loses", "sig"),
        (
            [ORDER],
            [GIFT, replace(SWAP, tokens={(USDC, WALLET): 225_000_000})],
            HOLDINGS,
            "makes or loses",
            "sig",
        ),
        (
            [ORDER],
            [GIFT, SWAP],
            [replace(HOLDINGS[1], atoms=224_999_999)],
            "holds what came",
            "main: -1 atoms of usdc",
        ),
    ],
)
def test_whatever_differs_is_named(
    orders: list[Told], happened: list[Happened], holdings: list[Holding], claim: str, who: str
) -> None:
    found = broken(orders, happened, holdings)

    assert [names for said, names in found.items() if claim in said] == [[who]]


def test_a_swap_that_a_fork_took_back_is_no_longer_looked_for_on_the_chain() -> None:
    assert broken([replace(ORDER, undone=["sig"])], [], []) == {}
