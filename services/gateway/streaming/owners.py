"""Whose orders are whose, looked up once where an event does not say."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from services.gateway.streaming.told import Told
from shared.archive.archive import Archive
from shared.streams.log.log import Log

_KEPT = 50_000  # Orders; some 10 MB.


class _Owned(msgspec.Struct):
    account: str


_owned = msgspec.json.Decoder(_Owned)


class Owners:
    """Knows the accounts of the orders that something happened to lately."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._log = log
        self._archive = archive
        self._accounts: dict[str, str] = {}

    async def named(self, told: Sequence[Told]) -> list[Told]:
        """Return the events, each with its order's account; "" where nobody knows it any more.

        Raises `ServerAway` while that cannot be looked up.
        """
        known = self._accounts
        for one in told:
            if one.account:
                known.setdefault(one.order_id, one.account)
        unknown = {one.order_id for one in told} - known.keys()
        if unknown:
            known |= await self._look_up(sorted(unknown))
        named = [
            one if one.account else one._replace(account=known.get(one.order_id, ""))
            for one in told
        ]
        self._make_room()
        return named

    async def _look_up(self, order_ids: Sequence[str]) -> dict[str, str]:
        firsts = await self._log.first_events(order_ids)
        found = dict(zip(order_ids, map(_account_in, firsts), strict=True))
        missing = [order_id for order_id, account in found.items() if not account]
        if missing:
            found |= await self._archive.accounts(missing)
        return {order_id: account for order_id, account in found.items() if account}

    def _make_room(self) -> None:
        if len(self._accounts) > _KEPT:  # Those known the longest are mostly at their end.
            _drop(self._accounts, len(self._accounts) - _KEPT * 9 // 10)


def _account_in(raw: bytes) -> str:
    try:
        return _owned.decode(raw).account if raw else ""
    except msgspec.DecodeError:
        return ""


def _drop(accounts: dict[str, str], number: int) -> None:
    oldest: Collection[str] = list(accounts)[:number]
    for order_id in oldest:
        del accounts[order_id]
