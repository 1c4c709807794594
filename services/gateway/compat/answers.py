"""Our HTTP answers with the fields that the forerunners' clients look for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.clock import rfc3339

Fields = dict[str, Any]


def accepted(answer: Fields) -> Fields:
    """Return the answer to a submitted order, with the time of its acceptance."""
    ms = UUID(answer["orderId"]).int >> 80  # A UUIDv7 begins with its time.
    return {**answer, "timestamp": rfc3339(datetime.fromtimestamp(ms / 1_000, UTC))}


def refused(problem: Fields, names: dict[str, str]) -> Fields:
    """Return a problem document that also says it in one line.

    `names` are the client's own names of our fields.
    """
    wrong = [{**e, "field": names.get(e["field"], e["field"])} for e in problem.get("errors", ())]
    said = [f"{e['field']} {e['message']}" for e in wrong]
    why = "; ".join(said) or problem.get("detail", problem["title"])
    ours = {**problem, "errors": wrong} if wrong else problem
    return {**ours, "error": problem["title"], "message": why}


def order(view: Fields) -> Fields:
    """Return the order that a client may see, under the forerunners' names too."""
    return {
        **view,
        "id": view["orderId"],
        "dexUsed": view["venue"],
        "executedPrice": view["price"],
        "txHash": view["signature"],
        "failureReason": failure_reason(view),
        "createdAt": view["submittedAt"],
        "statusHistory": _status_history(view),
    }


def failure_reason(view: Fields) -> str | None:
    """Return in one line why the order failed, if it did."""
    failure = view["failure"]
    return ": ".join(filter(None, [failure["reason"], failure["detail"]])) if failure else None


def _status_history(view: Fields) -> list[Fields]:
    # What the order says of a status is about the last time that it had it.
    last = {change["status"]: i for i, change in enumerate(view["statusHistory"])}
    return [
        {
            **change,
            "timestamp": change["at"],
            "metadata": _metadata(change["status"], view) if last[change["status"]] == i else {},
        }
        for i, change in enumerate(view["statusHistory"])
    ]


def _metadata(status: str, view: Fields) -> Fields:
    known = {
        "building": {"dexUsed": view["venue"], "executedPrice": _quoted_price(view)},
        "submitted": {"txHash": view["signature"]},
        "confirmed": {"txHash": view["signature"], "executedPrice": view["price"]},
        "failed": {"failureReason": failure_reason(view)},
    }
    return known.get(status, {})


def _quoted_price(view: Fields) -> str | None:
    quoted = view["quotedOut"]
    return f"{Decimal(quoted) / Decimal(view['amountIn']):f}" if quoted else None
