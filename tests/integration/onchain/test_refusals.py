"""Orders that a wallet cannot or must not execute: told why, and nothing is signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from services.executor.__main__ import make_executor
from shared.clock import utc_now
from shared.orders.events import OrderFailed, OrderRouted, TransactionSigned
from shared.orders.values import FailureReason, SignedTransaction, SwapIntent
from shared.settings import VenueSettings
from shared.solana.addresses import TOKEN, Mint, token_account
from shared.solana.instructions import signs, writes
from shared.streams.log.log import Log
from shared.tokens.registry import load_tokens
from shared.venues.onchain.offers import pair_of
from shared.venues.onchain.opening import opened_chain
from shared.venues.onchain.pool_venue import PoolVenue
from shared.venues.onchain.signing import Plan
from tests.integration.onchain.conftest import Desk
from tests.support.builders import submitted
from tests.support.devchain import wire
from tests.support.eventually import eventually
from tests.support.hostile import transfer
from tests.support.onchain import SOL, a_wallet, on, trading
from tests.support.outcomes import all_ended
from tests.support.replicas import a_router, events_of, running, submit

USDC = Mint(Pubkey.from_string(load_tokens("").by_name["USDC"].mint))
SET_OWNER = bytes([6, 2, 1])  # SetAuthority, of the account's owner, to somebody.


def selling(amount: str, token: str = "USDC", into: str = "SOL") -> SwapIntent:
    return SwapIntent(
        token_in=token, token_out=into, amount_in=Decimal(amount), max_slippage_bps=100
    )


async def placed(log: Log, intents: Sequence[SwapIntent]) -> list[str]:
    orders = [submitted(intent=intent, at=utc_now()) for intent in intents]
    await submit(log, *orders)
    return [order.order_id for order in orders]


async def refusals(log: Log, ids: Sequence[str]) -> list[tuple[FailureReason, str]]:
    """Return how orders failed for which nothing was signed, once all have ended."""
    await eventually(lambda: all_ended(log, ids))
    ends = []
    for order_id in ids:
        *events, end = await events_of(log, order_id)
        assert not any(isinstance(event, TransactionSigned) for event in events)
        assert isinstance(end, OrderFailed)
        ends.append((end.reason, end.detail))
    return ends


async def failed(
    log: Log, settings: VenueSettings, *intents: SwapIntent
) -> list[tuple[FailureReason, str]]:
    async with trading(log, settings):
        return await refusals(log, await placed(log, intents))


async def test_a_wallet_that_has_too_little_is_told_of_what_and_how_much(
    desk: Desk, log: Log
) -> None:
    [tokens, none, sol] = await failed(
        log,
        desk.settings,
        selling("100001"),
        selling("3", "ETH", "USDC"),
        selling("1000.5", "SOL", "USDC"),
    )

    assert {reason for reason, _ in (tokens, none, sol)} == {FailureReason.INSUFFICIENT_FUNDS}
    assert tokens[1].endswith(
        ": wallet main has 100000.000000 USDC, and the swap takes 100001.000000"
    )
    assert none[1].endswith(": wallet main has 0.00000000 ETH, and the swap takes 3.00000000")
    # The fee, the account that wraps it, and the rent of the wallet and of its new account.
    assert ": wallet main has 1000.000000000 SOL, and the swap takes 1000.50" in sol[1]


async def test_a_wallet_without_sol_for_the_fee_is_told_so(
    desk: Desk, log: Log, tmp_path: Path
) -> None:
    wallets, poor = a_wallet(tmp_path, "poor")
    desk.chain.give(poor, sol=0, tokens={"USDC": 10**9})
    desk.chain.step()
    settings = on(desk.chain, desk.settings, wallets)

    [(reason, detail)] = await failed(log, settings, selling("5"))

    assert reason is FailureReason.INSUFFICIENT_FUNDS
    assert ": wallet poor has 0.000000000 SOL, and the swap takes 0.00" in detail


async def test_an_account_without_a_wallet_is_told_so(desk: Desk, log: Log, tmp_path: Path) -> None:
    wallets, _ = a_wallet(tmp_path, "desk", account="alice")
    settings = on(desk.chain, desk.settings, wallets)

    [(reason, detail)] = await failed(log, settings, selling("5"))

    assert reason is FailureReason.VENUE_REJECTED
    assert detail.endswith(": account 'public' has no wallet, and none is for '*'")


def give_away(desk: Desk) -> Pubkey:
    """Make somebody else the owner of the wallet's USDC, and return where it lies."""
    key = Keypair.from_bytes(bytes(json.loads((desk.wallets.parent / "main.json").read_text())))
    account = token_account(desk.wallet, USDC)
    give = Instruction(
        TOKEN, SET_OWNER + bytes(Keypair().pubkey()), [writes(account), signs(desk.wallet)]
    )
    recent = Hash.from_string(desk.chain.ask("getLatestBlockhash")["value"]["blockhash"])
    message = MessageV0.try_compile(desk.wallet, [give], [], recent)
    sent = VersionedTransaction(message, [key])
    desk.chain.ask("sendTransaction", wire(sent), {"encoding": "base64"})
    desk.chain.step()
    return account


async def test_an_account_that_was_given_away_is_not_used(desk: Desk, log: Log) -> None:
    account = give_away(desk)

    ends = await failed(log, desk.settings, selling("5"), selling("1", "SOL", "USDC"))

    for reason, detail in ends:
        assert reason is FailureReason.VENUE_REJECTED
        assert detail.endswith(f": {account} is not the wallet's any more, or is frozen")


class Thief(PoolVenue):
    """A venue that takes an atom more than the order gives."""

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        swap = await self.chain.signing.swap(routed)
        terms, best = swap.terms, await self._best(pair_of(routed.intent, self.chain.tokens))
        theirs = token_account(Keypair().pubkey(), terms.mint_in)
        plan = Plan(
            instructions=[best.pool.swap(terms), transfer(terms.pays, theirs, terms.wallet, 1)],
            venue=best.pool.reader,
            written=(),
            shape=self.name,
        )
        return await self.chain.signing.sign(swap, plan)


async def test_a_venue_that_takes_more_is_refused_by_the_firewall(desk: Desk, log: Log) -> None:
    settings = desk.settings
    async with opened_chain(settings, signs=True) as chain:
        assert chain
        thief = Thief("raydium", chain)
        async with (
            running(log, "router", a_router(log, settings, [thief]), settings),
            running(log, "executor", make_executor(log, settings, {"raydium": thief}), settings),
        ):
            [(reason, detail)] = await refusals(log, await placed(log, [selling("5")]))

    assert reason is FailureReason.FIREWALL_REFUSED
    assert detail.startswith("raydium: instruction ")
    assert detail.endswith("transfer of the token program is not allowed")
    assert desk.chain.balance(desk.wallet) == 1_000 * SOL
