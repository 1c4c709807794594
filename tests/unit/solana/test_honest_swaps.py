"""Our own builder's messages pass the firewall, land on a chain, and settle as they were meant."""

from __future__ import annotations

import pytest
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from shared.solana.addresses import ASSOCIATED_TOKEN, SOL, TOKEN_2022, Mint, token_account
from shared.solana.building.co_signed import co_signed_fill
from shared.solana.building.swap import swap_message
from shared.solana.fees import network_fee
from shared.solana.firewall.allowed import CoSigner
from shared.solana.firewall.balances import judge_balances
from shared.solana.firewall.judge import judge
from shared.solana.receipts import BadReceipt, Settled, settled
from shared.solana.signing import sign
from shared.solana.terms import Terms
from tests.unit.solana.swaps import (
    BONK,
    RENT,
    THIEF,
    USDC,
    VENUE,
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
FEE = network_fee(2, cu_limit=120_000, cu_price=10_000)
OUT = 226_000_000


def _chain(order: Terms, *existing: Mint) -> Chain:
    held: list[tuple[Pubkey, Mint, int]] = [
        (VENUE.public_key, order.mint_in, 0),
        (VENUE.public_key, order.mint_out, OUT),
        *((WALLET.public_key, mint, 7) for mint in existing),
    ]
    if not order.mint_in.is_sol:
        held.append((WALLET.public_key, order.mint_in, order.amount_in))
    return Chain(*held)


def _filled(chain: Chain, order: Terms, *existing: Mint) -> VersionedTransaction:
    blockhash = chain.svm.latest_blockhash()
    around = envelope(
        *(token_account(order.wallet, mint) for mint in existing), blockhash=blockhash
    )
    message = swap_message(order, co_signed_fill(order, VENUE.public_key, OUT), around)
    permit = allowed(order, CoSigner(VENUE.public_key), blockhash)
    signed = sign(message, permit, [VENUE, WALLET])
    assert isinstance(signed, VersionedTransaction), signed
    return signed


@pytest.mark.parametrize(("mint_in", "mint_out"), PAIRS)
def test_a_fill_that_both_sign_settles_to_the_atom(mint_in: Mint, mint_out: Mint) -> None:
    order = terms(mint_in, mint_out)
    chain = _chain(order)
    signed = _filled(chain, order)
    before, after = chain.accounts(order), chain.simulated(order, bytes(signed))

    assert judge_balances(order, FEE.total, before, after) is None
    assert settled(chain.land(bytes(signed)), order.wallet) == Settled(
        mint_in=mint_in.address,
        amount_in=order.amount_in,
        mint_out=mint_out.address,
        amount_out=OUT,
        fee=FEE.total,
        rent=0 if mint_out.is_sol else RENT,
    )


def test_a_fill_into_an_account_that_exists_makes_none_and_costs_no_rent() -> None:
    order = terms(SOL, USDC)
    chain = _chain(order, USDC)
    signed = _filled(chain, order, USDC)

    assert bytes(ASSOCIATED_TOKEN) not in bytes(signed)
    before, after = chain.accounts(order), chain.simulated(order, bytes(signed))
    landed = settled(chain.land(bytes(signed)), order.wallet)

    assert judge_balances(order, FEE.total, before, after) is None
    assert (landed.amount_out, landed.rent) == (OUT, 0)


def test_the_venue_sees_the_other_side_of_the_same_fill() -> None:
    order = terms(USDC, BONK)
    chain = _chain(order)
    theirs = settled(chain.land(bytes(_filled(chain, order))), VENUE.public_key)

    assert (theirs.mint_in, theirs.amount_in, theirs.fee) == (BONK.address, OUT, 0)
    assert (theirs.mint_out, theirs.amount_out) == (USDC.address, order.amount_in)


def test_a_fill_that_the_venue_cannot_pay_moves_nothing_and_has_no_receipt() -> None:
    order = terms(SOL, USDC)
    chain = Chain((VENUE.public_key, SOL, 0), (VENUE.public_key, USDC, OUT - 1))
    landed = chain.land(bytes(_filled(chain, order)))

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


def test_a_fill_below_the_least_or_of_a_mint_that_may_cost_a_fee_is_not_built() -> None:
    with pytest.raises(ValueError, match="least"):
        co_signed_fill(terms(), VENUE.public_key, terms().min_out - 1)
    with pytest.raises(ValueError, match="token program"):
        co_signed_fill(terms(SOL, Mint(key("new"), TOKEN_2022)), VENUE.public_key, OUT)


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
