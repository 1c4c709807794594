"""Signed transactions on their way: sent to every node, asked about, and proven dead."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from solders.pubkey import Pubkey

from shared.concurrency.coalescer import Coalescer
from shared.orders.values import Receipt, SignedTransaction
from shared.solana.proof import Claim, Look, Proven, prove
from shared.solana.receipts import BadReceipt, failure, settled
from shared.solana.rpc.errors import ChainAway, RpcError
from shared.solana.rpc.nodes import Nodes
from shared.solana.rpc.replies import Call
from shared.tokens.amounts import from_atoms
from shared.venues.onchain.statuses import (
    FINAL,
    Looked,
    Status,
    answered,
    looked,
    looking,
    of_statuses,
)
from shared.venues.protocol import (
    Answer,
    Expired,
    Failed,
    Landed,
    Pending,
    Unknown,
    VenueRejected,
    VenueUnavailable,
)

logger = logging.getLogger(__name__)

_AT_ONCE = 256  # Signatures that getSignatureStatuses takes.
_SENT = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
_READ = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}


class Landing:
    """Follows transactions of every venue of a chain, many with each request."""

    def __init__(
        self, nodes: Nodes, *, quorum: int, decimals: Mapping[str, int], slippage: Collection[int]
    ) -> None:
        """`decimals` is by mint; `slippage` has the codes by which a venue's program refuses."""
        self._nodes = nodes
        self._quorum = quorum
        self._decimals = decimals
        self._slippage = slippage
        self._send: Coalescer[bytes, Any] = Coalescer(self._send_all, batch=100)
        self._ask: Coalescer[str, Status | None] = Coalescer(self._statuses, batch=_AT_ONCE)
        self._read: Coalescer[str, Any] = Coalescer(self._transactions, batch=100)

    async def send(self, payload: bytes) -> None:
        """Hand the bytes to every node. Raises as a venue's `send` does."""
        answer = await self._send(payload)
        if isinstance(answer, RpcError):
            raise VenueRejected(str(answer)) from answer

    async def status(self, signatures: Sequence[str]) -> list[Answer]:
        """Return what one node says of each, in order; a receipt once it is confirmed."""
        statuses = await asyncio.gather(*map(self._ask, signatures))
        return await self._answers(signatures, statuses)

    async def search(self, transactions: Sequence[SignedTransaction]) -> list[Answer]:
        """Return what the whole history of every node says of each, in order."""
        signatures = [transaction.signature for transaction in transactions]
        said = await self._nodes.ask_each(looking(signatures))
        if not any(said):
            raise ChainAway("no node answers")
        looks = [
            looked(node.name, answers, len(signatures))
            for node, answers in zip(self._nodes.all, said, strict=True)
            if answers is not None
        ]
        known = [
            max(
                (status for look in looks if (status := look.statuses[number])),
                key=lambda status: status.rank,
                default=None,
            )
            for number in range(len(signatures))
        ]
        answers = await self._answers(signatures, known)
        return [
            self._proven(number, transaction, looks) if isinstance(answer, Unknown) else answer
            for number, (transaction, answer) in enumerate(zip(transactions, answers, strict=True))
        ]

    def _proven(
        self, number: int, transaction: SignedTransaction, looks: Sequence[Looked]
    ) -> Answer:
        claim = Claim(valid_until=transaction.valid_until, signed_at=transaction.signed_slot)
        told = [
            Look(
                url=look.name,
                slot=look.slot,
                height=look.height,
                searched_at=look.searched_at,
                found=look.statuses[number] is not None,
                first_slot=look.first_slot,
            )
            for look in looks
        ]
        # URLs of one host are one witness.
        quorum = min(self._quorum, len({node.name for node in self._nodes.all}))
        verdict = prove(claim, told, quorum)
        return Expired(verdict.proof) if isinstance(verdict, Proven) else Unknown()

    async def _answers(
        self, signatures: Sequence[str], statuses: Sequence[Status | None]
    ) -> list[Answer]:
        landed = {
            signature
            for signature, status in zip(signatures, statuses, strict=True)
            if status is not None and status.rank > 0 and status.err is None
        }
        read = dict(zip(landed, await asyncio.gather(*map(self._read, landed)), strict=True))
        return [
            self._answer(signature, status, read.get(signature))
            for signature, status in zip(signatures, statuses, strict=True)
        ]

    def _answer(self, signature: str, status: Status | None, transaction: Any) -> Answer:
        if status is None:
            return Unknown()
        is_final = status.rank == FINAL
        if status.err is not None:
            # Until it is final, a fork may take the failure back and the same bytes may land.
            told = failure(status.err, self._slippage)
            return Failed(told.reason, told.detail) if is_final else Pending()
        if transaction is None:
            return Pending()
        try:
            return Landed(self._receipt(transaction), is_final)
        except BadReceipt:
            logger.exception("%s landed, and its amounts cannot be told", signature)
            return Pending()

    def _receipt(self, transaction: Any) -> Receipt:
        swap = settled(transaction, _payer(transaction))
        return Receipt(
            amount_in=self._amount(swap.mint_in, swap.amount_in),
            amount_out=self._amount(swap.mint_out, swap.amount_out),
        )

    def _amount(self, mint: Pubkey, atoms: int) -> Decimal:
        decimals = self._decimals.get(str(mint))
        if decimals is None:
            raise BadReceipt(f"TOKENS_FILE has no mint {mint}")
        return from_atoms(atoms, decimals)

    async def _send_all(self, payloads: list[bytes]) -> list[Any]:
        calls = [
            Call("sendTransaction", [b64encode(payload).decode(), _SENT]) for payload in payloads
        ]
        return await self._nodes.hand_out(calls)

    async def _statuses(self, signatures: list[str]) -> list[Status | None]:
        [answer] = await self._nodes.ask([of_statuses(signatures)])
        if isinstance(answer, RpcError):
            raise VenueUnavailable(str(answer))
        statuses: list[Status | None] = answer.value
        return statuses

    async def _transactions(self, signatures: list[str]) -> list[Any]:
        calls = [Call("getTransaction", [signature, _READ]) for signature in signatures]
        found = [answered(answer) for answer in await self._nodes.ask(calls)]
        missing = [number for number, transaction in enumerate(found) if transaction is None]
        if missing and len(self._nodes.all) > 1:  # That node lags, or has pruned it.
            for answers in await self._nodes.ask_each([calls[number] for number in missing]):
                for number, answer in zip(missing, answers or [], strict=False):
                    found[number] = found[number] or answered(answer)
        return found


def _payer(transaction: Any) -> Pubkey:
    try:
        return Pubkey.from_string(transaction["transaction"]["message"]["accountKeys"][0])
    except (LookupError, TypeError, ValueError) as error:
        raise BadReceipt(f"getTransaction's answer has no payer: {error!r}") from None
