"""Find the pools of a pair, and read them: once a tick for all quotes.

The pools that there are, and which of them are deepest, is looked up once a minute. From then on
each tick reads those with the bins around their prices, all together in one request; another one
follows when a price has moved on to bins that were not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.concurrency.ticked import Ticked
from shared.solana.sysvars import CLOCK, read_clock
from shared.venues.meteora.accounts import BadAccount, LbPair, exists, read_pair
from shared.venues.meteora.bins import NoSwap
from shared.venues.meteora.figures import mid_price
from shared.venues.meteora.program import pools_of
from shared.venues.meteora.quote import Pools, deepest, keys_of, read_pools
from shared.venues.meteora.walk import is_open
from shared.venues.onchain.reading import ChainState, Snapshot

_FOUND_S: Final = 60.0
_MOST_PAIRS: Final = 4_096
_MOST_POOLS: Final = 3  # Of a pair: each has five bin arrays of 10 kB at most.
_ROUNDS: Final = 3
_AT_ONCE: Final = 100  # Accounts that getMultipleAccounts takes.

_Mints: TypeAlias = tuple[Pubkey, Pubkey]


class _Known(Struct, frozen=True, kw_only=True):
    """The deepest pools of a pair, the first of all first, and the price by it that is open."""

    pairs: Mapping[Pubkey, LbPair]
    priced: LbPair | None
    faults: Sequence[str]


class _Read(NamedTuple):
    """A pair's pools, and the snapshot that they were read from: it serves all quotes of a tick."""

    known: _Known
    keys: tuple[Pubkey, ...]
    snapshot: Snapshot
    pools: Pools


class PoolReader:
    """Reads the pools of any pair. Every call raises `ServerAway` where no node answers."""

    def __init__(self, state: ChainState, named: Sequence[Pubkey]) -> None:
        """`named` are pools that are looked for besides those whose addresses follow from mints."""
        self._state = state
        self._named = named
        self._known: Ticked[_Mints, _Known] = Ticked(self._find, _FOUND_S, limit=_MOST_PAIRS)
        self._last: dict[_Mints, _Read] = {}

    async def pools(self, decimals: Mapping[Pubkey, int]) -> Pools:
        """Return the pools of two mints, which are known to have these decimals.

        Raises `NoSwap` where there is none, `BadAccount` for mints that are not as they are known.
        """
        mints = _mints(*decimals)
        known = await self._known(mints)
        if not known.pairs:
            raise NoSwap("; ".join(known.faults) or "has no pool of this pair")
        last = self._last.get(mints)
        keys = last.keys if last and last.known is known else keys_of(mints, known.pairs)
        for _ in range(_ROUNDS):
            snapshot = await self._state.accounts(keys)
            if last and last.snapshot is snapshot:
                break
            read = dict(zip(keys, snapshot.accounts, strict=True))
            last = _Read(known, keys, snapshot, read_pools(list(known.pairs), decimals, read))
            now = {found.address: found.pair for found in last.pools.found}
            keys = keys_of(mints, {**known.pairs, **now})
            if read.keys() >= set(keys):
                break
        assert last is not None  # noqa: S101 - there is a round at least
        if len(self._last) >= _MOST_PAIRS:
            self._last.clear()
        self._last[mints] = last
        return last.pools

    async def price(self, mint_in: Pubkey, mint_out: Pubkey) -> Fraction:
        """Return atoms out for an atom in by the deepest pool that is open; 0 where there is none.

        It is as old as a minute: good enough to price a fee, and nothing else.
        """
        known = await self._known(_mints(mint_in, mint_out))
        if known.priced is None:
            return Fraction(0)
        return mid_price(known.priced, known.priced.mints.index(mint_in))

    async def _find(self, mints: _Mints) -> _Known:
        addresses = list(dict.fromkeys((*self._named, *pools_of(*mints))))
        pairs, faults = dict[Pubkey, LbPair](), list[str]()
        for address, account in (await self._accounts(addresses)).items():
            try:
                if account is not None and exists(account):
                    pairs[address] = read_pair(address, account)
            except BadAccount as error:
                faults.append(str(error))
        pairs = {key: pair for key, pair in pairs.items() if set(pair.mints) == set(mints)}
        reserves = [key for pair in pairs.values() for key in pair.reserves]
        accounts = await self._accounts([CLOCK, *reserves])
        first = {key: pairs[key] for key in deepest(pairs, accounts, _MOST_POOLS)}
        try:
            clock = read_clock(accounts[CLOCK])
        except ValueError as error:
            return _Known(pairs={}, priced=None, faults=[*faults, str(error)])
        trades = (pair for pair in first.values() if is_open(pair, clock))
        return _Known(pairs=first, priced=next(trades, None), faults=faults)

    async def _accounts(self, keys: Sequence[Pubkey]) -> dict[Pubkey, Account | None]:
        found = dict[Pubkey, Account | None]()
        for start in range(0, len(keys), _AT_ONCE):
            some = tuple(keys[start : start + _AT_ONCE])
            snapshot = await self._state.accounts(some)
            found.update(zip(some, snapshot.accounts, strict=True))
        return found


def _mints(one: Pubkey, other: Pubkey) -> _Mints:
    first, second = sorted((one, other), key=bytes)
    return first, second
