"""Meteora's pools as they are read from the chain, once a tick for all who ask.

Which pools there are, and which of a pair are deepest, is looked up once a minute. From then on
each tick reads those with the bins around their prices, all together in one request; another one
follows when a price has moved on to bins that were not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.concurrency.ticked import Ticked
from shared.tokens.registry import Token
from shared.venues.meteora.accounts import BadAccount, LbPair, exists, read_pair
from shared.venues.meteora.program import pools_of
from shared.venues.meteora.quote import Reading, check_kind, deepest, keys_of, read_pools
from shared.venues.onchain.pools import Pools
from shared.venues.onchain.reading import ChainState, Snapshot

_FOUND_S: Final = 60.0
_MOST_PAIRS: Final = 4_096
_MOST_POOLS: Final = 3  # Of a pair: each has five bin arrays of 10 kB at most.
_ROUNDS: Final = 3
_AT_ONCE: Final = 100  # Accounts that getMultipleAccounts takes.

_Mints: TypeAlias = tuple[Pubkey, Pubkey]


class _Known(Struct, frozen=True):
    """The deepest pools of a pair, as they were found, and why others are passed over."""

    pairs: Mapping[Pubkey, LbPair]
    faults: Sequence[str]


class _Read(NamedTuple):
    """A pair's pools, and the snapshot that they were read from: it serves all quotes of a tick."""

    known: _Known
    keys: tuple[Pubkey, ...]
    snapshot: Snapshot
    reading: Reading


class MeteoraPools:
    """The pools of bins of every pair."""

    def __init__(self, name: str, state: ChainState, named: Sequence[Pubkey] = ()) -> None:
        """`name` is the venue's; `named` are pools to look for besides the well-known ones."""
        self._name = name
        self._state = state
        self._named = named
        self._known: Ticked[_Mints, _Known] = Ticked(self._find, _FOUND_S, limit=_MOST_PAIRS)
        self._last: dict[_Mints, _Read] = {}

    async def __call__(self, token_in: Token, token_out: Token) -> Pools:
        """Return the deepest pools of a pair as they are now, read together."""
        decimals = {Pubkey.from_string(one.mint): one.decimals for one in (token_in, token_out)}
        mint_in, mint_out = decimals
        first, second = sorted((mint_in, mint_out), key=bytes)
        known = await self._known((first, second))
        if not known.pairs:
            return Pools(found=(), faults=known.faults)
        try:
            return (await self._read((first, second), known, decimals)).at(self._name, mint_in)
        except BadAccount as error:
            return Pools(found=(), faults=[str(error)])

    async def _read(self, mints: _Mints, known: _Known, decimals: Mapping[Pubkey, int]) -> Reading:
        last = self._last.get(mints)
        keys = last.keys if last and last.known is known else keys_of(mints, known.pairs)
        for _ in range(_ROUNDS):
            snapshot = await self._state.accounts(keys)
            if last and last.snapshot is snapshot:
                return last.reading
            read = dict(zip(keys, snapshot.accounts, strict=True))
            last = _Read(known, keys, snapshot, read_pools(list(known.pairs), decimals, read))
            now = {found.address: found.pair for found in last.reading.found}
            keys = keys_of(mints, {**known.pairs, **now})
            if read.keys() >= set(keys):
                break
        assert last is not None  # noqa: S101 - there is a round at least
        if len(self._last) >= _MOST_PAIRS:
            self._last.clear()
        self._last[mints] = last
        return last.reading

    async def _find(self, mints: _Mints) -> _Known:
        addresses = list(dict.fromkeys((*self._named, *pools_of(*mints))))
        pairs, faults = dict[Pubkey, LbPair](), list[str]()
        for address, account in (await self._accounts(addresses)).items():
            try:
                if account is not None and exists(account):
                    pair = read_pair(address, account)
                    if set(pair.mints) == set(mints):
                        check_kind(address, pair)
                        pairs[address] = pair
            except BadAccount as error:
                faults.append(str(error))
        if len(pairs) > _MOST_POOLS:
            reserves = [key for pair in pairs.values() for key in pair.reserves]
            first = deepest(pairs, await self._accounts(reserves), _MOST_POOLS)
            pairs = {key: pairs[key] for key in first}
        return _Known(pairs, faults)

    async def _accounts(self, keys: Sequence[Pubkey]) -> dict[Pubkey, Account | None]:
        found = dict[Pubkey, Account | None]()
        for start in range(0, len(keys), _AT_ONCE):
            some = tuple(keys[start : start + _AT_ONCE])
            snapshot = await self._state.accounts(some)
            found.update(zip(some, snapshot.accounts, strict=True))
        return found
