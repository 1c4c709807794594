"""Rehearse a message: a node says how its accounts are, and how they would end."""

from __future__ import annotations

from msgspec import Struct

from shared.solana.firewall.balances import watched
from shared.solana.firewall.message import Tables, expand
from shared.solana.firewall.rehearsal import Rehearsal
from shared.solana.terms import Terms
from shared.venues.onchain.reading import ChainState, Simulated, accounts_of, simulation
from shared.venues.protocol import VenueUnavailable

_TRIES = 3


class Rehearsed(Struct, frozen=True):
    """A simulation's word, and what the firewall judges by it."""

    simulated: Simulated
    rehearsal: Rehearsal


async def rehearse(state: ChainState, message: bytes, terms: Terms, tables: Tables) -> Rehearsed:
    """Return how a message would end now, which the wallet alone signs.

    Other orders of the wallet may land meanwhile. So its balances are read before and after, in one
    request, and must be the same. Raises `VenueUnavailable` where they never are, and `Refusal` for
    a message that cannot be read.
    """
    keys, own = tuple(expand(message, tables).keys), tuple(watched(terms))
    calls = [accounts_of(keys), simulation(message, own), accounts_of(own)]
    for _ in range(_TRIES):
        before, simulated, again = await state.together(calls)
        accounts = dict(zip(keys, before.accounts, strict=True))
        if all(accounts.get(key) == now for key, now in zip(own, again.accounts, strict=True)):
            after = dict(zip(own, simulated.after, strict=False))  # An error tells none.
            return Rehearsed(simulated, Rehearsal(message=message, before=accounts, after=after))
    raise VenueUnavailable(f"the balances of {terms.wallet} did not stand still for a simulation")
