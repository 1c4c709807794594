"""Read what an audit compares: the archive's orders, and the wallets' history on the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from solders.pubkey import Pubkey

from cli.audit.funds import SOL_MINT, Happened, Holding, Told
from cli.console import Trouble
from shared.archive.archive import Archive
from shared.archive.swaps import FIRST
from shared.orders.codec import decode
from shared.orders.contradictions import rolled_back
from shared.orders.events import OrderConfirmed, OutcomeContradicted, TransactionSigned
from shared.solana.addresses import Mint, token_account
from shared.solana.receipts import BadReceipt, settled
from shared.solana.rpc.errors import RpcError
from shared.solana.rpc.replies import Call
from shared.solana.wallets.wallets_file import Wallet
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.holdings import holdings

_ORDERS = 1_000
_SIGNATURES = 1_000  # The most that getSignaturesForAddress gives.
_AT_ONCE = 100
_READ = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}


async def read_orders(archive: Archive) -> list[Told]:
    """Return what the archive says of every order."""
    told: list[Told] = []
    after = FIRST
    while page := await archive.next_swaps(after, _ORDERS):
        events: dict[str, list[Any]] = {}
        for order_id, event in page:
            events.setdefault(order_id, []).extend([decode(event)] if event else [])
        told += [_told(order_id, history) for order_id, history in events.items()]
        after = page[-1][0]
    return told


def _told(order_id: str, history: Sequence[Any]) -> Told:
    confirmed = next((event for event in history if isinstance(event, OrderConfirmed)), None)
    contradicted = [event for event in history if isinstance(event, OutcomeContradicted)]
    receipts = [confirmed.receipt] if confirmed else []
    receipts += [event.receipt for event in contradicted if event.receipt]
    return Told(
        order_id=order_id,
        signatures=[
            event.transaction.signature for event in history if isinstance(event, TransactionSigned)
        ],
        undone=rolled_back(history),
        confirmed=confirmed.signature if confirmed else "",
        amount_in=receipts[-1].amount_in if receipts else Decimal(0),
        amount_out=receipts[-1].amount_out if receipts else Decimal(0),
    )


async def read_chain(chain: SolanaChain, wallets: Sequence[Wallet]) -> list[Happened]:
    """Return every confirmed transaction that touches the wallets.

    Raises `Trouble` where the nodes do not keep them from the first on, `ServerAway` where none
    answers.
    """
    names = {str(wallet.address): wallet.name for wallet in wallets}
    addresses = [address for wallet in wallets for address in _addresses(chain, wallet)]
    memos = {
        signature: memo
        for address in addresses
        async for signature, memo in _signatures(chain, address)
    }
    found = []
    decimals = {token.mint: token.decimals for token in chain.tokens.all}
    signatures = list(memos)
    for start in range(0, len(signatures), _AT_ONCE):
        some = signatures[start : start + _AT_ONCE]
        answers = await chain.nodes.ask([Call("getTransaction", [one, _READ]) for one in some])
        for signature, answer in zip(some, answers, strict=True):
            if answer is None or isinstance(answer, RpcError):
                raise Trouble(f"transaction {signature} is no longer kept: nothing can be audited.")
            found.append(_happened(signature, memos[signature], answer, names, decimals))
    return found


async def read_holdings(chain: SolanaChain, wallets: Sequence[Wallet]) -> list[Holding]:
    """Return what the wallets hold now, every token that is listed."""
    found = []
    for wallet in wallets:
        held = (await holdings(chain.state, chain.tokens, wallet.address)).balances
        found += [
            Holding(
                wallet=wallet.name,
                address=str(wallet.address),
                mint=token.mint,
                atoms=int(held.get(token.symbol, Decimal(0)).scaleb(token.decimals)),
            )
            for token in chain.tokens.all
        ]
    return found


def _addresses(chain: SolanaChain, wallet: Wallet) -> Iterator[Pubkey]:
    yield wallet.address
    for token in chain.tokens.all:
        if token.mint != SOL_MINT:
            yield token_account(wallet.address, Mint(Pubkey.from_string(token.mint)))


async def _signatures(chain: SolanaChain, address: Pubkey) -> Any:
    before: dict[str, str] = {}
    while True:
        options = {"limit": _SIGNATURES, "commitment": "confirmed", **before}
        [page] = await chain.nodes.ask([Call("getSignaturesForAddress", [str(address), options])])
        if isinstance(page, RpcError):
            raise Trouble(f"the history of {address} cannot be read: {page}.")
        for one in page:
            yield one["signature"], _memo(one.get("memo"))
        if len(page) < _SIGNATURES:
            return
        before = {"before": page[-1]["signature"]}


def _memo(text: str | None) -> str:
    """Return an order's id out of ``[36] id``, as nodes show memos."""
    return text.partition("] ")[2] if text else ""


def _happened(
    signature: str,
    order_id: str,
    answer: Any,
    names: Mapping[str, str],
    decimals: Mapping[str, int],
) -> Happened:
    meta = answer["meta"]
    loaded = meta.get("loadedAddresses") or {}
    keys = [
        *answer["transaction"]["message"]["accountKeys"],
        *loaded.get("writable", []),
        *loaded.get("readonly", []),
    ]
    lamports = {
        key: after - before
        for key, before, after in zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    }
    tokens: Counter[tuple[str, str]] = Counter()
    for sign, side in ((-1, "preTokenBalances"), (1, "postTokenBalances")):
        for one in meta[side]:
            tokens[one["mint"], one["owner"]] += sign * int(one["uiTokenAmount"]["amount"])
    failed = meta["err"] is not None
    payer = keys[0]
    return Happened(
        signature=signature,
        order_id=order_id,
        wallet=names.get(payer, ""),
        failed=failed,
        fee=meta["fee"],
        lamports=lamports,
        tokens=tokens,
        swap=None if failed or payer not in names else _swap(answer, payer, decimals),
    )


def _swap(answer: Any, payer: str, decimals: Mapping[str, int]) -> tuple[Decimal, Decimal] | None:
    try:
        swap = settled(answer, Pubkey.from_string(payer))
    except BadReceipt:
        return None
    return (
        Decimal(swap.amount_in).scaleb(-decimals.get(str(swap.mint_in), 0)),
        Decimal(swap.amount_out).scaleb(-decimals.get(str(swap.mint_out), 0)),
    )
