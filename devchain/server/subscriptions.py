"""Subscriptions: what a client wants to hear of, and what there is to tell it now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from solders.account import Account
from solders.pubkey import Pubkey
from solders.rpc.responses import (
    AccountNotification,
    AccountNotificationResult,
    RpcResponseContext,
    RpcSignatureResponse,
    SignatureNotification,
    SignatureNotificationResult,
    SlotInfo,
    SlotNotification,
)
from solders.signature import Signature

from devchain.chain.view import View
from devchain.rpc.node import VERSION, Answer
from devchain.rpc.params import Params, signature

_GONE = Account(0, b"", Pubkey.default())


class Subscription(ABC):
    """One wish of a client, which `number` names."""

    name: ClassVar[str]  # Of what it is sent.

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_over = False

    @abstractmethod
    def news(self, view: View) -> Answer | None:
        """Return what there is to tell since it was last asked."""


class OfSlots(Subscription):
    """Tells every slot."""

    name = "slotNotification"

    def __init__(self, number: int, view: View, _params: Params) -> None:
        super().__init__(number)
        self._told = view.head, view.block("processed").slot

    def news(self, view: View) -> Answer | None:
        """Return the newest slot, once."""
        block = view.block("processed")
        if (view.head, block.slot) == self._told:
            return None
        self._told = view.head, block.slot
        root = view.block("finalized").slot
        return SlotNotification(SlotInfo(block.slot, block.parent, root), self.number)


class OfSignature(Subscription):
    """Tells once that a transaction has reached a commitment."""

    name = "signatureNotification"

    def __init__(self, number: int, _view: View, params: Params) -> None:
        super().__init__(number)
        self._signature: Signature = signature(params.value(0))
        self._commitment = params.config(1).commitment()

    def news(self, view: View) -> Answer | None:
        """Return how the transaction ended, once."""
        landed = view.status(self._signature, search=False)
        if landed is None or not view.has(landed, self._commitment):
            return None
        self.is_over = True
        said = RpcSignatureResponse(landed.execution.error)
        context = _context(view, self._commitment)
        return SignatureNotification(SignatureNotificationResult(said, context), self.number)


class OfAccount(Subscription):
    """Tells an account whenever it is another than before."""

    name = "accountNotification"

    def __init__(self, number: int, view: View, params: Params) -> None:
        super().__init__(number)
        self._key = params.pubkey(0)
        config = params.config(1)
        config.choice("encoding", "base64")
        self._commitment = config.commitment()
        self._told = view.account(self._key, self._commitment)

    def news(self, view: View) -> Answer | None:
        """Return the account if it has changed."""
        account = view.account(self._key, self._commitment)
        if account == self._told:
            return None
        self._told = account
        context = _context(view, self._commitment)
        result = AccountNotificationResult(account or _GONE, context)
        return AccountNotification(result, self.number)


KINDS: dict[str, type[OfSlots | OfSignature | OfAccount]] = {
    "slotSubscribe": OfSlots,
    "signatureSubscribe": OfSignature,
    "accountSubscribe": OfAccount,
}
ENDINGS = {kind.replace("Subscribe", "Unsubscribe"): of for kind, of in KINDS.items()}


def _context(view: View, commitment: str) -> RpcResponseContext:
    return RpcResponseContext(view.block(commitment).slot, VERSION)
