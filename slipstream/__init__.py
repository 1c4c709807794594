"""A typed client of Slipstream: place orders, follow each to its end, miss nothing.

It stands on its own: nothing of the services is imported.
"""

from __future__ import annotations

from slipstream.asking import FillFilter, Filter, NewOrder
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
from slipstream.figures import Attention, Flow, Pair, Quality, System
from slipstream.models import (
    Accepted,
    Balance,
    Event,
    Failure,
    Fill,
    FillPage,
    Leg,
    Lost,
    Offer,
    Order,
    OrderSummary,
    Page,
    Quote,
    Quotes,
    RankedQuote,
    Refusal,
    Single,
    StatusChange,
    Token,
    Total,
    Wallet,
    Wallets,
)
from slipstream.problem import FieldError, Problem
from slipstream.stats import Stats
from slipstream.sync import Client
from slipstream.telling import Action, ChosenRoute, NextStep
from slipstream.venues import Venue

__all__ = [
    "AcceptanceUnknown",
    "Accepted",
    "Action",
    "AsyncClient",
    "Attention",
    "Balance",
    "ChosenRoute",
    "Client",
    "Event",
    "Failure",
    "FieldError",
    "Fill",
    "FillFilter",
    "FillPage",
    "Filter",
    "Flow",
    "Forbidden",
    "InvalidRequest",
    "KeyReused",
    "Leg",
    "Lost",
    "NewOrder",
    "NextStep",
    "NotCancelled",
    "NotFound",
    "Offer",
    "Order",
    "OrderSummary",
    "Page",
    "Pair",
    "Problem",
    "Quality",
    "Quote",
    "Quotes",
    "RankedQuote",
    "RateLimited",
    "Refusal",
    "Refused",
    "Single",
    "SlipstreamError",
    "Stats",
    "StatusChange",
    "System",
    "Token",
    "Total",
    "Unauthenticated",
    "Unavailable",
    "Unexpected",
    "Unreachable",
    "Venue",
    "Wallet",
    "Wallets",
]
