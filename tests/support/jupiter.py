"""Jupiter's API in front of a development chain: shapes as recorded, routes that land there.

Shapes: the OpenAPI description of swap/v2, and answers that others recorded of the real service.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from aiohttp import web
from solders.compute_budget import set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.token import ID as TOKEN
from solders.token.associated import get_associated_token_address

from devchain.cpmm.addresses import PROGRAM, PoolAddresses
from devchain.cpmm.layouts import read_pool
from devchain.cpmm.swap import price_swap, swap_instruction
from devchain.genesis.plan import Market, PoolPlan, read_market
from tests.support.onchain import Devchain
from tests.support.web import Asked

JUPITER = Pubkey.from_string("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4")
EVENTS = Pubkey.from_string("D8cy77BBepLMngZx6ZukaTff5hCt1HrWyKk3Hnd9oitf")
ASSOCIATED = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
ROUTE_V2 = bytes.fromhex("bb64facc31c4af14")
SHARED_V2 = bytes.fromhex("d19853937cfed8e9")
RAYDIUM_CP = bytes([46])

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RouteV2:
    """A route through pools, each with its share in hundredths of a percent of the amount in."""

    wallet: Pubkey
    pays: Pubkey
    receives: Pubkey
    mints: tuple[Pubkey, Pubkey]
    amount_in: int
    quoted_out: int
    hops: Sequence[tuple[PoolAddresses, int]]
    slippage_bps: int = 0
    fee_bps: int = 0
    better_price_bps: int = 0
    receives_too: Pubkey = JUPITER

    def instruction(self) -> Instruction:
        data = ROUTE_V2 + struct.pack(
            "<QQHHHI",
            self.amount_in,
            self.quoted_out,
            self.slippage_bps,
            self.fee_bps,
            self.better_price_bps,
            len(self.hops),
        )
        data += b"".join(RAYDIUM_CP + struct.pack("<HBB", bps, 0, 1) for _, bps in self.hops)
        accounts = [
            AccountMeta(self.wallet, is_signer=True, is_writable=False),
            write(self.pays),
            write(self.receives),
            *map(read, (*self.mints, TOKEN, TOKEN, self.receives_too, EVENTS, JUPITER)),
        ]
        for pool, _ in self.hops:
            accounts += [read(PROGRAM), *self._hop(pool)]
        return Instruction(JUPITER, data, accounts)

    def _hop(self, pool: PoolAddresses) -> list[AccountMeta]:
        side = pool.mints.index(self.mints[0])
        metas = swap_instruction(pool, self.wallet, side, 0, 0).accounts
        metas[4:6] = [write(self.pays), write(self.receives)]
        return metas


def read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def write(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def shown(instruction: Instruction) -> Json:
    """Return an instruction as the API shows it."""
    return {
        "programId": str(instruction.program_id),
        "accounts": [
            {
                "pubkey": str(one.pubkey),
                "isSigner": one.is_signer,
                "isWritable": one.is_writable,
            }
            for one in instruction.accounts
        ],
        "data": b64encode(instruction.data).decode(),
    }


def making(payer: Pubkey, owner: Pubkey, mint: Pubkey) -> Instruction:
    """Return the instruction that makes an owner's account of a mint, unless there is one."""
    account = get_associated_token_address(owner, mint)
    metas = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        write(account),
        *map(read, (owner, mint, SYSTEM, TOKEN)),
    ]
    return Instruction(ASSOCIATED, b"\x01", metas)


@dataclass
class Jupiter:
    """The API. A test may change each answer on its way out."""

    chain: Devchain
    market: Market = field(default_factory=read_market)
    change_quote: Callable[[Json], None] = lambda _said: None
    change_build: Callable[[Json], None] = lambda _said: None
    tables: Mapping[Pubkey, Sequence[Pubkey]] = field(default_factory=dict)
    also: Callable[[Asked], Awaitable[web.StreamResponse | None]] | None = None

    async def answers(self, asked: Asked) -> web.StreamResponse:
        if self.also and (response := await self.also(asked)):
            return response
        said, change = {
            "/swap/v2/quote": (self._quote, self.change_quote),
            "/swap/v2/build": (self._build, self.change_build),
        }[asked.path]
        try:
            answer = said(asked.query)
        except StopIteration:
            return web.json_response({"error": "TOKEN_NOT_TRADABLE"}, status=400)
        change(answer)
        return web.json_response(answer)

    def pool(self, query: Mapping[str, str]) -> PoolPlan:
        """Return the pool of a pair. Raises `StopIteration` where there is none."""
        names = {token.mint: token.symbol for token in self.market.tokens}
        pair = {names[query[side]] for side in ("inputMint", "outputMint")}
        return next(pool for pool in self.market.pools if {*pool.pair} == pair)

    def out(self, query: Mapping[str, str]) -> int:
        """Return what the pool pays now, to the atom."""
        return self._paid(query)[0]

    def _paid(self, query: Mapping[str, str]) -> tuple[int, Decimal]:
        """Return the same, and the part of the price that the amount itself takes."""
        plan = self.pool(query)
        at = self.market.addresses(plan)
        keys = [str(key) for key in (at.pool, *at.vaults)]
        options = {"encoding": "base64", "commitment": "processed"}
        told = self.chain.ask("getMultipleAccounts", keys, options)["value"]
        state, *vaults = (b64decode(one["data"][0]) for one in told)
        pool = read_pool(state)
        one, other = (
            int.from_bytes(vault[64:72], "little") - pool.owed(side)
            for side, vault in enumerate(vaults)
        )
        side = at.mints.index(Pubkey.from_string(query["inputMint"]))
        config = self.market.by_index[plan.config]
        amount = int(query["amount"])
        paid = price_swap(config, pool, (one, other), side, amount).out
        return paid, Decimal(amount) / ((one, other)[side] + amount)

    def route(self, query: Mapping[str, str], out: int) -> RouteV2:
        """Return the route as the API would have it: out of and into associated accounts."""
        wallet = Pubkey.from_string(query["taker"])
        mints = Pubkey.from_string(query["inputMint"]), Pubkey.from_string(query["outputMint"])
        return RouteV2(
            wallet=wallet,
            pays=get_associated_token_address(wallet, mints[0]),
            receives=get_associated_token_address(wallet, mints[1]),
            mints=mints,
            amount_in=int(query["amount"]),
            quoted_out=out,
            hops=[(self.market.addresses(self.pool(query)), 10_000)],
            slippage_bps=int(query["slippageBps"]),
        )

    def _quote(self, query: Mapping[str, str]) -> Json:
        slot = self.chain.ask("getSlot", {"commitment": "confirmed"})
        return self._priced(query) | {"contextSlot": slot, "timeTaken": 0.012}

    def _priced(self, query: Mapping[str, str]) -> Json:
        out, impact = self._paid(query)
        info = {
            "ammKey": str(self.market.addresses(self.pool(query)).pool),
            "label": "Raydium CP",
            "inputMint": query["inputMint"],
            "outputMint": query["outputMint"],
            "inAmount": query["amount"],
            "outAmount": str(out),
        }
        return {
            "inputMint": query["inputMint"],
            "inAmount": query["amount"],
            "outputMint": query["outputMint"],
            "outAmount": str(out),
            "otherAmountThreshold": str(out),
            "swapMode": "ExactIn",
            "slippageBps": int(query["slippageBps"]),
            "priceImpactPct": f"{impact:.6f}",
            "routePlan": [{"swapInfo": info, "percent": 100, "bps": 10_000}],
        }

    def _build(self, query: Mapping[str, str]) -> Json:
        priced = self._priced(query)  # Once: a block later the pool pays something else.
        route = self.route(query, int(priced["outAmount"]))
        return priced | {
            "computeBudgetInstructions": [shown(set_compute_unit_price(123_456_789))],
            "setupInstructions": [shown(making(route.wallet, route.wallet, route.mints[1]))],
            "swapInstruction": shown(route.instruction()),
            "cleanupInstruction": None,
            "otherInstructions": [],
            "tipInstruction": None,
            "addressesByLookupTableAddress": {
                str(table): [str(key) for key in keys] for table, keys in self.tables.items()
            },
            "blockhashWithMetadata": {
                "blockhash": [*range(32)],
                "lastValidBlockHeight": 279_000_150,
                "fetchedAt": {"secs_since_epoch": 1_759_480_000, "nanos_since_epoch": 123_456_789},
            },
        }
