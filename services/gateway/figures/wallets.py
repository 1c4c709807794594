"""Show which wallets pay for orders, and what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Caller, Role, caller_of
from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import problems, reply
from services.gateway.openapi.schemas import WalletsView
from shared.errors import ServerAway
from shared.solana.wallets.key_file import BadWallet
from shared.solana.wallets.wallets_file import Wallet
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.holdings import holdings
from shared.venues.protocol import VenueUnavailable


class Purses:
    """Tells what wallets hold; those who ask within a tick share a read of the chain."""

    def __init__(self, name: str, chain: SolanaChain | None) -> None:
        """`name` is that of `chain`, which is None for the simulated one: it has no wallets."""
        self._name = name
        self._chain = chain

    async def __call__(self, caller: Caller) -> dict[str, Any]:
        """Return the wallets that the caller may see. Raises `Problem` when no node answers."""
        shown: Sequence[dict[str, Any]] = ()
        if (chain := self._chain) is not None:
            seen = seen_by(caller, chain)
            try:
                shown = await asyncio.gather(*(_shown(wallet, caller, chain) for wallet in seen))
            except (ServerAway, VenueUnavailable):
                raise Problem(Code.WALLETS_UNAVAILABLE) from None
        return {"chain": self._name, "wallets": list(shown)}


def seen_by(caller: Caller, chain: SolanaChain) -> list[Wallet]:
    """Return the wallets that a caller may see."""
    if caller.role is Role.ADMIN:
        return list(chain.wallets.all.values())
    try:
        return [chain.wallets.of(caller.account)]
    except BadWallet:
        return []


async def _shown(wallet: Wallet, caller: Caller, chain: SolanaChain) -> dict[str, Any]:
    held = await holdings(chain.state, chain.tokens, wallet.address)
    # The names of others who share the wallet are not the caller's to know.
    accounts = wallet.accounts if caller.role is Role.ADMIN else [caller.account]
    return {
        "name": wallet.name,
        "address": str(wallet.address),
        "accounts": list(accounts),
        "slot": held.slot,
        "balances": [
            {"token": symbol, "mint": chain.tokens.by_name[symbol].mint, "amount": f"{amount:f}"}
            for symbol, amount in held.balances.items()
        ],
    }


def wallet_routes(purses: Purses) -> APIRouter:
    """Return the route that shows wallets."""
    router = APIRouter(prefix="/api", tags=["wallets"], route_class=BareRoute)

    async def list_wallets(request: Request) -> Response:
        """List the wallets that pay for orders, with what they hold of the tokens that are listed.

        A key of the role `admin` sees all of them, another key that of its own account, and nobody
        else's account. Balances are as of `slot` or later; none of zero is shown. The simulated
        chain has no wallets.
        """
        return json_answer(await purses(caller_of(request)))

    router.add_api_route(
        "/wallets",
        list_wallets,
        responses={
            200: reply(WalletsView, "The wallets"),
            **problems(Code.INTERNAL_ERROR, Code.WALLETS_UNAVAILABLE),
        },
    )
    return router
