"""A Redis that has lost what it had acknowledged is seen, and nothing is begun on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import pytest
import pytest_asyncio
from psycopg.errors import InsufficientPrivilege

from services.executor.__main__ import make_reconciler
from services.projector.handler import Projector
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.archive.migrate import migrate
from shared.archive.positions import Positions
from shared.settings import ExecutorSettings, VenueSettings
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Handler
from shared.streams.errors import LogBehind, LogUnavailable
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites, accept_loss, gaps, tell_archived
from shared.streams.redis.transport import Copies
from tests.support.accounts import account
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER, Gateway, gateway_settings, running_gateway
from tests.support.proxy import proxied
from tests.support.replicas import a_router, an_executor, place_history, placed, running, types_of
from tests.support.scripted_venue import ScriptedVenue
from tests.support.servers import NOBODY

LONG_AGO = "1-0"


async def project(log: Log, archive: Archive) -> None:
    """Archive what a projector has not been given yet, and acknowledge it."""
    group = Group(log, "projector", "one")
    deliveries = await group.read(list(group.partitions), 1_000, 10)
    projector = Projector(log, archive, history_ttl_s=60)
    await projector.handle(deliveries)
    await projector.note_positions()
    await group.acknowledge(deliveries)


async def set_back(log: Log) -> None:
    """Let Redis know of the archive what it knew long ago, as an old copy does."""
    for partition in range(log.keys.partitions):
        key = log.keys.archived(partition)
        await log.client.call("SET", key, LONG_AGO, "XX")


async def lost(log: Log, archive: Archive) -> int:
    return len(await gaps(log, await archive.positions(log.keys.namespace)))


def lost_writes_of(log: Log, archive: Archive) -> LostWrites:
    return LostWrites(log, partial(archive.positions, log.keys.namespace))


async def test_a_redis_that_has_all_it_acknowledged_has_lost_nothing(
    log: Log, archive: Archive
) -> None:
    for _ in range(3):
        await place_history(log, history(ending="confirmed"))
        await project(log, archive)

        assert await lost(log, archive) == 0
    assert await archive.positions(log.keys.namespace)


async def test_an_old_copy_is_seen_however_much_is_appended_and_archived_since(
    log: Log, archive: Archive
) -> None:
    await placed(log)
    await project(log, archive)
    await set_back(log)
    for _ in range(20):
        await placed(log)
        await project(log, archive)

    assert await lost(log, archive) == 1


async def test_a_redis_that_was_told_nothing_is_a_new_one(log: Log, archive: Archive) -> None:
    await placed(log)
    await project(log, archive)
    keys = [log.keys.archived(partition) for partition in range(log.keys.partitions)]
    await log.client.run([("DEL", key) for key in keys])
    told_nothing = await lost(log, archive)
    await placed(log)
    await project(log, archive)

    assert told_nothing == await lost(log, archive) == 0


async def test_a_new_redis_whose_clock_is_behind_has_lost_nothing(
    log: Log, archive: Archive
) -> None:
    before, reached = {0: (2_000, 1)}, {0: (1_000, 0)}
    await archive.advance(log.keys.namespace, before, partial(tell_archived, log, reached=before))
    await log.client.call("DEL", log.keys.archived(0))
    await archive.advance(log.keys.namespace, reached, partial(tell_archived, log, reached=reached))

    assert await lost(log, archive) == 0


class Crash(Exception):
    """A projector died."""


async def test_a_projector_that_dies_before_redis_is_told_loses_nothing_and_another_goes_on(
    log: Log, archive: Archive
) -> None:
    await crash(log, archive, before_it_is_told=True)
    after_the_crash = await lost(log, archive)
    await placed(log)
    await project(log, archive)

    assert after_the_crash == await lost(log, archive) == 0


async def test_a_projector_that_dies_before_the_archive_notes_it_loses_nothing_and_another_goes_on(
    log: Log, archive: Archive
) -> None:
    await crash(log, archive, before_it_is_told=False)
    after_the_crash = await lost(log, archive)
    await placed(log)
    await project(log, archive)

    assert after_the_crash == await lost(log, archive) == 0


async def crash(log: Log, archive: Archive, *, before_it_is_told: bool) -> None:
    reached = dict.fromkeys(range(log.keys.partitions), (5000, 0))

    async def tell(before: Positions) -> list[int]:
        if not before_it_is_told:
            await tell_archived(log, before, reached)
        raise Crash

    with pytest.raises(Crash):
        await archive.advance(log.keys.namespace, reached, tell)


async def test_what_a_failover_could_undo_is_not_noted(log: Log, archive: Archive) -> None:
    careful = Log(log.client, log.keys, copies=Copies(replicas=1, within_ms=10))
    tell = partial(tell_archived, careful, reached={0: (5_000, 0)})
    await archive.advance(log.keys.namespace, {0: (5_000, 0)}, tell)

    assert await archive.positions(log.keys.namespace) == {}


async def test_a_late_repeat_of_what_redis_was_told_takes_nothing_back(
    log: Log, archive: Archive
) -> None:
    for ms in (5_000, 6_000, 5_000):
        tell = partial(tell_archived, log, reached={0: (ms, 0)})
        await archive.advance(log.keys.namespace, {0: (ms, 0)}, tell)
    await tell_archived(log, {}, {0: (5_000, 0)})

    assert await archive.positions(log.keys.namespace) == {0: (6_000, 0)}
    assert await lost(log, archive) == 0


async def test_once_its_loss_is_accepted_redis_goes_on(log: Log, archive: Archive) -> None:
    await placed(log)
    await project(log, archive)
    await set_back(log)
    lost_writes = lost_writes_of(log, archive)
    await lost_writes.look()
    with pytest.raises(LogBehind):
        await lost_writes.may_act()
    accepted = await accept_loss(log, await archive.positions(log.keys.namespace))
    await lost_writes.look()
    await lost_writes.may_act()

    assert len(accepted) == 1
    assert lost_writes.why() == ""


async def test_it_is_looked_at_anew_before_anything_is_begun_where_redis_was_away(
    redis_url: str, log: Log, archive: Archive
) -> None:
    await placed(log)
    await project(log, archive)
    async with proxied(redis_url) as proxy:
        settings = VenueSettings(
            redis_url=proxy.url,
            database_url=NOBODY,
            namespace=log.keys.namespace,
            partitions=log.keys.partitions,
        )
        through = await Log.open(settings)
        lost_writes = lost_writes_of(through, archive)
        await lost_writes.may_act()
        await set_back(log)
        await lost_writes.may_act()  # Nothing tells it yet.
        await proxy.cut()
        with pytest.raises(LogUnavailable):
            await through.client.call("GET", "anything")
        with pytest.raises(LogBehind):
            await lost_writes.may_act()
        await through.close()


async def test_a_guard_that_may_not_read_goes_on_looking(log: Log) -> None:
    looks = 0

    async def archived() -> Positions:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise InsufficientPrivilege("permission denied for table log_positions")
        return {0: (2, 0)}

    await log.client.call("SET", log.keys.archived(0), LONG_AGO)
    lost_writes = LostWrites(log, archived)
    first = await lost_writes.look()
    second = await lost_writes.look()

    assert (first, second) == (False, True)
    with pytest.raises(LogBehind):
        await lost_writes.may_act()


@pytest.mark.parametrize("was_behind", [False, True])
async def test_while_the_archive_is_away_the_last_answer_stands(
    log: Log, archive: Archive, *, was_behind: bool
) -> None:
    await placed(log)
    await project(log, archive)
    if was_behind:
        await set_back(log)
    is_away = False

    async def archived() -> Positions:
        if is_away:
            raise ArchiveUnavailable("nobody there")
        return await archive.positions(log.keys.namespace)

    lost_writes = LostWrites(log, archived)
    await lost_writes.look()
    is_away = True
    await lost_writes.look()

    assert bool(lost_writes.why()) == was_behind


@dataclass
class Leave:
    """Lets begin only once the test says so."""

    given: bool = False
    asked: int = 0

    async def __call__(self) -> None:
        self.asked += 1
        if not self.given:
            raise LogBehind("as the test says")


@pytest.mark.parametrize("group", ["router", "executor"])
async def test_nothing_is_begun_meanwhile_and_none_of_it_is_an_attempt(
    log: Log, settings: VenueSettings, group: str
) -> None:
    """What is past its time waits, too: it may have been swapped in what was lost."""
    leave, venue = Leave(), ScriptedVenue()
    events = history(ending="pending" if group == "router" else "routed")
    await place_history(log, events)
    quick = settings.model_copy(update={"backoff_base_ms": 10, "max_attempts": 1})
    router, executor = a_router(log, quick, [venue], leave), an_executor(log, quick, venue, leave)
    handler: Handler = router if group == "router" else executor
    async with running(log, group, handler, quick):
        await eventually(lambda: leave.asked > 3)
        meanwhile = await types_of(log, events[0].order_id)
        leave.given = True

        async def goes_on() -> bool:
            return len(await types_of(log, events[0].order_id)) > len(events)

        await eventually(goes_on)

    assert meanwhile == [type(event).__name__ for event in events]
    assert "OrderFailed" not in await types_of(log, events[0].order_id)


async def test_what_is_signed_is_asked_about_meanwhile_and_not_sent(
    log: Log, settings: VenueSettings
) -> None:
    leave, venue = Leave(), ScriptedVenue()
    signed, unresolved = history(ending="sent")[:-1], history(ending="unresolved")
    for events in (signed, unresolved):
        await place_history(log, events)
    quick = settings.model_copy(update={"backoff_base_ms": 10, "unresolved_poll_ms": 10})
    async with running(log, "executor", an_executor(log, quick, venue, leave), quick):
        await eventually(lambda: venue.asked)
        await eventually(lambda: leave.asked > 3)
        sent_meanwhile = list(venue.sent)
        leave.given = True
        await eventually(lambda: venue.sent)

    assert sent_meanwhile == []


async def test_nothing_is_put_back_meanwhile(
    log: Log, archive: Archive, redis_url: str, database_url: str
) -> None:
    given = ExecutorSettings(redis_url=redis_url, database_url=database_url)
    reconciler = make_reconciler(log, archive, given, Leave())

    with pytest.raises(LogBehind):
        await reconciler.look()


@pytest_asyncio.fixture
async def gateway(redis_url: str, database_url: str, namespace: str) -> AsyncIterator[Gateway]:
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


async def test_a_gateway_takes_and_cancels_nothing_meanwhile_and_is_not_ready(
    gateway: Gateway,
) -> None:
    order_id = await gateway.submit()
    await project(gateway.log, gateway.parts.archive)
    await set_back(gateway.log)

    async def is_unready() -> bool:
        return (await gateway.http.get("/health/ready")).status_code == 503

    await eventually(is_unready)
    answers = [
        await gateway.http.post(EXECUTE, json=ORDER),
        await gateway.http.delete(f"/api/orders/{order_id}"),
        await gateway.http.get("/health/ready"),
    ]

    assert {answer.status_code for answer in answers} == {503}
    assert all("lost what it had acknowledged" in answer.text for answer in answers)
    assert await types_of(gateway.log, order_id) == ["OrderSubmitted"]
    assert (await gateway.http.get(f"/api/orders/{order_id}")).status_code == 200


async def test_no_place_of_a_follower_is_good_while_writes_are_lost_nor_after_that_was_accepted(
    gateway: Gateway,
) -> None:
    log, archive = gateway.log, gateway.parts.archive
    async with account(gateway.address) as stream:
        await gateway.submit()
        await stream.until(lambda s: s.events)
        cursor = stream.cursor
    await project(log, archive)
    await set_back(log)
    await eventually(gateway.parts.lost_writes.why)
    async with account(gateway.address, cursor=cursor) as meanwhile:
        await meanwhile.until(lambda s: s.losses)
    await accept_loss(log, await archive.positions(log.keys.namespace))
    await eventually(lambda: not gateway.parts.lost_writes.why())
    async with account(gateway.address, cursor=cursor) as afterwards:
        await afterwards.until(lambda s: s.losses)

    assert afterwards.losses[0]["epoch"] != stream.messages[0]["epoch"]
