"""Every failure, as an exception.

SlipstreamError
    Unreachable            no gateway answered in time
    Unexpected             something answered that is not Slipstream
    Refused                the gateway said no; `code` is stable, match on it
        InvalidRequest     400, 408, 413, 415, 431: nothing was done; correct the request
        Unauthenticated    401
        Forbidden          403
        NotFound           404: no such order, or not one of yours
        KeyReused          409: the Idempotency-Key belongs to another order
        NotCancelled       409: the order is signed, or has ended
        RateLimited        429
        Unavailable        502, 503: nothing was done, unless there is a `key`; later it may work
            AcceptanceUnknown  504: the order may exist; ask for `order_id`
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slipstream.problem import Problem


class SlipstreamError(Exception):
    """Something went wrong, on either side.

    `key` is the Idempotency-Key of an order, or of a batch, that may have been placed all the same:
    submit it again with that key, and it is placed once. None where nothing was placed.
    """

    key: str | None = None


class Unreachable(SlipstreamError):
    """No gateway answered within the time that the client was given."""


class Unexpected(SlipstreamError):
    """The answer cannot be read as Slipstream's; the address may be wrong."""


class Refused(SlipstreamError):
    """The gateway said no. `code` is stable and `problem` has all that it said."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        """`retry_after_s` is how long the gateway asked to wait, in seconds."""
        super().__init__(problem.in_words())
        self.problem = problem
        self.code = problem.code
        self.status = problem.status
        self.order_id = problem.order_id
        self.retry_after_s = retry_after_s


class InvalidRequest(Refused):
    """The request is wrong, and nothing was done. `problem.errors` names the fields."""


class Unauthenticated(Refused):
    """The API key is missing or not known."""


class Forbidden(Refused):
    """The API key's role does not allow this."""


class NotFound(Refused):
    """There is no such order, or it belongs to somebody else."""


class KeyReused(Refused):
    """The Idempotency-Key belongs to an order that asks for something else."""


class NotCancelled(Refused):
    """The order is signed, so that only the chain decides, or it has ended."""


class RateLimited(Refused):
    """Too many requests in too short a time."""


class Unavailable(Refused):
    """It cannot be done now, and was not unless there is a `key`. Later it may work."""


class AcceptanceUnknown(Unavailable):
    """The order may or may not exist: ask for `order_id`, or submit again with the same key."""


_BY_CODE: dict[str, type[Refused]] = {
    "IDEMPOTENCY_KEY_REUSED": KeyReused,
    "TOO_LATE_TO_CANCEL": NotCancelled,
    "ORDER_ENDED": NotCancelled,
    "ACCEPTANCE_UNKNOWN": AcceptanceUnknown,
}
_BY_STATUS: dict[int, type[Refused]] = {
    **dict.fromkeys((400, 408, 413, 415, 431), InvalidRequest),
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    429: RateLimited,
    **dict.fromkeys((502, 503, 504), Unavailable),
}
_problem = msgspec.json.Decoder(Problem)


def refusal(
    status: int, content: str | bytes, headers: Mapping[str, str] | None = None
) -> SlipstreamError:
    """Return the error that an answer with bad news stands for."""
    try:
        problem = _problem.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # What stands in front of the gateways has no problem documents, but its statuses count.
        if status not in _BY_STATUS:
            return Unexpected(f"HTTP {status}, and no answer of Slipstream's; is the URL right?")
        problem = Problem(title=f"HTTP {status}, from in front of Slipstream", status=status)
    return as_error(problem, _seconds((headers or {}).get("retry-after", "")))


def as_error(problem: Problem, retry_after_s: float | None = None) -> Refused:
    """Return the error that a problem document stands for."""
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(problem.status, Refused)
    return kind(problem, retry_after_s)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
