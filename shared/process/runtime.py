"""What every service process needs around it: settings, logs, signals, metrics, health."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import uvloop
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.concurrency.pause import backoff, pause
from shared.errors import ServerAway
from shared.observability import tracing
from shared.observability.logs import configure_logging
from shared.process.listening import CannotListen, bind
from shared.process.server_metrics import watch_loop
from shared.settings import InvalidSettings, Settings
from shared.streams.errors import UnfitServer, WrongPartitions

S = TypeVar("S", bound=Settings)
T = TypeVar("T")

logger = logging.getLogger(__name__)

_STALLED_S = 30.0
_LAST_SPANS_S = 2.0


def run_service(
    name: str, kind: type[S], main: Callable[[S, asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    """Run the service `name`, `main(settings, stop)`; SIGTERM and SIGINT set `stop`.

    Exits with 1 and one line a problem when the settings or the log's partitions are wrong, its
    port is taken, or its Redis can never do.
    """
    try:
        settings = kind.from_env()
    except InvalidSettings as error:
        sys.exit(f"Cannot start. Set these environment variables (see .env.example):\n{error}")
    configure_logging(settings.log_level, settings.log_format)
    try:
        with _traced(name, settings):
            _collect_seldom()
            uvloop.run(_until_stopped(settings, main))
    except (CannotListen, InvalidSettings, UnfitServer, WrongPartitions) as error:
        sys.exit(f"Cannot start: {error}")


def _collect_seldom() -> None:
    # What an order needs is freed by its count of references. Hardly anything forms a cycle, so
    # that looking for them after every 700 objects, and among modules, finds nothing.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@contextlib.contextmanager
def _traced(name: str, settings: Settings) -> Iterator[None]:
    """Tell the collector what is done, if there is one."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if not endpoint:
        yield
        return
    try:
        # Here, because it takes its time and memory, and nobody else needs it.
        from shared.observability.otel import Telemetry  # noqa: PLC0415
    except ImportError as error:
        raise InvalidSettings(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed "
            f"(pip install 'slipstream-engine[tracing]'): {error}"
        ) from error
    telemetry = Telemetry(name, endpoint)
    tracing.collect(telemetry)
    try:
        yield
    finally:
        telemetry.close(_LAST_SPANS_S)


async def _until_stopped(
    settings: S, main: Callable[[S, asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    watch = asyncio.create_task(watch_loop())
    try:
        await main(settings, stop)
    finally:
        watch.cancel()


async def until_available(
    connect: Callable[[], Awaitable[T]],
    stop: asyncio.Event,
    what: str,
    tell: Callable[[str], None] = lambda _why: None,
) -> T | None:
    """Return what `connect` returns, waiting while its server is away; None once told to stop.

    `tell` hears why it waits. Raises `UnfitServer`.
    """
    pauses = backoff(0.1, 5.0)
    while not stop.is_set():
        try:
            return await connect()
        except UnfitServer:
            raise
        except ServerAway as error:
            logger.warning("waiting for %s: %s", what, error)
            tell(f"waiting for {what}: {error.told}")
        await pause(stop, next(pauses))
    return None


class Health:
    """Whether this process still turns its loop. Served with the metrics.

    Liveness only: a server that is away is no reason to kill the one that waits for it.
    """

    def __init__(self) -> None:
        self._seen = time.monotonic()
        self.ready = False
        self.awaited = ""  # Why it is not ready yet.
        self.excuses: list[Callable[[], str]] = []  # Each may say why, though it could be.

    def waits(self, why: str) -> None:
        """Note why it is not ready yet; nothing once it waits no more."""
        self.awaited = why

    def excuse(self) -> str:
        """Return why it is not ready, in words, if there is more to say than that."""
        return self.awaited or next((why for ask in self.excuses if (why := ask())), "")

    async def watch(self) -> None:
        """Note once a second that the loop is alive."""
        while True:
            self._seen = time.monotonic()
            await asyncio.sleep(1)

    @property
    def alive(self) -> bool:
        """Return whether the loop moved lately."""
        return time.monotonic() - self._seen < _STALLED_S


@contextlib.asynccontextmanager
async def metrics_server(host: str, port: int, health: Health) -> Any:
    """Serve /metrics, /health and /health/ready from a thread, so that a busy loop answers too.

    Raises `CannotListen`.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path in ("/health", "/health/ready"):
                excuse = health.excuse() if self.path == "/health/ready" else ""
                fine = health.alive and not excuse and (health.ready or self.path == "/health")
                said = {"status": "ok" if fine else "unavailable"}
                body = json.dumps(said | ({"detail": excuse} if excuse else {})).encode()
                self._answer(200 if fine else 503, body, "application/json")
            else:
                self._answer(404, b"", "text/plain")

        do_HEAD = do_GET  # noqa: N815 - the library asks for this name

        def _answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing: probes come every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler, bind_and_activate=False)
    server.socket.close()  # It knows IPv4 only.
    server.socket = bind(host, port)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    watch = asyncio.create_task(health.watch())
    try:
        yield
    finally:
        watch.cancel()
        server.shutdown()
        server.server_close()
        thread.join()
