"""Without a quote, it matters who said no: a chain that is away is waited for."""

from __future__ import annotations

import pytest

from shared.concurrency.timers import Deadline
from shared.errors import ServerAway
from shared.orders.values import Quote, SwapIntent
from shared.routing.ask import ask_all
from shared.solana.rpc.errors import ChainAway
from shared.venues.protocol import VenueRejected, VenueUnavailable, VenueUnreachable
from tests.support.builders import an_intent
from tests.support.scripted_venue import ScriptedVenue

AWAY, UNREACHABLE = ChainAway("no node answers"), VenueUnreachable("refused")
NO, ILL = VenueRejected("too small"), VenueUnavailable("500")


def refusing(error: Exception) -> ScriptedVenue:
    def quote(_intent: SwapIntent) -> Quote:
        raise error

    return ScriptedVenue(on_quote=quote)


async def asked(*errors: Exception) -> object:
    deadline = Deadline(60)
    return await ask_all([refusing(error) for error in errors], an_intent(), deadline)


@pytest.mark.parametrize("errors", [(AWAY, AWAY), (NO, AWAY), (UNREACHABLE, AWAY)])
async def test_a_chain_that_is_away_is_waited_for(errors: tuple[Exception, ...]) -> None:
    with pytest.raises(ServerAway, match="no node answers"):
        await asked(*errors)


async def test_a_venue_that_failed_beside_one_that_is_away_makes_it_an_attempt() -> None:
    with pytest.raises(VenueUnavailable, match="500"):
        await asked(AWAY, ILL)
