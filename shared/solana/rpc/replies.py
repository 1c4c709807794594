"""Read the answers of a node: whole, of a late enough slot, each as its call reads it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from solders.hash import ParseHashError

from shared.hiding import hidden, line
from shared.solana.rpc.errors import NodeAway, RpcError

# Codes by which a node says that it is behind, or ill; another one may do better.
# https://github.com/anza-xyz/agave, rpc-client-api/src/custom_error.rs
# Providers say 429 to single calls of a batch, too.
_ILL = frozenset({-32004, -32005, -32014, -32016, -32603, -32429, 429})


def _as_it_is(result: Any) -> Any:
    return result


class Call(NamedTuple):
    """One call of JSON-RPC. `read` returns what its result says, and raises if that is no answer.

    It raises `LookupError`, `TypeError`, `ValueError`, `ParseHashError` or an error of msgspec.
    Then the node counts as one that is away.
    """

    method: str
    params: Sequence[Any] = ()
    read: Callable[[Any], Any] = _as_it_is


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


class Reply(msgspec.Struct):
    """One reply of JSON-RPC."""

    id: int | None = None
    result: Any = None
    error: _Error | None = None


_replies = msgspec.json.Decoder(list[Reply])


def by_number(content: bytes) -> dict[int | None, Reply]:
    """Return each reply of a batch by the number of its call. Raises `NodeAway`."""
    try:
        return {reply.id: reply for reply in _replies.decode(content)}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NodeAway(f"answered with something else than JSON-RPC: {error}") from None


def slot_of(replies: Iterable[Reply], least: int) -> int:
    """Return the oldest slot that answers are of; 0 where none says. Raises `NodeAway`."""
    slots = []
    for reply in replies:
        match reply.result:
            case {"context": {"slot": int(slot)}}:
                slots.append(slot)
    slot = min(slots, default=0)
    if 0 < slot < least:
        raise NodeAway(f"is behind: it answers as of slot {slot}, before {least}")
    return slot


def in_order(
    replies: Mapping[int | None, Reply], calls: Sequence[Call], secrets: Collection[str]
) -> list[Any]:
    """Return what each call is answered, in order; an `RpcError` in the place of one refused.

    None of `secrets` is in the words of an error. Raises `NodeAway` if one is not answered, or not
    well.
    """
    answers: list[Any] = []
    for number, call in enumerate(calls):
        reply = replies.get(number)
        if reply is None:
            raise NodeAway(f"left {call.method} unanswered")
        if reply.error is None:
            answers.append(_read(call, reply.result))
            continue
        # A provider may repeat the address that it was asked at, and the key in it.
        said = line(hidden(reply.error.message, secrets))
        if reply.error.code in _ILL:
            raise NodeAway(f"{call.method}: {said} ({reply.error.code})")
        answers.append(RpcError(reply.error.code, said, reply.error.data))
    return answers


def _read(call: Call, result: Any) -> Any:
    try:
        return call.read(result)
    except (LookupError, TypeError, ValueError, ParseHashError, msgspec.MsgspecError) as error:
        raise NodeAway(f"{call.method}: its answer cannot be read: {error!r}") from None
