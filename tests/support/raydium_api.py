"""Raydium's trade API on loopback: it prices by the pools of a development chain, as they are.

The shapes are those of the recorded answers, the arithmetic is devchain's own.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeAlias

from aiohttp import web
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from devchain.cpmm.addresses import PoolAddresses
from devchain.cpmm.layouts import Config, read_pool
from devchain.cpmm.swap import Trade, price_swap, swap_instruction
from devchain.genesis.plan import read_market
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.venues.onchain.opening import opened_chain
from shared.venues.raydium_api.venue import RaydiumApiVenue, opened
from tests.support.onchain import Devchain
from tests.support.web import Asked, Site, a_site

Json: TypeAlias = dict[str, Any]

_BPS: Final = 10_000
_PAYS, _RECEIVES = 4, 5  # Among the accounts of the instruction.


class Priced(NamedTuple):
    """A swap in one pool."""

    at: PoolAddresses
    side: int
    trade: Trade


class RaydiumApi:
    """The two calls. A test changes what they answer."""

    def __init__(self, chain: Devchain) -> None:
        self._chain = chain
        self._market = read_market()
        self.change_price: Callable[[Json], Any] = lambda answer: answer
        self.change_plan: Callable[[Json], Any] = lambda answer: answer
        # The instructions of the swap to a whole transaction.
        self.compile: Callable[[Pubkey, Sequence[Instruction]], bytes] = compiled
        self.instead: Callable[[Asked], web.Response | None] = lambda _asked: None

    async def __call__(self, asked: Asked) -> web.StreamResponse:
        if response := self.instead(asked):
            return response
        try:
            return self._answered(asked)
        except ValueError:  # Its node is ill.
            return web.json_response({"success": False, "msg": "INTERNAL"}, status=503)

    def _answered(self, asked: Asked) -> web.StreamResponse:
        if (asked.method, asked.path) == ("GET", "/compute/swap-base-in"):
            return web.json_response(self.change_price(self._price(asked.query)))
        if (asked.method, asked.path) == ("POST", "/transaction/swap-base-in"):
            return web.json_response(self.change_plan(self._plan(asked.json)))
        return web.json_response({"error": "no such address"}, status=404)

    def _price(self, asked: Mapping[str, str]) -> Json:
        slippage, amount = int(asked["slippageBps"]), int(asked["amount"])
        found = self._best(asked["inputMint"], asked["outputMint"], amount)
        if found is None:
            return _no("ROUTE_NOT_FOUND")
        at, _, trade = found
        return {
            "id": "b2e4",
            "success": True,
            "version": "V1",
            "data": {
                "swapType": "BaseIn",
                "inputMint": asked["inputMint"],
                "inputAmount": asked["amount"],
                "outputMint": asked["outputMint"],
                "outputAmount": str(trade.out),
                "otherAmountThreshold": str(trade.out * (_BPS - slippage) // _BPS),
                "slippageBps": slippage,
                # As the pool's product says it: more of an impact for more that goes in.
                "priceImpactPct": round(100 * self._impact(found, amount), 4),
                "referrerAmount": "0",
                "routePlan": [
                    {
                        "poolId": str(at.pool),
                        "inputMint": asked["inputMint"],
                        "outputMint": asked["outputMint"],
                        "feeMint": asked["inputMint"],
                        "feeRate": 25,
                        "feeAmount": str(trade.trade_fee),
                        "remainingAccounts": [],
                    }
                ],
            },
        }

    def _plan(self, asked: Json) -> Json:
        priced = asked["swapResponse"]
        if not isinstance(priced, dict) or "success" not in priced:
            return _no("REQ_SWAP_RESPONSE_ERROR")
        data, wallet = priced["data"], Pubkey.from_string(asked["wallet"])
        found = self._best(data["inputMint"], data["outputMint"], int(data["inputAmount"]))
        assert found
        swap = swap_instruction(
            *(found.at, wallet, found.side),
            *(int(data["inputAmount"]), int(data["otherAmountThreshold"])),
        )
        swap = paid_from(swap, asked["inputAccount"], asked["outputAccount"])
        instructions = [
            set_compute_unit_limit(600_000),
            set_compute_unit_price(int(asked["computeUnitPriceMicroLamports"])),
            swap,
        ]
        transaction = base64.b64encode(self.compile(wallet, instructions)).decode()
        return {
            "id": "c3",
            "success": True,
            "version": "V1",
            "data": [{"transaction": transaction}],
        }

    def _best(self, mint_in: str, mint_out: str, amount_in: int) -> Priced | None:
        offers = []
        for pool in self._market.pools:
            at = self._market.addresses(pool)
            if {mint_in, mint_out} == {*map(str, at.mints)}:
                side = at.mints.index(Pubkey.from_string(mint_in))
                config = self._market.by_index[pool.config]
                if (trade := self._trade(at, config, side, amount_in)) and trade.out > 0:
                    offers.append(Priced(at, side, trade))
        return max(offers, key=lambda offer: offer.trade.out, default=None)

    def _trade(self, at: PoolAddresses, config: Config, side: int, amount_in: int) -> Trade | None:
        data, *vaults = self._accounts(at.pool, *at.vaults)
        pool = read_pool(data)
        one, other = (
            int.from_bytes(vault[64:72], "little") - pool.owed(i) for i, vault in enumerate(vaults)
        )
        try:
            return price_swap(config, pool, (one, other), side, amount_in)
        except ValueError:
            return None

    def _impact(self, found: Priced, amount_in: int) -> float:
        vault = self._accounts(found.at.vaults[found.side])[0]
        return amount_in / (amount_in + int.from_bytes(vault[64:72], "little"))

    def _accounts(self, *keys: Pubkey) -> list[bytes]:
        options = {"encoding": "base64", "commitment": "processed"}
        found = self._chain.ask("getMultipleAccounts", [str(key) for key in keys], options)
        return [base64.b64decode(one["data"][0]) for one in found["value"]]


def paid_from(swap: Instruction, pays: str, receives: str) -> Instruction:
    """Return the swap with these token accounts in place of the associated ones."""
    metas = list(swap.accounts)
    for at, key in ((_PAYS, pays), (_RECEIVES, receives)):
        metas[at] = AccountMeta(Pubkey.from_string(key), is_signer=False, is_writable=True)
    return Instruction(swap.program_id, bytes(swap.data), metas)


def compiled(payer: Pubkey, instructions: Sequence[Instruction]) -> bytes:
    """Return an unsigned transaction of the old kind."""
    return unsigned(Message.new_with_blockhash(instructions, payer, Hash.default()))


def unsigned(message: Message | MessageV0) -> bytes:
    """Return a message as a transaction that nobody has signed."""
    signatures = [Signature.default()] * message.header.num_required_signatures
    return bytes(VersionedTransaction.populate(message, signatures))


def _no(why: str) -> Json:
    return {"id": "a1", "success": False, "version": "V1", "msg": why}


@asynccontextmanager
async def raydium_api(
    settings: VenueSettings, log: Log, chain: Devchain
) -> AsyncIterator[tuple[RaydiumApiVenue, RaydiumApi, Site]]:
    """Run the API and a venue that asks it."""
    api = RaydiumApi(chain)
    async with a_site(api) as site:
        own = {"raydium_api_url": site.url, "raydium_api_rate": "90000/minute"}
        async with opened_chain(settings.model_copy(update=own), signs=True) as solana:
            assert solana
            name, given = "raydium_api", settings.model_copy(update=own)
            yield opened(name, given, log.client, solana), api, site
