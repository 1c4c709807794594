"""What a gateway is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Self

from services.gateway.access.callers import Access
from services.gateway.access.gatekeeper import Inside, Rules
from services.gateway.access.pages import names_among
from services.gateway.access.rate_limits import Quota
from services.gateway.access.tickets import Tickets
from services.gateway.api.exports import Exports
from services.gateway.api.health import Health
from services.gateway.api.quotes import Quoting
from services.gateway.figures.attention import Attention, Sources
from services.gateway.figures.flow import Flow
from services.gateway.figures.prices import Prices
from services.gateway.figures.pulse import Pulse
from services.gateway.figures.quality import Quality
from services.gateway.figures.stats import Stats
from services.gateway.figures.system import System
from services.gateway.figures.venues import League
from services.gateway.figures.wallets import Purses
from services.gateway.following.hub import UpdateHub
from services.gateway.following.server_sent_events import Streams
from services.gateway.following.session import Desk
from services.gateway.following.websockets import Sockets
from services.gateway.orders.backpressure import Pressure
from services.gateway.orders.cancel import Cancel
from services.gateway.orders.histories import Histories
from services.gateway.orders.submit import Intake
from services.gateway.streaming.feed import Feed
from services.gateway.streaming.reading import Reader
from services.gateway.streaming.resuming import Resuming
from services.gateway.streaming.serving import AccountStreams
from shared.archive.archive import Archive
from shared.clock import utc_now
from shared.concurrency.timers import Deadline
from shared.routing.panel import Panel
from shared.settings import GatewaySettings, listed
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites
from shared.tokens.registry import Tokens, load_tokens
from shared.venues.health.book import Book
from shared.venues.onchain.chain import SolanaChain
from shared.venues.registry import open_venues


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the addresses are served with."""

    rules: Rules
    tokens: Tokens
    intake: Intake
    cancel: Cancel
    histories: Histories
    exports: Exports
    hub: UpdateHub
    sockets: Sockets
    streams: Streams
    feed: Feed
    accounts: AccountStreams
    quoting: Quoting
    league: League
    book: Book
    purses: Purses
    stats: Stats
    system: System
    flow: Flow
    attention: Attention
    prices: Prices
    quality: Quality
    health: Health
    pressure: Pressure
    lost_writes: LostWrites
    log: Log
    archive: Archive

    @classmethod
    def make(
        cls,
        log: Log,
        archive: Archive,
        settings: GatewaySettings,
        access: Access,
        chain: SolanaChain | None = None,
    ) -> Self:
        """Return the parts of a gateway on this log and archive.

        Raises `InvalidSettings` for a venue that nobody registered.
        """
        lost_writes = LostWrites(log, partial(archive.positions, log.keys.namespace))
        tokens = load_tokens(settings.tokens_file)
        histories, pressure = Histories(log, archive), Pressure(log, settings, lost_writes)
        hub = UpdateHub(log, histories, settings)
        access.on_change = hub.close_revoked
        quota, intake = Quota(log, settings), Intake(log, settings, utc_now, pressure)
        cancel = Cancel(
            *(log, histories, utc_now),
            deadline_s=settings.accept_deadline_ms / 1_000,
            lost_writes=lost_writes,
        )
        sockets = Sockets(hub, Desk(quota, intake, cancel, tokens), settings)
        streams = Streams(hub, settings.max_sockets)
        reader = Reader(log, archive)
        feed = Feed(log, reader)
        venues = list(open_venues(settings, log.client, chain).values())
        panel = Panel(venues, Deadline(settings.quote_deadline_ms / 1_000), shown=False)
        pulse = Pulse(log)
        system = System(
            *(log, archive, pulse, lost_writes, access),
            chain=settings.chain,
            nodes=chain.nodes if chain else None,
        )
        return cls(
            rules=_rules(log, settings, access, quota),
            tokens=tokens,
            intake=intake,
            cancel=cancel,
            histories=histories,
            exports=Exports(archive),
            hub=hub,
            sockets=sockets,
            streams=streams,
            feed=feed,
            accounts=AccountStreams(
                feed=feed,
                resuming=Resuming(log, reader, feed, lost_writes.why),
                hub=hub,
                sockets=sockets,
                streams=streams,
                partitions=log.keys.partitions,
            ),
            quoting=Quoting(panel),
            league=League(venues, log),
            book=panel.book,
            purses=Purses(settings.chain, chain),
            stats=Stats(log, archive, sockets),
            flow=Flow(pulse, archive),
            prices=Prices(venues, tokens, settings.quote_deadline_ms / 1_000),
            quality=Quality(archive),
            system=system,
            attention=Attention(
                Sources(
                    log=log,
                    archive=archive,
                    pulse=pulse,
                    system=system,
                    venues=[venue.name for venue in venues],
                    chain=chain,
                    least_sol=settings.low_wallet_sol,
                )
            ),
            health=Health(
                intake=intake,
                refusals=log.client.refusals,
                archive=archive,
                hub=hub,
                lost_writes=lost_writes,
                chain=settings.chain,
                nodes=chain.nodes if chain else None,
            ),
            pressure=pressure,
            lost_writes=lost_writes,
            log=log,
            archive=archive,
        )


def _rules(log: Log, settings: GatewaySettings, access: Access, quota: Quota) -> Rules:
    # No page has a key, so with keys it does not matter by which name one calls.
    names = (
        listed(settings.allowed_hosts) | {settings.http_host} if access.is_open else frozenset("*")
    )
    return Rules(
        access=access,
        tickets=Tickets(log, access),
        quota=quota,
        may_call=names_among(names),
        origins=listed(settings.allowed_origins),
        inside=Inside(settings.max_requests),
    )
