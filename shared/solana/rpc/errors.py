"""Bad news from nodes."""

from __future__ import annotations

from typing import Any

from shared.errors import ServerAway


class RpcError(Exception):
    """A node's own no to one call."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        """`code` as JSON-RPC and Solana number it; `data` as the node gave it."""
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class NodeAway(ServerAway):
    """A URL gave no answer that counts; `rest_s` is for how long it asked to be left alone.

    `outcome` is the word for it in the metrics.
    """

    def __init__(self, why: str, rest_s: float = 0.0, outcome: str = "unwell") -> None:
        """Say why."""
        super().__init__(why)
        self.rest_s = rest_s
        self.outcome = outcome


class WrongChain(NodeAway):
    """A URL belongs to another chain than the one that is configured."""


class ChainAway(ServerAway):
    """No URL answers. Wait for one."""


class NoneIsOurs(ChainAway):
    """Every URL is of another chain. Waiting helps only if somebody changes that."""
