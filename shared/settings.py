"""Every setting, with its unit, default and meaning. The only place that reads the environment.

Each field is the environment variable of the same name in capitals. All problems are reported
at once, at start-up, by the variable's name and without its value.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shared.tokens.registry import load_tokens

Milliseconds = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]

DEVCHAIN_URL = "http://127.0.0.1:8899"  # Where Solana's own tools look for a local chain.

# As browsers send them, or nothing would ever match.
_ORIGIN = re.compile(r"(?!http://.*:80$|https://.*:443$)[a-z][a-z0-9+.-]*://[a-z0-9.:_\[\]-]+")
_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_HTTP_URL = r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$"
_HTTP_RATE = r"^[1-9][0-9]{0,4}/(second|minute|hour)$"
_KEY = r"[\x21-\x7e]{1,512}"
_RATE = r"^([1-9][0-9]{0,8}/(second|minute|hour|day))?$"


class InvalidSettings(ValueError):
    """One line for every variable that is missing or wrong."""


class Settings(BaseModel):
    """What every service needs to know."""

    # Pydantic would otherwise print every input, passwords included, on a bad start.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    redis_url: str = Field(
        description="Redis >= 7.0, Valkey >= 8, or any node of a cluster", repr=False
    )
    database_url: str = Field(
        description="PostgreSQL >= 15, as a URL or a libpq connection string", repr=False
    )
    partitions: int = Field(
        default=16, ge=1, le=1024, description="Number of streams; fixed at the first start"
    )
    namespace: str = Field(
        default="slip", pattern=r"^[a-z0-9_-]{1,40}$", description="First part of every Redis key"
    )
    metrics_port: int = Field(
        default=9100,
        ge=0,
        le=65535,
        description="Port of /metrics and /health of router, executor, notifier and projector",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of the metrics port")
    log_level: str = Field(
        default="INFO",
        pattern=r"^(DEBUG|INFO|WARNING|ERROR)$",
        description="DEBUG, INFO, WARNING or ERROR",
    )
    log_format: str = Field(
        default="auto",
        pattern=r"^(auto|json|text)$",
        description="json, text, or auto: text on a terminal and json elsewhere",
    )
    otel_exporter_otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^/].*)?$",
        repr=False,
        description="OpenTelemetry collector for the steps of every order, over OTLP/HTTP, "
        "e.g. http://localhost:4318; none when empty",
    )
    redis_timeout_s: Seconds = Field(
        default=5.0, description="Longest wait for one Redis reply, in seconds"
    )
    replicas_ack: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Replicas of Redis that must have an event before anybody hears of it or acts "
        "on it; see docs/operations/run.md",
    )
    replicas_ack_ms: Milliseconds = Field(
        default=1_000,
        ge=1,
        description="Longest wait for those replicas, in ms; then orders answer 503 or 504, and "
        "steps wait",
    )

    @model_validator(mode="after")
    def _answered_in_time(self) -> Self:
        if self.replicas_ack and self.replicas_ack_ms >= self.redis_timeout_s * 1_000:
            raise ValueError("REPLICAS_ACK_MS must be below REDIS_TIMEOUT_S")
        return self

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read each field from the variable of the same name, in capitals.

        Raises `InvalidSettings` that names every wrong or missing variable.
        """
        env = os.environ if env is None else env
        given = {f: env[f.upper()] for f in cls.model_fields if env.get(f.upper())}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidSettings(_lines(error)) from None


def _lines(error: ValidationError) -> str:
    return "\n".join(line for problem in error.errors() for line in _lines_of(problem))


def _lines_of(problem: Any) -> list[str]:
    names = ".".join(str(part) for part in problem["loc"]).upper()
    lines = problem["msg"].removeprefix("Value error, ").splitlines()
    # Where several settings contradict each other, the message names them.
    return [f"{names}: {line}" if names else line for line in lines]


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_in_clear(url: str) -> bool:
    """Return whether what is sent there can be read on its way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def listed(text: str) -> frozenset[str]:
    """Return the entries of a list with commas between."""
    return frozenset(text.replace(",", " ").split())


def replica_name() -> str:
    """Return a name for this process that no other ever has."""
    # Never reused: a name that came back would inherit the pending entries of the dead.
    return f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:8]}"


class ConsumerSettings(Settings):
    """How a replica reads the log."""

    consumer_name: str = Field(
        default_factory=replica_name,
        description="Name of this replica, never used twice; made up when not given",
    )
    max_in_flight: int = Field(
        default=512, ge=1, le=100_000, description="Entries one replica works on at once"
    )
    lease_ms: Milliseconds = Field(
        default=15_000,
        ge=100,
        description="Time after which another replica takes over an untouched entry, in ms",
    )
    max_attempts: int = Field(
        default=3, ge=1, le=100, description="Deliveries of one entry before it is given up"
    )
    backoff_base_ms: Milliseconds = Field(
        default=1_000, ge=1, description="Wait before the second attempt, doubled for each more, ms"
    )
    backoff_cap_ms: Milliseconds = Field(
        default=60_000, ge=1, description="Longest wait between two attempts, in ms"
    )
    drain_s: Seconds = Field(
        default=8.0, description="Time to finish what is in flight when told to stop, in seconds"
    )


class ChainSettings(Settings):
    """Which chain orders settle on, who is asked about it, and whose wallets sign."""

    chain: str = Field(
        default="simulated",
        pattern=r"^(simulated|devchain|devnet|mainnet)$",
        description="Chain that orders settle on: simulated, devchain, devnet or mainnet. All but "
        "the first are reached over RPC_URLS; see docs/solana.md",
    )
    rpc_urls: str = Field(
        default="",
        repr=False,
        description="URLs of Solana's JSON-RPC, the preferred first, with commas between; "
        "http://127.0.0.1:8899 for devchain when empty",
    )
    genesis_hash: str = Field(
        default="",
        description="Genesis hash that every RPC URL must have; devnet's and mainnet's are known",
    )
    block_ms: int = Field(
        default=400, ge=10, description="Time between two blocks of an embedded devchain, in ms"
    )
    market: str = Field(
        default="walk",
        description="How prices move on an embedded devchain: a scenario's name or file, see "
        "docs/market.md",
    )
    rpc_timeout_ms: Milliseconds = Field(
        default=2_000, ge=1, description="Longest wait for one answer of an RPC URL, in ms"
    )
    max_slots_behind: int = Field(
        default=25,
        ge=1,
        description="Slots by which an answer of an RPC URL, or a quote, may be older than the "
        "newest that another URL has told; older ones are refused",
    )
    proof_quorum: int = Field(
        default=2,
        ge=1,
        description="RPC URLs that must prove that a transaction is dead, or all where there are "
        "fewer. One that contradicts them is enough to wait",
    )
    quote_tick_ms: Milliseconds = Field(
        default=200,
        description="How long accounts that were read from the chain serve further quotes, in ms",
    )
    wallets_file: str = Field(
        default="",
        description="File of wallets, and which account uses which; see docs/solana.md",
    )
    priority_percentile: int = Field(
        default=50,
        ge=1,
        le=100,
        description="Which of the priority fees lately paid for a pool's accounts is offered",
    )
    max_cu_price: int = Field(
        default=1_000_000,
        ge=0,
        description="Highest priority fee offered, in millionths of a lamport a compute unit",
    )
    meteora_pools: str = Field(
        default="",
        pattern=r"^(|[1-9A-HJ-NP-Za-km-z]{32,44}(,[1-9A-HJ-NP-Za-km-z]{32,44}){0,99})$",
        description="Addresses of Meteora's pools that are looked for besides the well-known ones, "
        "with commas between, 100 at most; see docs/venues.md",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        urls = self.urls
        if any(not re.fullmatch(r"https?://[^\s/]+\S*", url) for url in urls):
            raise ValueError("RPC_URLS: each must be http://… or https://…")
        if not urls and self.chain in ("devnet", "mainnet"):
            raise ValueError(f"RPC_URLS: must be set for CHAIN={self.chain}")
        return self

    @property
    def urls(self) -> list[str]:
        """Return the URLs of the chain's nodes; none for the simulated chain."""
        if self.chain == "simulated":
            return []
        given = list(dict.fromkeys(url for url in map(str.strip, self.rpc_urls.split(",")) if url))
        return given or ([DEVCHAIN_URL] if self.chain == "devchain" else [])


class HttpVenueSettings(ChainSettings):
    """Where venues behind HTTP are, by which key, and how often they may be asked."""

    jupiter_url: str = Field(
        default="",
        pattern=_HTTP_URL,
        repr=False,
        description="Jupiter's API, without the path; https://api.jup.ag on mainnet when empty. On "
        "other chains there is `jupiter` only where this is set",
    )
    jupiter_key: str = Field(
        default="",
        pattern=f"^({_KEY})?$",
        repr=False,
        description="Key of Jupiter's API; none when empty",
    )
    jupiter_key_file: str = Field(
        default="", description="File that holds that key, in place of JUPITER_KEY"
    )
    jupiter_rate: str = Field(
        default="30/minute",
        pattern=_HTTP_RATE,
        description="Most requests to Jupiter of all replicas together, e.g. 10/second. The "
        "default is what it takes without a key",
    )
    jupiter_dexes: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9 .,_-]{0,1000}$",
        description="Exchanges that Jupiter's routes may go through, by its own names with commas "
        "between, e.g. Raydium CP,Meteora DLMM; all when empty",
    )
    raydium_api_url: str = Field(
        default="",
        pattern=_HTTP_URL,
        repr=False,
        description="Raydium's trade API, without the path; https://transaction-v1.raydium.io on "
        "mainnet when empty. On other chains there is `raydium_api` only where this is set",
    )
    raydium_api_rate: str = Field(
        default="120/minute",
        pattern=_HTTP_RATE,
        description="Most requests to Raydium's API of all replicas together",
    )

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.jupiter_key and self.jupiter_key_file:
            raise ValueError("JUPITER_KEY and JUPITER_KEY_FILE contradict each other: unset one")
        if self.jupiter_api_key and _is_in_clear(self.jupiter_at):
            raise ValueError("JUPITER_URL: a key is not sent over http:// to another machine")
        return self

    @property
    def jupiter_at(self) -> str:
        """Return where Jupiter is asked; "" where there is none on this chain."""
        return self._at(self.jupiter_url, "https://api.jup.ag")

    @property
    def raydium_api_at(self) -> str:
        """Return where Raydium's API is asked; "" where there is none on this chain."""
        return self._at(self.raydium_api_url, "https://transaction-v1.raydium.io")

    def _at(self, given: str, on_mainnet: str) -> str:
        if self.chain == "simulated":
            return ""
        return given or (on_mainnet if self.chain == "mainnet" else "")

    @property
    def jupiter_api_key(self) -> str:
        """Return Jupiter's key, also from its file. Raises `ValueError` for a file without one."""
        if not self.jupiter_key_file:
            return self.jupiter_key
        try:
            key = Path(self.jupiter_key_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"JUPITER_KEY_FILE: {type(error).__name__}") from None
        if not re.fullmatch(_KEY, key):
            raise ValueError("JUPITER_KEY_FILE: holds no key, or more than one")
        return key


class MarketSettings(HttpVenueSettings):
    """Which tokens and venues there are, and how the simulated ones and their chain behave."""

    tokens_file: str = Field(
        default="",
        description="File of the tokens that may be traded, see docs/tokens.md; those that ship "
        "with Slipstream when empty. The same for gateways, routers and executors",
    )
    venues: str = Field(
        default="raydium,meteora", description="Names of the venues to ask, with commas between"
    )
    split_pools: int = Field(
        default=3,
        ge=1,
        le=4,
        description="Pools that one swap on a chain of Solana is split over at most, where that "
        "pays more than it costs; 1 splits none",
    )
    split_gain_bps: int = Field(
        default=1,
        ge=0,
        le=1_000,
        description="How much more a split must pay than its best pool alone, after all fees, in "
        "0.01 %: every further pool may move and fail the order",
    )
    quote_deadline_ms: Milliseconds = Field(
        default=1_000, ge=1, description="Longest wait for a venue's quote, in ms"
    )
    quote_ttl_ms: Milliseconds = Field(
        default=10_000, ge=1, description="How long a quote may be executed, in ms"
    )
    venue_quote_ms: Milliseconds = Field(
        default=200, description="Simulated time a venue takes to quote, in ms"
    )
    venue_swap_ms_min: Milliseconds = Field(
        default=2_000, description="Simulated shortest time from send to landing, in ms"
    )
    venue_swap_ms_max: Milliseconds = Field(
        default=3_000, description="Simulated longest time from send to landing, in ms"
    )
    venue_slippage_bps: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="How far a simulated outcome may be from its quote, either way, in 0.01 %",
    )
    venue_seed: str = Field(
        default="",
        description="Makes simulated prices and faults repeatable; random when empty, and "
        "prices by NAMESPACE and time, the same in all replicas",
    )
    venue_market: str = Field(
        default="",
        max_length=100_000,
        description="How prices move at the simulated venues, e.g. SOL=line 150@0s 140@1m; "
        "raydium.dark=10s..20s; see docs/simulated-venues.md. Without it only the venues' rates do",
    )
    venue_faults: str = Field(
        default="",
        description="Simulated faults by probability, e.g. raydium.quote_error=0.1,"
        "meteora.never_lands=0.01; see docs/simulated-venues.md",
    )
    venue_outage_ms: Milliseconds = Field(
        default=5_000, description="How long a simulated outage of a venue lasts, in ms"
    )
    chain_retention_s: Seconds = Field(
        default=3_600,
        description="How long the simulated ledger is kept, in seconds; longer than a transaction "
        "is valid, or none is ever proven to have expired",
    )
    chain_block_ms: int = Field(
        default=400, ge=1, description="Time between two blocks of the simulated chain, in ms"
    )
    chain_valid_blocks: int = Field(
        default=150,
        ge=1,
        description="Blocks for which the simulated chain takes a transaction once it is signed",
    )

    @field_validator("tokens_file")
    @classmethod
    def _readable(cls, path: str) -> str:
        load_tokens(path)
        return path

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.venue_swap_ms_max < self.venue_swap_ms_min:
            raise ValueError("VENUE_SWAP_MS_MAX must not be below VENUE_SWAP_MS_MIN")
        # A ledger that forgets what may still land would take it a second time.
        if self.chain_retention_s * 1_000 <= self.chain_valid_blocks * self.chain_block_ms:
            raise ValueError(
                "CHAIN_RETENTION_S must be longer than CHAIN_VALID_BLOCKS blocks of CHAIN_BLOCK_MS"
            )
        return self


class VenueSettings(MarketSettings, ConsumerSettings):
    """How router and executor deal with the venues."""

    venue_deadline_ms: Milliseconds = Field(
        default=5_000,
        ge=1,
        description="Longest wait for a venue to build, send or answer, in ms",
    )
    max_routes: int = Field(
        default=20, ge=1, le=100, description="Routes tried for one order before it fails"
    )
    confirm_budget_ms: Milliseconds = Field(
        default=30_000, description="Wait for the chain before an order is unresolved, in ms"
    )
    confirm_poll_ms: Milliseconds = Field(
        default=100, ge=1, description="Time between two questions to the chain, in ms"
    )
    unresolved_poll_ms: Milliseconds = Field(
        default=1_000, ge=1, description="First wait between questions once unresolved, in ms"
    )
    unresolved_poll_cap_ms: Milliseconds = Field(
        default=60_000, ge=1, description="Longest wait between questions once unresolved, in ms"
    )
    resend_ms: Milliseconds = Field(
        default=4_000,
        ge=1,
        description="Time between two sends of the same bytes while the chain is silent, in ms",
    )
    look_back_ms: Milliseconds = Field(
        default=30_000,
        ge=1,
        description="Time from an order's end to the first look for a contradiction on the chain, "
        "in ms; doubled for each further look",
    )
    look_back_for_ms: Milliseconds = Field(
        default=900_000, description="Time from an order's end to the last such look, in ms"
    )


class ExecutorSettings(VenueSettings):
    """The side that settles with the chain and finds what nobody holds."""

    reconcile_every_s: Seconds = Field(
        default=0.2, description="Time between two looks for orders that nobody holds, in seconds"
    )
    reconcile_keys: int = Field(
        default=400,
        ge=1,
        description="Keys of Redis, and as many open orders, that one look goes over",
    )
    reconcile_unsigned: bool = Field(
        default=False,
        description="Go on with orders that Redis lost and that are unsigned in PostgreSQL. An "
        "order whose signature was lost, too, is then swapped twice",
    )


class GatewaySettings(MarketSettings):
    """The public side."""

    http_host: str = Field(default="127.0.0.1", description="Address the gateway listens on")
    http_port: int = Field(default=8000, ge=0, le=65535, description="Port of the gateway")
    api_keys_file: str = Field(
        default="",
        description="File of API keys, a line each as `slipstream keys new` prints it; reloaded "
        "when it changes",
    )
    open_access: bool = Field(
        default=False,
        description="Let everybody in without a key. Not needed on a loopback address",
    )
    allowed_origins: str = Field(
        default="",
        description="Origins whose pages may use the gateway besides its own, with commas between, "
        "e.g. https://app.example; * for all",
    )
    allowed_hosts: str = Field(
        default="",
        description="Names by which a gateway without keys may be called besides localhost, with "
        "commas between, e.g. gateway,*.lan.example; * for all. IP addresses need not be named",
    )
    rate_limit_account: str = Field(
        default="",
        pattern=_RATE,
        description="Most orders and other POSTs of one account, e.g. 100/minute; no limit when "
        "empty",
    )
    rate_limit_global: str = Field(
        default="",
        pattern=_RATE,
        description="Most orders and other POSTs of all accounts, e.g. 5000/second; no limit when "
        "empty",
    )
    max_requests: int = Field(
        default=10_000, ge=1, description="Requests one gateway works on at once; more answer 503"
    )
    max_head_bytes: int = Field(
        default=16_384,
        ge=1_024,
        le=1_048_576,
        description="Bytes of a request's line and headers; more answer 431",
    )
    head_deadline_ms: Milliseconds = Field(
        default=10_000,
        ge=100,
        le=600_000,
        description="Longest wait for the head of a request before 408, in ms",
    )
    max_connections_per_address: int = Field(
        default=1_000,
        ge=0,
        description="Connections from one address, or one /64 of IPv6; more answer 429. 0 is no "
        "bound, for a gateway that a proxy stands before",
    )
    compat: bool = Field(
        default=True,
        description="Understand the clients of the five systems that Slipstream replaces",
    )
    accept_deadline_ms: Milliseconds = Field(
        default=5_000,
        ge=100,
        le=600_000,
        description="Longest wait for the log to take an order before 503 or 504, in ms. An order "
        "that comes to the log much later is not taken in",
    )
    intake_queue: int = Field(
        default=10_000, ge=1, description="Orders that may wait for the log; more answer 503"
    )
    max_backlog: int = Field(
        default=100_000,
        ge=1,
        description="Entries that may wait for the router; with more, orders answer 503",
    )
    max_memory_percent: int = Field(
        default=80,
        ge=1,
        le=100,
        description="How full Redis may be before orders answer 503, in % of maxmemory or else of "
        "its machine's memory",
    )
    idempotency_ttl_s: int = Field(
        default=172_800, ge=86_400, description="How long an Idempotency-Key is kept, in seconds"
    )
    socket_queue: int = Field(
        default=256, ge=1, description="Messages that may wait for a slow WebSocket client"
    )
    max_sockets: int = Field(
        default=10_000,
        ge=1,
        description="WebSocket clients of one gateway, and as many event streams; more are refused",
    )
    max_compressed_sockets: int = Field(
        default=0,
        ge=0,
        description="Sockets for many orders that may be compressed, should their clients ask for "
        "it: a third of the bytes, for 32 KB each and some 10 us an event. Worth it far from "
        "clients, not beside them",
    )
    max_subscriptions: int = Field(
        default=1_000, ge=1, description="Orders that one WebSocket may follow at the same time"
    )
    low_wallet_sol: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        le=1_000_000,
        description="SOL below which a wallet is shown as one that needs somebody: fees, and the "
        "deposits of new token accounts of some 0.002 each, are paid from it",
    )
    follow_check_s: Seconds = Field(
        default=3.0, description="Time between two checks that no live update was missed, seconds"
    )
    drain_s: Seconds = Field(
        default=8.0, description="Time to finish requests when told to stop, in seconds"
    )

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        if all(one in ("*", "null") or _ORIGIN.fullmatch(one) for one in listed(text)):
            return text
        raise ValueError(
            "an origin is scheme://host or scheme://host:port in small letters, without a path and "
            "without the scheme's own port, e.g. https://app.example"
        )

    @field_validator("allowed_hosts")
    @classmethod
    def _are_names(cls, text: str) -> str:
        if all(one == "*" or _NAME.fullmatch(one) for one in listed(text)):
            return text
        raise ValueError(
            "a name is in small letters, without a scheme and a port, e.g. gateway or *.lan.example"
        )

    @model_validator(mode="after")
    def _tried_in_time(self) -> Self:
        if self.replicas_ack and self.replicas_ack_ms >= self.accept_deadline_ms:
            raise ValueError("REPLICAS_ACK_MS must be below ACCEPT_DEADLINE_MS")
        return self

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.api_keys_file and self.open_access:
            raise ValueError("API_KEYS_FILE and OPEN_ACCESS contradict each other: unset one")
        if not (self.api_keys_file or self.open_access or is_loopback(self.http_host)):
            raise ValueError(
                f"HTTP_HOST {self.http_host} can be reached from outside: set API_KEYS_FILE "
                "(see `slipstream keys new`), or OPEN_ACCESS=true to let everybody in"
            )
        return self


class ProjectorSettings(ConsumerSettings):
    """The side that writes Postgres."""

    history_ttl_s: int = Field(
        default=5, ge=1, description="How long an archived, ended order stays in Redis, in seconds"
    )
    project_every_ms: Milliseconds = Field(
        default=300,
        le=10_000,
        description="How long events gather before they are stored together, in ms. A full batch "
        "does not wait, nor does the first event after a silence. With thousands of orders a "
        "second, events of unfinished orders wait for the end, up to five times as long",
    )
    trim_every_s: Seconds = Field(
        default=5.0, description="Time between two trims of the log, in seconds"
    )
    stream_window_s: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        description="How long an event stays on the log once it is archived, in seconds: so long a "
        "follower of an account may be away and still go on without a gap",
    )
    stream_window_entries: int = Field(
        default=3_000,
        ge=1,
        le=1_000_000,
        description="Entries of a partition that may stay for that reason; each is about 1 KB",
    )
