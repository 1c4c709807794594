"""A typed client of Slipstream: place orders, follow each to its end, miss nothing.

It stands on its own: nothing of the services is imported.
"""

from __future__ import annotations

from slipstream.asking import Filter, NewOrder
from slipstream.client import AsyncClient
from slipstream.errors import (
    AcceptanceUnknown,
    Forbidden,
    InvalidRequest,
    KeyReused,
    NotCancelled,
    NotFound,
    RateLimited,
    Refused,
    SlipstreamError,
    Unauthenticated,
    Unavailable,
    Unexpected,
    Unreachable,
)
from slipstream.figures import Attention, Flow, Pair, System
from slipstream.models import (
    Accepted,
    Balance,
    Event,
    Failure,
    Leg,
    Offer,
    Order,
    OrderSummary,
    Page,
    Quote,
    Quotes,
    Refusal,
    Single,
    StatusChange,
    Token,
    Wallet,
    Wallets,
)
from slipstream.problem import FieldError, Problem
from slipstream.stats import Stats
from slipstream.sync import Client
from slipstream.venues import Venue

__all__ = [
    "AcceptanceUnknown",
    "Accepted",
    "AsyncClient",
    "Attention",
    "Balance",
    "Client",
    "Event",
    "Failure",
    "FieldError",
    "Filter",
    "Flow",
    "Forbidden",
    "InvalidRequest",
    "KeyReused",
    "Leg",
    "NewOrder",
    "NotCancelled",
    "NotFound",
    "Offer",
    "Order",
    "OrderSummary",
    "Page",
    "Pair",
    "Problem",
    "Quote",
    "Quotes",
    "RateLimited",
    "Refusal",
    "Refused",
    "Single",
    "SlipstreamError",
    "Stats",
    "StatusChange",
    "System",
    "Token",
    "Unauthenticated",
    "Unavailable",
    "Unexpected",
    "Unreachable",
    "Venue",
    "Wallet",
    "Wallets",
]
