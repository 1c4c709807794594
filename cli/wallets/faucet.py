"""Money from nowhere, on a development chain only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from solders.pubkey import Pubkey

from cli.console import Trouble
from shared.settings import MarketSettings
from shared.solana.addresses import WRAPPED_SOL
from shared.solana.rpc.errors import RpcError
from shared.solana.rpc.nodes import Nodes
from shared.solana.rpc.replies import Call
from shared.tokens.amounts import to_atoms
from shared.tokens.registry import Token
from shared.venues.onchain.opening import opened_chain

_PATIENCE_S = 30.0
_POLL_S = 0.1
_GIFT_USD = Decimal(1_000_000)


async def endow(env: Mapping[str, str], owner: Pubkey) -> None:
    """Give a wallet enough of every token that the chain has for a day of trying things out."""
    async with opened_chain(MarketSettings.from_env(env)) as chain:
        if chain is None:
            return
        gifts = [airdrop(chain.nodes, owner, token, _gift(token)) for token in chain.tokens.all]
        for token, done in zip(
            chain.tokens.all, await asyncio.gather(*gifts, return_exceptions=True), strict=True
        ):
            if isinstance(done, Trouble) and token.mint != str(WRAPPED_SOL):
                continue  # The market of this chain does not have it.
            if isinstance(done, BaseException):
                raise done


def _gift(token: Token) -> Decimal:
    usd = token.simulated_usd or Decimal(1)
    return max((_GIFT_USD / usd).quantize(Decimal(1)), Decimal(1))


async def airdrop(nodes: Nodes, owner: Pubkey, token: Token, amount: Decimal) -> None:
    """Give a wallet tokens, and return once they are there.

    Raises `Trouble`, also for an amount that is not a number of atoms which a chain can count.
    """
    try:
        atoms = to_atoms(f"{amount:f} {token.symbol}", amount, token.decimals)
    except ValueError as error:
        raise Trouble(f"{error}.") from None
    if token.mint == str(WRAPPED_SOL):
        call = Call("requestAirdrop", [str(owner), atoms])
    else:
        call = Call("devchain_airdropTokens", [str(owner), token.mint, atoms])
    signature = await _asked(nodes, call)
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while not await _is_there(nodes, signature):
        if asyncio.get_running_loop().time() > deadline:
            raise Trouble(f"the airdrop {signature} is not confirmed after {_PATIENCE_S:.0f} s.")
        await asyncio.sleep(_POLL_S)


async def _is_there(nodes: Nodes, signature: str) -> bool:
    found = await _asked(nodes, Call("getSignatureStatuses", [[signature]]))
    [status] = found["value"]
    if status is not None and status["err"] is not None:
        raise Trouble(f"the airdrop {signature} failed: {status['err']}.")
    return status is not None and status["confirmationStatus"] in ("confirmed", "finalized")


async def _asked(nodes: Nodes, call: Call) -> Any:
    [answer] = await nodes.ask([call])
    if isinstance(answer, RpcError):
        raise Trouble(f"{call.method}: {answer.message}.") from answer
    return answer
