"""How much one account, and all of them together, may ask for."""

from __future__ import annotations

from limits import RateLimitItem, parse

from services.gateway.access.callers import Caller
from services.gateway.http.problems import Code, Problem
from shared.observability.metrics import RATES_SKIPPED
from shared.settings import GatewaySettings
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.redis.rate_limits import RateLimits

_EVERYBODY = "*"  # No account's name.


class Quota:
    """The rate limits that are set, none by default."""

    def __init__(self, log: Log, settings: GatewaySettings) -> None:
        given = {"account": settings.rate_limit_account, "global": settings.rate_limit_global}
        self._limits = {name: parse(text) for name, text in given.items() if text}
        self._rates = (
            RateLimits(settings.redis_url, log.keys, clustered=log.client.clustered)
            if self._limits
            else None
        )

    @property
    def limited(self) -> bool:
        """Return whether there is any limit."""
        return bool(self._limits)

    async def spend(self, caller: Caller, cost: int = 1) -> dict[str, str]:
        """Return the headers that say what is left after `cost` orders.

        Raises `Problem` when that is too much now, or Redis refuses to count. Without Redis nothing
        is counted: the log takes no orders then anyway.
        """
        left: list[str] = []
        if self._rates is None:
            return {}
        for name, limit in self._limits.items():
            who = caller.account if name == "account" else _EVERYBODY
            try:
                allowance = await self._rates.spend(limit, who, cost)
            except LogUnavailable as error:
                if error.refused:  # Orders would be taken all the same, and a limit is a limit.
                    raise Problem(Code.LOG_UNAVAILABLE, "rates cannot be counted") from error
                RATES_SKIPPED.inc()
                return {}
            left.append(f'"{name}";r={allowance.remaining};t={allowance.reset_s}')
            if not allowance.allowed:
                headers = self._headers(left) | {"retry-after": str(allowance.reset_s)}
                raise Problem(Code.RATE_LIMITED, f"the {name} limit is {limit}", headers=headers)
        return self._headers(left)

    def _headers(self, left: list[str]) -> dict[str, str]:
        policies = [_policy(name, limit) for name, limit in self._limits.items()]
        return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}

    async def close(self) -> None:
        """Give every connection back."""
        if self._rates is not None:
            await self._rates.close()


def _policy(name: str, limit: RateLimitItem) -> str:
    return f'"{name}";q={limit.amount};w={limit.get_expiry()}'
