"""Nothing that a run writes anywhere gives a key away, whatever goes wrong beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import NoReturn

import httpx
import psycopg
import pytest
from redis import Redis
from solders.keypair import Keypair

from shared.settings import Settings
from shared.solana.wallets.signer import KeySigner
from shared.streams.log.log import Log
from tests.support.cli import ON_DEVCHAIN, Up, command, folder, up
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.outcomes import all_ended
from tests.support.processes import Services
from tests.support.replicas import events_of, placed
from tests.support.secrets import given_away
from tests.support.written import in_files, in_postgres, in_redis, on_pages

LOUD = {**ON_DEVCHAIN, "LOG_LEVEL": "DEBUG", "BLOCK_MS": "50"}
NO_MONEY = "1000000000"


def break_signing() -> None:
    """Let every signature fail, with an error that holds all that it can of the signer."""

    def fail(signer: KeySigner, message: bytes) -> NoReturn:
        raise ValueError(signer, dir(signer), message)

    KeySigner.sign = fail  # type: ignore[assignment,method-assign]  # It is broken on purpose.


class Run:
    """A stack on a development chain, two wallets, and everything that was said around them."""

    def __init__(self, stack: Up, said: Path) -> None:
        self.stack = stack
        self._said = said
        self._numbers = count()
        self.wallets = stack.layout.wallets
        self.services = Services(said)
        self.broken = Services(said, partial(Forked, before=break_signing))

    @property
    def keys(self) -> dict[Path, Keypair]:
        return {
            file: Keypair.from_json(file.read_text()) for file in self.wallets.parent.glob("*.json")
        }

    def tell(self, *words: str, **variables: str) -> str:
        """Run a command, keep what it says, and return that."""
        words = (*words, "--data-dir", str(self.stack.layout.root))
        done = command(*words, env={**LOUD, **variables})
        (self._said / f"command {next(self._numbers)}").write_text(done.stdout + done.stderr)
        return done.stdout

    def variables(self, **others: object) -> dict[str, str]:
        """Return the settings of one more replica in a namespace of its own."""
        stack = self.stack.stack
        own = {
            "REDIS_URL": stack.redis_url,
            "DATABASE_URL": stack.database_url,
            "RPC_URLS": stack.rpc_urls,
            "WALLETS_FILE": stack.wallets_file,
            "NAMESPACE": "broken",
            "MAX_ATTEMPTS": "2",
            "BACKOFF_BASE_MS": "50",
        }
        return {**LOUD, **own, **{name: str(value) for name, value in others.items()}}

    def written(self) -> Mapping[str, bytes]:
        """Return all that anybody has written so far, but for the key files."""
        stack, urls = self.stack.stack, [*self.stack.stack.health.values()]
        pages = [
            f"{url}{path}" for url in urls for path in ("/metrics", "/health", "/health/ready")
        ]
        paths = ["", "/stats", *(f"/{one}{of}" for one in self.orders() for of in ("", "/events"))]
        pages += [f"{stack.gateways[0]}/api/orders{path}" for path in paths]
        pages += [f"{stack.gateways[0]}/api/{of}" for of in ("wallets", "tokens")]
        return {
            "its own output": self.stack.output().encode(),
            **in_redis(stack.redis_url),
            **in_postgres(stack.database_url),
            **on_pages(pages),
            **in_files(self.stack.layout.root, set(self.keys)),
            **in_files(self._said, ()),
        }

    def orders(self) -> dict[str, str]:
        """Return how each order that the archive knows stands, by its id."""
        found = httpx.get(f"{self.stack.stack.gateways[0]}/api/orders", timeout=60).json()
        return {order["orderId"]: order["status"] for order in found["orders"]}


def bad_files(key_file: Path, key: Keypair, there: Path) -> Iterator[Path]:
    """Make files of wallets that cannot be used, each of which holds a key or leads to one."""
    numbers = key_file.read_text()
    fields: Sequence[Mapping[str, str]] = [
        {"address": str(key.pubkey()), "key_file": "open.json"},
        {"address": str(key.pubkey()), "key_file": "half.json"},
        {"address": str(key.pubkey()), "key_file": numbers},
        {"address": str(key.pubkey()), "key_file": str(key)},
        {"address": str(key.pubkey()), "key_env": str(key)},
        {"address": str(key), "key_file": "half.json"},
    ]
    (there / "open.json").write_text(numbers)
    (there / "open.json").chmod(0o644)
    (there / "half.json").write_text(f"{numbers[:-3]}]")
    (there / "half.json").chmod(0o600)
    for at, table in enumerate(fields):
        file = there / f"{at}.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
        file.write_text("\n".join(["[main]", *lines, 'accounts = ["*"]']))
        yield file
    yield key_file


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with folder() as root, folder() as said, up(root / "data", env=LOUD) as stack:
        made = Run(stack, said)
        try:
            made.tell("wallet", "new", "desk", "--account", "desk")
            made.tell("wallet", "balance")
            made.tell("submit", "SOL", "USDC", "1.5", "--watch")
            made.tell("submit", "SOL", "USDC", NO_MONEY, "--watch")
            made.tell("doctor")
            asyncio.run(
                eventually(lambda: sorted(made.orders().values()) == ["confirmed", "failed"])
            )
            yield made
        finally:
            made.services.end()
            made.broken.end()


async def fail_to_sign(run: Run) -> str:
    """Have an order ended by errors right where it is signed, and return all its events."""
    variables = run.variables()
    router = run.services.launch("router", variables)
    executor = run.broken.launch("executor", variables)
    for service in (router, executor):
        await service.ready()
    log = await Log.open(Settings.from_env(variables))
    try:
        order = await placed(log)
        await eventually(lambda: all_ended(log, [order.order_id]))
        return str(await events_of(log, order.order_id))
    finally:
        await log.close()


async def test_a_key_is_in_nothing_that_was_written_whatever_went_wrong(run: Run) -> None:
    failed = await fail_to_sign(run)
    assert "KeySigner" in failed
    [(file, key), *_] = run.keys.items()
    with folder() as there:
        for bad in bad_files(file, key, there):
            executor = run.services.launch("executor", run.variables(WALLETS_FILE=bad))
            assert await executor.exit_code() == 1, bad.read_text()
            run.tell("wallet", "list", "--wallets-file", str(bad))

    written = run.written()

    assert len(run.keys) == 2
    assert [found for one in run.keys.values() for found in given_away(one, written)] == []


def test_a_key_that_is_written_anywhere_would_be_found(run: Run) -> None:
    key = Keypair()
    numbers = json.dumps(list(bytes(key)), indent=1)
    stack, log_file = run.stack.stack, run.stack.layout.logs / "router-1.log"
    with Redis.from_url(stack.redis_url) as redis, psycopg.connect(stack.database_url) as postgres:
        redis.set("a", bytes(key))
        redis.set(repr(bytes(key)), "")
        redis.rpush("list", str(key))
        redis.hset("hash", "field", bytes(key).hex())
        redis.xadd("stream", {"event": json.dumps({"detail": f"Keypair({bytes(key)!r})"})})
        postgres.execute("CREATE TABLE leak AS SELECT %s AS at", [bytes(key)])
        postgres.commit()
        with log_file.open("a") as file:
            file.write(numbers)

        found = {one.rpartition(":")[0] for one in given_away(key, run.written())}

    places = ["a", repr(bytes(key)), "list", "hash", "stream"]
    assert {f"Redis, {place.encode()!r}" for place in places} <= found
    assert {"PostgreSQL, public.leak", "logs/router-1.log"} <= found
