"""Our own builder's messages pass the firewall, land on a chain, and settle as they were meant."""

from __future__ import annotations

import pytest
from solders.transaction import VersionedTransaction

from shared.solana.addresses import ASSOCIATED_TOKEN, SOL, TOKEN_2022, Mint, token_account
from shared.solana.building.swap import swap_message
from shared.solana.fees import network_fee
from shared.solana.firewall.balances import judge_balances
from shared.solana.firewall.judge import judge
from shared.solana.receipts import BadReceipt, Settled, settled
from shared.solana.signing import sign
from shared.solana.terms import Terms
from shared.venues.raydium.instruction import SwapReader
from tests.unit.solana.swaps import (
    BONK,
    RENT,
    RESERVE,
    THIEF,
    USDC,
    WALLET,
    Chain,
    RaydiumDecoder,
    allowed,
    envelope,
    key,
    raydium_message,
    raydium_swap,
    terms,
)

PAIRS = [(SOL, USDC), (USDC, SOL), (USDC, BONK)]
FEE = network_fee(1, cu_limit=120_000, cu_price=10_000)


def _chain(order: Terms, *existing: Mint) -> Chain:
    held = [(mint, 7) for mint in existing]
    if not order.mint_in.is_sol:
        held.append((order.mint_in, order.amount_in))
    return Chain(order, *held)


def _swapped(chain: Chain, order: Terms, *existing: Mint) -> VersionedTransaction:
    blockhash = chain.svm.latest_blockhash()
    around = envelope(
        *(token_account(order.wallet, mint) for mint in existing), blockhash=blockhash
    )
    message = swap_message(order, [chain.swap(order)], around)
    signed = sign(message, allowed(order, SwapReader(), blockhash), [WALLET])
    assert isinstance(signed, VersionedTransaction), signed
    return signed


@pytest.mark.parametrize(("mint_in", "mint_out"), PAIRS)
def test_a_swap_that_we_sign_settles_to_the_atom(mint_in: Mint, mint_out: Mint) -> None:
    order = terms(mint_in, mint_out)
    chain = _chain(order)
    signed = _swapped(chain, order)
    before, after = chain.accounts(order), chain.simulated(order, bytes(signed))

    assert judge_balances(order, FEE.total, before, after) is None
    assert settled(chain.land(bytes(signed)), order.wallet) == Settled(
        mint_in=mint_in.address,
        amount_in=order.amount_in,
        mint_out=mint_out.address,
        amount_out=chain.pays(order),
        fee=FEE.total,
        rent=0 if mint_out.is_sol else RENT,
    )


def test_a_swap_into_an_account_that_exists_makes_none_and_costs_no_rent() -> None:
    order = terms(SOL, USDC)
    chain = _chain(order, USDC)
    signed = _swapped(chain, order, USDC)

    assert bytes(ASSOCIATED_TOKEN) not in bytes(signed)
    before, after = chain.accounts(order), chain.simulated(order, bytes(signed))
    landed = settled(chain.land(bytes(signed)), order.wallet)

    assert judge_balances(order, FEE.total, before, after) is None
    assert (landed.amount_out, landed.rent) == (chain.pays(order), 0)


def test_a_swap_that_the_pool_pays_too_little_for_moves_nothing_and_has_no_receipt() -> None:
    order = terms(SOL, USDC, min_out=RESERVE)
    chain = _chain(order)
    landed = chain.land(bytes(_swapped(chain, order)))

    assert landed["meta"]["preBalances"][0] - landed["meta"]["postBalances"][0] == FEE.total
    with pytest.raises(BadReceipt, match="failed"):
        settled(landed, order.wallet)


@pytest.mark.parametrize(("mint_in", "mint_out"), [*PAIRS, (USDC, Mint(key("new"), TOKEN_2022))])
def test_our_swaps_by_a_venue_pass_the_firewall(mint_in: Mint, mint_out: Mint) -> None:
    order = terms(mint_in, mint_out)

    assert judge(raydium_message(order), allowed(order, RaydiumDecoder())) is None


def test_a_swap_split_over_two_pools_is_judged_by_its_sums() -> None:
    order = terms(USDC, BONK, amount_in=100, min_out=50)
    halves = [
        raydium_swap(order, amount_in=60, min_out=31),
        raydium_swap(order, amount_in=40, min_out=19),
    ]
    permit = allowed(order, RaydiumDecoder())

    assert judge(swap_message(order, halves, envelope()), permit) is None
    short = [halves[0], raydium_swap(order, amount_in=40, min_out=18)]
    assert "gets 49 atoms" in str(judge(swap_message(order, short, envelope()), permit))


def test_no_two_attempts_share_a_temporary_account() -> None:
    orders = [terms(), terms(attempt=2), terms(order_id="another"), terms(wallet=THIEF)]

    assert len({order.temporary for order in orders}) == len(orders)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount_in": 0}, "amount_in"),
        ({"amount_in": 2**64}, "amount_in"),
        ({"min_out": 0}, "min_out"),
        ({"mint_out": SOL}, "two mints"),
        ({"mint_out": Mint(key("usdc"), THIEF)}, "token program"),
        ({"mint_in": Mint(SOL.address, TOKEN_2022)}, "token program"),
        ({"order_id": ""}, "order_id"),
        ({"order_id": "x" * 129}, "order_id"),
    ],
)
def test_terms_that_no_order_has_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        terms(**changes)  # type: ignore[arg-type]  # As a caller's mistake would.
