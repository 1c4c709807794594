"""The market's maker trades on the chain: his swaps are transactions as anybody's are."""

from __future__ import annotations

from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from devchain.chain.chain import Chain
from devchain.genesis.keys import MAKER
from devchain.market.maker import Maker


def trade(chain: Chain, maker: Maker) -> None:
    """Land the maker's swaps in the open block.

    Raises `LookupError` on a chain that did not begin with his market.
    """
    ledger, head = chain.ledger, chain.ledger.head
    blockhash = ledger.block(head.height - 1).hash
    if blockhash is None:
        return
    for swap in maker.transactions(
        head.slot, head.time, lambda key: ledger.account(key, head.height)
    ):
        message = MessageV0.try_compile(MAKER.pubkey(), [swap], [], blockhash)
        chain.land(VersionedTransaction(message, [MAKER]))
