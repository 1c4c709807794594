"""`docs/events.md`: every event, the service that continues, and the transitions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Struct, UnsetType

from services import executor, gateway, notifier, projector, router
from shared.orders.dispatch import CONTINUES
from shared.orders.events import Event, OrderEvent
from shared.orders.order import TRANSITIONS
from shared.orders.states import STATUS, State
from shared.orders.values import (
    CHAIN_ANSWERS,
    Discount,
    FailureReason,
    Leg,
    Quote,
    Receipt,
    Refusal,
    Route,
    SignedTransaction,
    Single,
    SwapIntent,
)

KINDS: tuple[type[OrderEvent], ...] = get_args(OrderEvent)
VALUES = (SwapIntent, Quote, Leg, Single, Refusal, Discount, Route, SignedTransaction, Receipt)
COMMON = [field.name for field in msgspec.structs.fields(Event)]

REASONS = {
    FailureReason.NO_ROUTE: "Every venue gave a final no, or the best quote pays less than the "
    "network fee",
    FailureReason.UNKNOWN_TOKEN: "The router's list of tokens has none of this name: it differs "
    "from the gateway's, or the order is older",
    FailureReason.VENUE_REJECTED: "The venue that won would not build the transaction",
    FailureReason.INSUFFICIENT_FUNDS: "The wallet lacks the tokens, or the SOL for fees and rent; "
    "the detail names both amounts, and nothing was signed",
    FailureReason.FIREWALL_REFUSED: "The transaction would have done something else than the order "
    "asks for; the detail names the instruction, and nothing was signed",
    FailureReason.ROUTES_EXHAUSTED: "`MAX_ROUTES` routes came to nothing",
    FailureReason.RETRIES_EXHAUSTED: "A step before signing failed `MAX_ATTEMPTS` times; the "
    "detail is the last error",
    FailureReason.SLIPPAGE_EXCEEDED: "The swap would have paid less than `minOut`, so the chain "
    "refused it",
    FailureReason.FAILED_ON_CHAIN: "The transaction is on the chain and swapped nothing",
}

_NAMES = {
    str: "string",
    int: "integer",
    bool: "boolean",
    datetime: "time, RFC 3339",
    Decimal: "decimal, as a string",
    bytes: "base64",
    type(None): "null",
    UnsetType: "absent",
}

_HEAD = """\
# Events

Written by `make docs` from `shared/orders/`: do not edit.

An order is the fold of its events. (`orderId`, `version`) names an event; the versions of an order
run 1, 2, 3 … without a hole. Events are JSON objects, on the log as towards clients. Clients also
get `status`, the order's status after the event, and never `transaction.payload`, the signed bytes.

Mind the trap: the event `OrderSubmitted` is the status `pending`; the status `submitted` means
sent to the chain.
"""


def events_page() -> str:
    """Return the page's text."""
    parts = [
        _HEAD,
        "## All of them\n",
        _table(["event", "status a client sees", "continued by", "meaning"], _overview()),
        "Each service, in its own words; `A -> B | C` means that it answers event A with B or C:\n",
        _steps(gateway, router, executor, notifier, projector),
        "## Transitions\n",
        "No other is possible: the fold refuses them.\n",
        _table(["event", "from the states", "to the state"], _transitions()),
        "## States and statuses\n",
        "The state is as fine as the transitions need; the status is what clients are told.\n",
        _table(["state", "status"], ([f"`{s}`", f"`{STATUS[s]}`"] for s in State)),
        "## Why an order failed\n",
        "The codes are stable.\n",
        _table(["`reason`", "meaning", "may end a signed order"], _reasons()),
        "## Fields\n",
        "Every event has these:\n",
        _table(["field", "type"], _fields(Event, common=True)),
        *(_described(kind) for kind in KINDS),
        "## Values\n",
        "Names in these texts are the code's: its `amount_in` is `amountIn` in JSON.\n",
        *(_described(kind) for kind in VALUES),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _overview() -> Iterator[list[str]]:
    for kind in KINDS:
        yield [f"[`{kind.__name__}`](#{kind.__name__.lower()})", *_consequence(kind), _first(kind)]


def _consequence(kind: type[OrderEvent]) -> tuple[str, str]:
    leads_to = {(start, end) for (start, event), end in TRANSITIONS.items() if event is kind}
    states = {end for _, end in leads_to}
    unchanged = len(states) > 1
    status = "unchanged" if unchanged else f"`{STATUS[states.pop()]}`"
    if kind in CONTINUES:
        return status, CONTINUES[kind]
    return status, "nobody" if unchanged else "nobody: the end"


def _steps(*modules: Any) -> str:
    return "```text\n" + "\n\n".join(inspect.getdoc(m) or "" for m in modules) + "\n```\n"


def _transitions() -> Iterator[list[str]]:
    for kind in KINDS:
        found = {start: end for (start, event), end in TRANSITIONS.items() if event is kind}
        starts = [f"`{start}`" for start in [None, *State] if start in found and start] or ["none"]
        ends = set(found.values())
        end = "the same" if len(ends) > 1 else f"`{ends.pop()}`"
        yield [f"`{kind.__name__}`", ", ".join(starts), end]


def _reasons() -> Iterator[list[str]]:
    for reason in FailureReason:
        yield [f"`{reason}`", REASONS[reason], "yes" if reason in CHAIN_ANSWERS else "no"]


def _described(kind: type[Struct]) -> str:
    fields = list(_fields(kind))
    words = [f"### {kind.__name__}\n", inspect.getdoc(kind) or "", ""]
    if fields:
        words.append(_table(["field", "type"], fields))
    return "\n".join(words)


def _fields(kind: type[Struct], *, common: bool = False) -> Iterator[list[str]]:
    for field in msgspec.structs.fields(kind):
        if common or not issubclass(kind, Event) or field.name not in COMMON:
            yield [f"`{field.encode_name}`", _type(field.type)]


def _type(kind: Any) -> str:
    if kind in _NAMES:
        return _NAMES[kind]
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    if choices := get_args(kind):
        return " or ".join(_type(one) for one in choices)
    anchor = {State: "states-and-statuses", FailureReason: "why-an-order-failed"}
    return f"[{kind.__name__}](#{anchor.get(kind, kind.__name__.lower())})"


def _first(kind: type[Struct]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
