"""Jupiter over HTTP, landing on a chain: what was quoted comes, to the atom."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from cli.audit.funds import audit
from cli.audit.reading import _told, read_chain, read_holdings
from services.executor.__main__ import make_executor
from shared.clock import utc_now
from shared.orders.states import State
from shared.orders.values import SignedTransaction
from shared.solana.addresses import LOOKUP_TABLES, SYSTEM
from shared.solana.firewall.message import expand
from shared.streams.log.log import Log
from shared.venues.jupiter.route import promise_of
from shared.venues.protocol import BuildFailed
from tests.integration.onchain.conftest import Desk
from tests.integration.onchain.jupiter import TOKENS, Stage, staged, swapping
from tests.support.builders import submitted
from tests.support.devchain import wire
from tests.support.jupiter import JUPITER, Json, read, write
from tests.support.nodes import between
from tests.support.onchain import making_blocks, the_order
from tests.support.replicas import a_router, events_of, placed, running

NEITHER = {"isSigner": False, "isWritable": False}


@pytest_asyncio.fixture
async def stage(desk: Desk, log: Log) -> AsyncIterator[Stage]:
    async with staged(desk, log, quote_deadline_ms=60_000) as made:
        yield made


@pytest.mark.parametrize(
    ("amount", "token_in", "token_out"),
    [("1.5", "SOL", "USDC"), ("200", "USDC", "SOL"), ("100", "USDC", "USDT")],
)
async def test_what_jupiter_quotes_comes_to_the_atom(
    stage: Stage, amount: str, token_in: str, token_out: str
) -> None:
    quote, order = await stage.order(swapping(amount, token_in, token_out), keep=Decimal(1))

    landed = await stage.landed(order)

    assert landed.receipt.amount_out == quote.amount_out
    assert landed.receipt.amount_in == Decimal(amount)


async def test_the_bytes_promise_the_orders_own_least_and_our_own_fee(stage: Stage) -> None:
    _, order = await stage.order(swapping())

    signed = VersionedTransaction.from_bytes((await stage.venue.build(order)).payload)
    [swap] = [one for one in instructions_of(signed) if one.program_id == JUPITER]
    promise = promise_of(swap)
    prices = [
        one for one in instructions_of(signed) if one.data[:1] == b"\x03" and not one.accounts
    ]

    assert promise.quoted_out == order.route.min_out * 10**6
    assert (promise.slippage_bps, promise.fee_bps, promise.better_price_bps) == (0, 0, 0)
    assert [int.from_bytes(one.data[1:], "little") for one in prices] == [0]


async def test_a_route_is_looked_up_in_a_table_once_that_is_final(stage: Stage) -> None:
    table, keys = await a_table(stage)
    stage.jupiter.tables = {table: [Pubkey.new_unique()]}  # The claim is not believed.
    _, order = await stage.order(swapping())
    early = VersionedTransaction.from_bytes((await stage.venue.build(order)).payload)

    stage.desk.chain.step(33)
    late = VersionedTransaction.from_bytes((await stage.venue.build(order)).payload)
    await stage.landed(order)

    assert isinstance(early.message, MessageV0)
    assert isinstance(late.message, MessageV0)
    assert not early.message.address_table_lookups
    [lookup] = late.message.address_table_lookups
    assert lookup.account_key == table
    assert len(lookup.writable_indexes) + len(lookup.readonly_indexes) == len(keys)
    assert len(bytes(late)) < len(bytes(early))


async def a_table(stage: Stage) -> tuple[Pubkey, list[Pubkey]]:
    """Make a lookup table on the chain that has the accounts of the route's pool."""
    chain, maker = stage.desk.chain, Keypair()
    chain.give(maker.pubkey())
    chain.step()
    pool = stage.jupiter.market.addresses(
        stage.jupiter.pool({"inputMint": TOKENS["SOL"].mint, "outputMint": TOKENS["USDC"].mint})
    )
    keys = [pool.config, pool.pool, *pool.vaults, pool.observation]
    slot = chain.ask("getSlot", {"commitment": "confirmed"})
    table, bump = Pubkey.find_program_address(
        [bytes(maker.pubkey()), slot.to_bytes(8, "little")], LOOKUP_TABLES
    )
    payer = AccountMeta(maker.pubkey(), is_signer=True, is_writable=True)
    create = struct.pack("<IQB", 0, slot, bump)
    extend = struct.pack("<IQ", 2, len(keys)) + b"".join(map(bytes, keys))
    made = [
        Instruction(LOOKUP_TABLES, create, [write(table), payer, payer, read(SYSTEM)]),
        Instruction(LOOKUP_TABLES, extend, [write(table), payer, payer, read(SYSTEM)]),
    ]
    recent = Hash.from_string(chain.ask("getLatestBlockhash")["value"]["blockhash"])
    sent = VersionedTransaction(MessageV0.try_compile(maker.pubkey(), made, [], recent), [maker])
    chain.ask("sendTransaction", wire(sent), {"encoding": "base64"})
    chain.step()
    return table, keys


async def test_questions_carry_the_key_and_the_wallet_that_signs(desk: Desk, log: Log) -> None:
    dexes = " Raydium CP, Meteora DLMM,"
    async with staged(desk, log, jupiter_key="a-key", jupiter_dexes=dexes) as stage:
        _, order = await stage.order(swapping())
        await stage.venue.build(order)

    quote, build = stage.site.asked
    assert {asked.headers["x-api-key"] for asked in (quote, build)} == {"a-key"}
    assert {asked.query["dexes"] for asked in (quote, build)} == {"Raydium CP,Meteora DLMM"}
    assert "taker" not in quote.query
    assert build.query["taker"] == str(desk.wallet)
    assert build.query["wrapAndUnwrapSol"] == "false"


def instructions_of(signed: VersionedTransaction) -> Sequence[Instruction]:
    return expand(to_bytes_versioned(signed.message), {}).instructions


async def test_a_route_too_large_for_a_transaction_is_asked_for_with_fewer_accounts(
    stage: Stage,
) -> None:
    quote, order = await stage.order(swapping())
    most = ["48"]

    def longer(said: Json) -> None:
        if stage.site.asked[-1].query["maxAccounts"] in most:
            more = [{"pubkey": str(Pubkey.new_unique()), **NEITHER} for _ in range(40)]
            said["swapInstruction"]["accounts"] += more

    stage.jupiter.change_build = longer
    landed = await stage.landed(order)
    most.append("28")

    assert landed.receipt.amount_out == quote.amount_out
    with pytest.raises(BuildFailed, match="Solana takes 1232"):
        await stage.venue.build(order)


@pytest.mark.parametrize(("times", "fails"), [(2, False), (3, True)])
async def test_balances_that_move_while_they_are_rehearsed_are_read_again(
    desk: Desk, log: Log, times: int, fails: bool
) -> None:
    left, rehearsed = [times], [False]

    def moving(method: str, result: Any) -> Any:
        if method == "simulateTransaction":
            rehearsed[0] = result["value"]["accounts"] is not None
        elif method == "getMultipleAccounts" and rehearsed[0] and left[0]:
            left[0] -= 1
            rehearsed[0] = False
            result["value"][0]["lamports"] += 1
        return result

    async with (
        between(desk.chain.urls[0], moving) as way,
        staged(desk, log, rpc_urls=way.url) as stage,
    ):
        _, order = await stage.order(swapping())
        [built] = await asyncio.gather(stage.venue.build(order), return_exceptions=True)

    assert isinstance(built, BuildFailed if fails else SignedTransaction)
    assert not fails or "did not stand still" in str(built)


async def test_an_order_goes_through_jupiter_from_its_quote_to_the_chain_and_its_audit(
    stage: Stage, log: Log
) -> None:
    chain, settings = stage.desk.chain, stage.settings
    table, _ = await a_table(stage)
    stage.jupiter.tables = {table: []}
    chain.step(33)
    async with (
        running(log, "router", a_router(log, settings, [stage.venue]), settings),
        running(log, "executor", make_executor(log, settings, {"jupiter": stage.venue}), settings),
    ):
        order = await placed(log, submitted(intent=swapping(), at=utc_now()))

        async def has_ended() -> bool:
            return (await the_order(log, order.order_id)).ended

        await making_blocks(chain, has_ended)
    wallets = list(stage.chain.wallets.all.values())
    happened = await read_chain(stage.chain, wallets)
    told = _told(order.order_id, await events_of(log, order.order_id))
    checks = audit([told], happened, await read_holdings(stage.chain, wallets))

    assert (await the_order(log, order.order_id)).state is State.CONFIRMED
    assert chain.landed(stage.desk.wallet)[order.order_id] == 1
    assert [check.claim for check in checks if not check.holds] == []
