"""A node: the chain behind one URL, with faults of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from solders.rpc.responses import RpcResponseContext

from devchain.chain.chain import Chain
from devchain.chain.view import View
from devchain.faults import Striking
from devchain.rpc.errors import behind
from devchain.rpc.params import Config

VERSION = "0.1.0-devchain"  # In getVersion, and with every context.


@dataclass(frozen=True, slots=True)
class Node:
    """Answers as of its own view of the chain. `now` is the unix time in seconds."""

    chain: Chain
    striking: Striking
    now: Callable[[], float] = time.time

    def view(self, method: str) -> View:
        """Return what the node knows when a method is called."""
        faults = self.striking.faults
        return View.of(
            self.chain.ledger,
            lag_slots=faults.lag_slots,
            pruned=faults.pruned,
            forgets=self.striking.strikes(faults.forgets, method),
        )


class Answer(Protocol):
    """A reply of solders: the whole envelope, with an id of 0."""

    def to_json(self) -> str:
        """Return it in JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A reply that solders has no type for: devchain's own."""

    result: str

    def to_json(self) -> str:
        """Return the envelope."""
        return f'{{"jsonrpc":"2.0","result":{self.result},"id":0}}'


def context(view: View, config: Config, commitment: str | None = None) -> RpcResponseContext:
    """Return the slot as of which an answer holds. Raises if the caller wants a later one."""
    slot = view.block(commitment or config.commitment()).slot
    if slot < config.integer("minContextSlot", 0):
        raise behind(slot)
    return RpcResponseContext(slot, VERSION)
