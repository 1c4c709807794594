"""What the facts mean, and what to do about them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from shared.archive.server_info import DatabaseFacts
from shared.streams.consumer.backlog import Backlog
from shared.streams.recovery.lost_writes import Gap
from shared.streams.redis.server_info import OLDEST, ServerFacts

_STUCK_S = 120.0
_BEHIND = 10_000
_SKEW_S = 2.0


class Finding(NamedTuple):
    """One thing that was looked at. `advice` is empty where nothing is to be done."""

    grade: Literal["ok", "note", "broken"]
    what: str
    advice: str = ""


# Setting -> the value that keeps the promises, and what breaks without it.
_SETTINGS = {
    "appendonly": ("yes", "an accepted order is lost when the server crashes"),
    "appendfsync": (
        "always",
        "orders accepted in the last second are lost when the machine crashes",
    ),
    "maxmemory-policy": ("noeviction", "the server drops orders when its memory is full"),
}


def judge_server(facts: ServerFacts) -> list[Finding]:
    """Return what there is to say about Redis or Valkey."""
    name = f"{facts.product} {facts.version}"
    oldest = OLDEST[facts.product]
    found = [Finding("ok", name)]
    if _version(facts.version) < oldest:
        wanted = ".".join(map(str, oldest))
        found = [Finding("broken", name, f"upgrade it to {facts.product} {wanted} or newer")]
    if not facts.settings:
        found.append(
            Finding("note", "its settings are hidden", "make sure it has AOF, no eviction")
        )
    for setting, value in facts.settings.items():
        wanted, why = _SETTINGS[setting]
        if value == wanted:
            found.append(Finding("ok", f"{setting} {value}"))
        else:
            advice = f"{why}: CONFIG SET {setting} {wanted}, and in its configuration file"
            found.append(Finding("broken", f"{setting} {value}", advice))
    return found


def judge_database(facts: DatabaseFacts) -> list[Finding]:
    """Return what there is to say about PostgreSQL."""
    major, minor = divmod(facts.version, 10_000)
    name = f"PostgreSQL {major}.{minor}"
    found = [Finding("ok", name)]
    if facts.closed:
        found.append(Finding("broken", f"nothing can be stored: {facts.closed}"))
    if facts.missing:
        missing = f"migrations missing: {', '.join(facts.missing)}"
        advice = "start a projector, which applies them, or run `slipstream migrate`"
        found.append(Finding("broken", missing, advice))
    else:
        found.append(Finding("ok", "migrations up to date"))
    if facts.halted:
        advice = "see `slipstream dead list`"
        found.append(Finding("broken", f"{facts.halted} orders are halted", advice))
    return found


def judge_backlog(group: str, parts: Sequence[Backlog], partitions: int) -> Finding:
    """Return how far a group is behind, over all partitions."""
    lag = sum(part.lag or 0 for part in parts)
    pending = sum(part.pending for part in parts)
    parked = sum(part.parked for part in parts)
    oldest_s = max((part.oldest_pending_s for part in parts), default=0.0)
    what = f"{group}: lag {lag}, pending {pending}, oldest {oldest_s:.0f} s, parked {parked}"
    if len(parts) < partitions:
        advice = "restart any service, which makes its group anew"
        return Finding(
            "broken", f"{what}; no group in {partitions - len(parts)} partitions", advice
        )
    if oldest_s > _STUCK_S:
        return Finding("broken", what, f"is a {group} running? See what it logs")
    if lag > _BEHIND:
        return Finding("note", what, f"run more replicas of the {group}")
    return Finding("ok", what)


def judge_dead(count: int) -> Finding:
    """Return what dead letters mean."""
    if count:
        return Finding("broken", f"{count} dead letters", "see `slipstream dead list`")
    return Finding("ok", "no dead letters")


def judge_standing(lost: Sequence[Gap]) -> Finding:
    """Return whether Redis has lost what it had acknowledged."""
    if not lost:
        return Finding("ok", "Redis has what PostgreSQL was told it has")
    what = f"Redis has lost what it had acknowledged, in {len(lost)} partitions ({lost[0]})"
    advice = (
        "stop every service, then start Redis with its newest data, or empty; "
        "docs/operations/recover.md tells what each costs, and when `slipstream accept-loss` is "
        "right"
    )
    return Finding("broken", what, advice)


def judge_clock(server: str, theirs: datetime, ours: datetime) -> Finding:
    """Return whether a server's clock agrees with ours."""
    skew_s = (theirs - ours).total_seconds()
    if abs(skew_s) > _SKEW_S:
        advice = "set both clocks by NTP: times in events come from them"
        return Finding("note", f"the clock of {server} is off by {skew_s:+.1f} s", advice)
    return Finding("ok", f"the clock of {server} agrees")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])
