"""Jupiter's answers: nothing hostile is signed, and bad news is of the engine's kinds."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.errors import ServerAway
from shared.orders.events import OrderRouted
from shared.solana.addresses import SYSTEM, WRAPPED_SOL, Mint, token_account
from shared.streams.log.log import Log
from shared.venues.protocol import (
    BuildFailed,
    FirewallRefused,
    RouteGone,
    VenueRejected,
    VenueUnavailable,
)
from tests.integration.onchain.conftest import Desk
from tests.integration.onchain.jupiter import TOKENS, Stage, staged, swapping
from tests.support.hostile import HOSTILE, THIEF, Answer, Scene
from tests.support.jupiter import Json, making, shown, write
from tests.support.nodes import between
from tests.support.servers import free_port
from tests.support.tokens import file_of
from tests.support.web import Asked, always


@pytest_asyncio.fixture
async def stage(desk: Desk, log: Log) -> AsyncIterator[Stage]:
    async with staged(desk, log, quote_deadline_ms=60_000) as made:
        yield made


@pytest.mark.parametrize("name", HOSTILE)
async def test_nothing_hostile_is_signed(stage: Stage, name: str) -> None:
    hostile = HOSTILE[name]
    _, order = await stage.order(swapping())
    terms = (await stage.chain.signing.swap(order)).terms
    scene = Scene(
        terms=terms,
        swap=partial(_swap, stage, order),
        savings=token_account(terms.wallet, Mint(Pubkey.from_string(TOKENS["USDT"].mint))),
        max_cu_price=1_000_000,
    )
    answer = hostile.answer(scene)
    stage.jupiter.change_build = lambda said: _write_into(said, answer)

    with pytest.raises(FirewallRefused) as refused:
        await stage.venue.build(order)

    assert any(said in str(refused.value) for said in hostile.said(scene)), refused.value


def _query(stage: Stage, order: OrderRouted) -> dict[str, str]:
    intent = order.intent
    token_in, token_out = TOKENS[intent.token_in], TOKENS[intent.token_out]
    return {
        "inputMint": token_in.mint,
        "outputMint": token_out.mint,
        "amount": str(int(intent.amount_in * 10**token_in.decimals)),
        "slippageBps": "0",
        "taker": str(stage.desk.wallet),
    }


def _swap(stage: Stage, order: OrderRouted, **forged: Pubkey | int | None) -> Instruction:
    names = {"authority": "wallet", "min_out": "quoted_out"}
    parts = {names.get(name, name): part for name, part in forged.items() if part is not None}
    query = _query(stage, order)
    route = stage.jupiter.route(query, stage.jupiter.out(query))
    return replace(route, **parts).instruction()  # type: ignore[arg-type]  # Each as it is named.


def _write_into(said: Json, answer: Answer) -> None:
    """Say a hostile answer as Jupiter would."""
    swap, *more = answer.instructions
    wallet, mint = Pubkey.from_string(order_wallet(said)), Pubkey.from_string(said["outputMint"])
    said["setupInstructions"] = [shown(making(answer.payer, wallet, mint))]
    said["swapInstruction"] = shown(swap)
    said["otherInstructions"] = [shown(one) for one in more]
    said["addressesByLookupTableAddress"] = {
        str(table): [str(key) for key in keys] for table, keys in answer.tables.items()
    }


def _put(swap: Json, said: Json) -> None:
    said["swapInstruction"] = swap


def order_wallet(said: Json) -> str:
    return str(said["swapInstruction"]["accounts"][0]["pubkey"])


async def test_an_account_of_the_wallets_that_is_hidden_in_the_route_is_found(
    stage: Stage, desk: Desk
) -> None:
    desk.chain.give(desk.wallet, sol=0, tokens={"USDT": 10**6})
    desk.chain.step()
    savings = token_account(desk.wallet, Mint(Pubkey.from_string(TOKENS["USDT"].mint)))
    _, order = await stage.order(swapping())
    route = _swap(stage, order)
    longer = Instruction(route.program_id, route.data, [*route.accounts, write(savings)])
    stage.jupiter.change_build = partial(_put, shown(longer))

    with pytest.raises(FirewallRefused, match=f"account {savings} of the wallet's is handed on"):
        await stage.venue.build(order)


AUTHORITY = b"\x01\0\0\0" + bytes(THIEF)  # Somebody, as token accounts write it.


def _written(at: int, data: bytes) -> Callable[[Json], None]:
    def write_in(account: Json) -> None:
        raw = bytearray(b64decode(account["data"][0]))
        raw[at : at + len(data)] = data
        account["data"][0] = b64encode(raw).decode()

    return write_in


ENDS: dict[str, tuple[int, Callable[[Json], None], str]] = {
    "more is paid": (1, _written(64, bytes(8)), "atoms are paid, not 100000000"),
    "less comes": (2, _written(64, b"\1" + bytes(7)), "is the least"),
    "a delegate": (1, _written(72, AUTHORITY), "changes in more than its balance"),
    "another who may close": (2, _written(129, AUTHORITY), "changes in more than its balance"),
    "another owner": (1, _written(32, bytes(THIEF)), "changes in more than its balance"),
    "SOL is gone": (0, lambda account: account.update(lamports=10**9), "the wallet's SOL falls"),
    "the wallet is given away": (
        0,
        lambda account: account.update(owner=str(THIEF)),
        "is no plain wallet",
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_simulation_that_ends_otherwise_than_the_order_says_is_not_signed(
    desk: Desk, log: Log, end: str
) -> None:
    """The node tells of a program that does more than it promises."""
    place, change, said = ENDS[end]
    desk.chain.give(desk.wallet, sol=0, tokens={"USDT": 10**6})
    desk.chain.step()

    def otherwise(method: str, result: Any) -> Any:
        if method == "simulateTransaction" and result["value"]["accounts"]:
            change(result["value"]["accounts"][place])
        return result

    async with (
        between(desk.chain.urls[0], otherwise) as way,
        staged(desk, log, rpc_urls=way.url, quote_deadline_ms=60_000) as stage,
    ):
        _, order = await stage.order(swapping("100", "USDC", "USDT"))

        with pytest.raises(FirewallRefused, match=said) as refused:
            await stage.venue.build(order)

    assert "the message: simulated, " in str(refused.value)


Change = Callable[[Json], None]
QUOTES: dict[str, tuple[Change, str]] = {
    "other mint in": (lambda said: said.update(inputMint=TOKENS["ETH"].mint), "answers for"),
    "other mint out": (lambda said: said.update(outputMint=TOKENS["ETH"].mint), "answers for"),
    "an atom more": (lambda said: said.update(inAmount="1500000001"), "1500000001 atoms"),
    "exact out": (lambda said: said.update(swapMode="ExactOut"), "answers for ExactOut"),
    "no number": (lambda said: said.update(outAmount="-5"), "-5 is no number of atoms"),
    "too large": (lambda said: said.update(outAmount=f"{2**64}"), "is no number of atoms"),
    "a fee": (lambda said: said.update(platformFee={"amount": "9", "feeBps": 5}), "fee of 5 bps"),
    "an old slot": (lambda said: said.update(contextSlot=said["contextSlot"] - 26), "as of slot"),
    "a later slot": (lambda said: said.update(contextSlot=said["contextSlot"] + 26), "as of slot"),
    "half": (lambda said: said.pop("outAmount"), "answers something else"),
    "no impact": (lambda said: said.update(priceImpactPct="NaN"), "price impact of NaN"),
}


@pytest.mark.parametrize("fault", QUOTES)
async def test_a_quote_for_something_else_or_of_old_is_not_taken(stage: Stage, fault: str) -> None:
    change, said = QUOTES[fault]
    stage.desk.chain.step(30)
    stage.jupiter.change_quote = change

    with pytest.raises(VenueUnavailable, match=said):
        await stage.venue.quote(swapping())


def _stop(said: Json) -> None:
    """Let the route pass through an account that the wallet has of another mint."""
    wallet, mint = Pubkey.from_string(order_wallet(said)), Pubkey.from_string(TOKENS["ETH"].mint)
    account = {"pubkey": str(token_account(wallet, Mint(mint)))}
    said["swapInstruction"]["accounts"].append(account | {"isSigner": False, "isWritable": True})
    said["routePlan"][0]["swapInfo"]["outputMint"] = str(mint)


def _third(said: Json) -> Json:
    wallet = Pubkey.from_string(order_wallet(said))
    return shown(making(wallet, wallet, Pubkey.from_string(TOKENS["ETH"].mint)))


SYSTEM_PROGRAM = {"pubkey": str(SYSTEM), "isSigner": False, "isWritable": False}
BUILDS: dict[str, tuple[Change, type[Exception], str]] = {
    "other mint in": (
        lambda said: said.update(inputMint=TOKENS["ETH"].mint),
        FirewallRefused,
        "Jupiter's answer: answers for",
    ),
    "an atom less": (
        lambda said: said.update(inAmount="1499999999"),
        FirewallRefused,
        "1499999999 atoms",
    ),
    "exact out": (lambda said: said.update(swapMode="ExactOut"), FirewallRefused, "ExactOut"),
    "an atom more out": (
        lambda said: said.update(outAmount=str(int(said["outAmount"]) + 1)),
        FirewallRefused,
        "its instruction promises",
    ),
    "another router": (
        lambda said: said["swapInstruction"].update(programId=TOKENS["ETH"].mint),
        FirewallRefused,
        "is no route_v2",
    ),
    "version 1": (
        lambda said: said["swapInstruction"].update(data="5RfLl3rjrSoAAAAA"),
        FirewallRefused,
        "is no route_v2",
    ),
    "no base64": (
        lambda said: said["swapInstruction"].update(data="u2T6zDHErx"),
        FirewallRefused,
        "Jupiter's answer",
    ),
    "an account for a third mint": (
        lambda said: said["setupInstructions"].append(_third(said)),
        BuildFailed,
        f"needs the wallet's account for {TOKENS['ETH'].mint}",
    ),
    "a stop at a third mint": (
        _stop,
        BuildFailed,
        f"needs the wallet's account for {TOKENS['ETH'].mint}",
    ),
    "a stop at no mint": (
        lambda said: said["routePlan"][0]["swapInfo"].update(inputMint="x"),
        FirewallRefused,
        "Jupiter's answer: ",
    ),
    "a program that moves SOL": (
        lambda said: said["swapInstruction"]["accounts"].append(SYSTEM_PROGRAM),
        BuildFailed,
        "needs the system program",
    ),
    "many tables": (
        lambda said: said.update(
            addressesByLookupTableAddress={str(Pubkey.new_unique()): [] for _ in range(17)}
        ),
        FirewallRefused,
        "17 lookup tables",
    ),
    "half": (lambda said: said.pop("swapInstruction"), BuildFailed, "something else"),
}


@pytest.mark.parametrize("fault", BUILDS)
async def test_an_answer_that_contradicts_its_order_or_itself_is_not_signed(
    stage: Stage, fault: str
) -> None:
    change, news, said = BUILDS[fault]
    _, order = await stage.order(swapping())
    stage.jupiter.change_build = change

    with pytest.raises(news, match=said):
        await stage.venue.build(order)


async def test_a_price_that_moved_has_the_order_routed_anew(stage: Stage) -> None:
    _, order = await stage.order(swapping(), keep=Decimal("1.01"))

    with pytest.raises(RouteGone, match="atoms now"):
        await stage.venue.build(order)


async def test_a_route_that_pays_less_than_it_says_is_found_out_before_it_is_signed(
    stage: Stage,
) -> None:
    _, order = await stage.order(swapping(), keep=Decimal("1.01"))
    query = _query(stage, order)
    out = stage.jupiter.out(query) * 102 // 100
    lying = shown(stage.jupiter.route(query, out).instruction())
    stage.jupiter.change_build = lambda said: said.update(outAmount=str(out), swapInstruction=lying)

    with pytest.raises(RouteGone, match="6001"):
        await stage.venue.build(order)


@pytest.mark.parametrize(
    ("response", "news", "said"),
    [
        (
            lambda: web.Response(status=429, headers={"Retry-After": "0"}),
            VenueUnavailable,
            "answers 429",
        ),
        (lambda: web.Response(status=503), VenueUnavailable, "answers 503"),
        (lambda: web.Response(text="<html>"), VenueUnavailable, "something else"),
        (
            lambda: web.json_response({"error": "no"}, status=401),
            VenueUnavailable,
            "does not take the key",
        ),
        (
            lambda: web.json_response({"error": "TOKEN_NOT_TRADABLE"}, status=400),
            VenueRejected,
            "TOKEN_NOT_TRADABLE",
        ),
    ],
    ids=["throttled", "ill", "garbage", "no key", "no route"],
)
async def test_bad_news_of_jupiter_is_one_of_the_engines_kinds(
    stage: Stage, response: Callable[[], web.StreamResponse], news: type[Exception], said: str
) -> None:
    _, order = await stage.order(swapping())
    stage.site.answers = always(response)

    with pytest.raises(news, match=said):
        await stage.venue.quote(swapping())
    with pytest.raises(BuildFailed, match=said):
        await stage.venue.build(order)


async def test_a_jupiter_that_hangs_costs_no_more_than_the_deadline_of_a_quote(
    desk: Desk, log: Log
) -> None:
    async def never(_asked: Asked) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with staged(desk, log, quote_deadline_ms=50) as stage:
        stage.site.answers = never
        with pytest.raises(VenueUnavailable, match="within 45 ms"):
            await stage.venue.quote(swapping())


async def test_a_jupiter_that_is_gone_is_waited_for(desk: Desk, log: Log) -> None:
    async with staged(desk, log, jupiter_url=f"http://127.0.0.1:{free_port()}") as stage:
        with pytest.raises(ServerAway):
            await stage.venue.quote(swapping())


async def test_tokens_that_are_not_moved_or_counted_as_we_know_them_are_not_quoted(
    desk: Desk, log: Log, tmp_path: Path
) -> None:
    known = f'["SOL"]\nname = "SOL"\nmint = "{WRAPPED_SOL}"\ndecimals = 9\n'
    usdc = f'["USDC"]\nname = "USDC"\nmint = "{TOKENS["USDC"].mint}"\ndecimals = 7\n'
    (tmp_path / "tokens.toml").write_text(known + usdc + file_of(NEW=6))
    async with staged(desk, log, tokens_file=str(tmp_path / "tokens.toml")) as stage:
        with pytest.raises(VenueRejected, match="has 6 decimals"):
            await stage.venue.quote(swapping())
        with pytest.raises(VenueRejected, match="UNSUPPORTED_TOKEN"):
            await stage.venue.quote(swapping("1", "SOL", "NEW"))

    assert not stage.site.asked
