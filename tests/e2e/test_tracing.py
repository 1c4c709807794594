"""Tracing: an order is one trace, through every service, and nobody waits for the collector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.streams.log.log import Log
from tests.support.collector import Collector, Span, running_collector
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER
from tests.support.outcomes import all_ended
from tests.support.processes import (
    EVERY_SERVICE,
    ROOT,
    Service,
    Services,
    StackSettings,
    environment,
)
from tests.support.replicas import types_of
from tests.support.servers import free_port

CLIENTS_SPAN = "00f067aa0ba902b7"
# What happens to an order that nothing goes wrong with.
STEPS = Counter(
    {
        ("slipstream-gateway", "order.submit"): 1,
        ("slipstream-router", "order.begin"): 1,
        ("slipstream-router", "order.quote"): 1,
        ("slipstream-executor", "order.sign"): 1,
        ("slipstream-executor", "order.send"): 1,
        ("slipstream-executor", "order.confirm"): 1,
        ("slipstream-notifier", "order.notify"): 6,
        ("slipstream-projector", "order.project"): 6,
    }
)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


async def start(
    services: Services, settings: StackSettings, *names: str, endpoint: str, **others: object
) -> list[Service]:
    """Start services that tell the collector at `endpoint` at once."""
    variables = environment(
        settings, otel_exporter_otlp_endpoint=endpoint, otel_bsp_schedule_delay=50, **others
    )
    started = [services.launch(name, variables) for name in names]
    for service in started:
        await service.ready()
    return started


def a_traceparent(flags: str = "01") -> str:
    return f"00-{uuid4().hex}-{CLIENTS_SPAN}-{flags}"


async def submitted(service: Service, traceparent: str | None = None, **fields: str) -> str:
    """Place an order, and return its id."""
    headers = {} if traceparent is None else {"traceparent": traceparent}
    async with httpx.AsyncClient(base_url=f"http://{service.address}", timeout=120) as http:
        answer = await http.post(EXECUTE, json=ORDER | fields, headers=headers)
        assert answer.status_code == 202, answer.text
        order_id: str = answer.json()["orderId"]
        return order_id


def steps_in(spans: list[Span]) -> Counter[tuple[str, str]]:
    return Counter((span.service, span.name) for span in spans)


async def whole(collector: Collector, order_id: str) -> list[Span]:
    """Return every span of an order that went well, once all have come."""
    await eventually(lambda: steps_in(collector.of_order(order_id)) == STEPS)
    return collector.of_order(order_id)


async def test_an_order_is_one_trace_through_every_service_below_the_span_of_its_client(
    stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    endpoint = collector.endpoint
    [gateway, *_] = await start(services, stack_settings, *EVERY_SERVICE, endpoint=endpoint)
    traceparent = a_traceparent()
    order_id = await submitted(gateway, traceparent)

    spans = await whole(collector, order_id)

    assert {span.trace_id for span in spans} == {traceparent[3:35]}
    [intake] = [span for span in spans if span.name == "order.submit"]
    assert intake.parent_id == CLIENTS_SPAN
    assert {span.parent_id for span in spans if span is not intake} == {intake.span_id}
    assert len({span.span_id for span in spans}) == len(spans)
    assert not any(span.failed for span in spans)
    assert collector.spans == spans  # No library adds spans of its own.


async def test_a_span_says_which_event_of_which_order_it_is_about_and_how_it_came(
    stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    endpoint = collector.endpoint
    [gateway, *_] = await start(services, stack_settings, *EVERY_SERVICE, endpoint=endpoint)
    order_id = await submitted(gateway)

    by_name = {span.name: span for span in await whole(collector, order_id)}

    send, confirm = by_name["order.send"].attributes, by_name["order.confirm"]
    assert send["slipstream.venue"] in ("raydium", "meteora")
    assert send == send | {
        "slipstream.event.type": "TransactionSigned",
        "slipstream.event.version": 4,
        "slipstream.attempt": 1,
        "messaging.system": "redis",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "executor",
    }
    assert confirm.attributes["slipstream.venue"] == send["slipstream.venue"]
    assert confirm.took_ns > 200_000_000  # A swap takes 300 ms here.
    versions = [
        span.attributes["slipstream.event.version"]
        for span in collector.of_order(order_id)
        if span.name == "order.project"
    ]
    assert sorted(versions) == [1, 2, 3, 4, 5, 6]


async def test_orders_of_one_batch_that_names_no_trace_have_a_trace_each(
    stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    endpoint = collector.endpoint
    [gateway] = await start(services, stack_settings, "gateway", endpoint=endpoint)
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}", timeout=120) as http:
        for headers in ({}, {"traceparent": (traceparent := a_traceparent())}):
            orders = {"orders": [ORDER] * 3}
            answer = await http.post("/api/orders/batch", json=orders, headers=headers)
            assert answer.json()["accepted"] == 3

    await eventually(lambda: len(collector.spans) == 6)

    of_one = collector.of_trace(traceparent[3:35])
    others = [span for span in collector.spans if span not in of_one]
    assert [span.parent_id for span in of_one] == [CLIENTS_SPAN] * 3
    assert len({span.trace_id for span in others}) == 3
    assert {span.parent_id for span in others} == {""}


async def test_an_order_that_the_client_does_not_sample_is_not_told_of(
    log: Log, stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    endpoint = collector.endpoint
    [gateway, *_] = await start(services, stack_settings, *EVERY_SERVICE, endpoint=endpoint)
    quiet = await submitted(gateway, a_traceparent(flags="00"))
    await eventually(lambda: all_ended(log, [quiet]))
    loud = await submitted(gateway, a_traceparent())

    await whole(collector, loud)

    assert collector.of_order(quiet) == []


async def test_a_ratio_of_nothing_leaves_the_choice_to_clients(
    stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    sampler = {"otel_traces_sampler": "parentbased_traceidratio", "otel_traces_sampler_arg": "0"}
    settings, endpoint = stack_settings, collector.endpoint
    [gateway, *_] = await start(services, settings, *EVERY_SERVICE, endpoint=endpoint, **sampler)
    quiet = await submitted(gateway)
    loud = await submitted(gateway, a_traceparent())

    await whole(collector, loud)

    assert collector.of_order(quiet) == []


async def test_a_step_that_fails_is_told_with_its_error_and_which_attempt_it_was(
    stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    settings = stack_settings.model_copy(
        update={"venue_faults": "raydium.quote_error=1,meteora.quote_error=1", "max_attempts": 2}
    )
    endpoint = collector.endpoint
    [gateway, *_] = await start(services, settings, "gateway", "router", endpoint=endpoint)
    order_id = await submitted(gateway)

    def attempts() -> list[Span]:
        return [span for span in collector.of_order(order_id) if span.name == "order.quote"]

    await eventually(lambda: len(attempts()) == 2)
    assert [span.attributes["slipstream.attempt"] for span in attempts()] == [1, 2]
    assert all(span.failed for span in attempts())
    assert {span.attributes["error.type"] for span in attempts()} == {"VenueUnavailable"}
    assert [span.events for span in attempts()] == [["exception"]] * 2


async def test_what_another_replica_goes_on_with_stays_in_the_trace(
    log: Log, stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    settings = stack_settings.model_copy(
        update={"lease_ms": 500, "venue_swap_ms_min": 2_000, "venue_swap_ms_max": 2_000}
    )
    endpoint = collector.endpoint
    [gateway, _, first] = await start(
        services, settings, "gateway", "router", "executor", endpoint=endpoint
    )
    traceparent = a_traceparent()
    order_id = await submitted(gateway, traceparent)
    await eventually(
        lambda: any(span.name == "order.send" for span in collector.of_order(order_id))
    )

    async def is_sent() -> bool:
        return "TransactionSent" in await types_of(log, order_id)

    await eventually(is_sent)
    first.kill()
    await start(services, settings, "executor", endpoint=endpoint)
    await eventually(lambda: all_ended(log, [order_id]))

    await eventually(
        lambda: any(span.name == "order.confirm" for span in collector.of_order(order_id))
    )

    spans = collector.of_order(order_id)
    [intake] = [span for span in spans if span.name == "order.submit"]
    assert {span.trace_id for span in spans} == {traceparent[3:35]}
    assert {span.parent_id for span in spans if span is not intake} == {intake.span_id}


@pytest.mark.parametrize("absence", ["refuses", "hangs"])
async def test_a_collector_that_is_away_holds_up_no_order_and_no_leaving(
    log: Log,
    stack_settings: StackSettings,
    services: Services,
    collector: Collector,
    absence: str,
) -> None:
    began = time.monotonic()
    collector.hangs.set()
    away = f"http://127.0.0.1:{free_port()}" if absence == "refuses" else collector.endpoint
    stack = await start(
        services, stack_settings, *EVERY_SERVICE, endpoint=away, otel_exporter_otlp_timeout=1
    )
    order_ids = [await submitted(stack[0]) for _ in range(20)]

    await eventually(lambda: all_ended(log, order_ids))

    await eventually(lambda: stack[0].metric("slipstream_spans_dropped_total", why="refused") > 0)
    for service in stack:
        service.terminate()
    for service in stack:
        assert await service.exit_code() == 0
    said = [line for line in stack[0].output.splitlines() if "spans were dropped" in line]
    minutes = 1 + int((time.monotonic() - began) / 60)
    assert 1 <= len(said) <= minutes + 1  # Once a minute, and when leaving.
    assert not [line for line in stack[0].output.splitlines() if "Traceback" in line]


async def test_a_service_that_leaves_tells_first_what_it_has_done(
    stack_settings: StackSettings, services: Services, collector: Collector
) -> None:
    variables = environment(
        stack_settings,
        otel_exporter_otlp_endpoint=collector.endpoint,
        otel_bsp_schedule_delay=600_000,
    )
    gateway = services.launch("gateway", variables)
    await gateway.ready()
    order_id = await submitted(gateway)
    assert collector.spans == []

    gateway.terminate()

    assert await gateway.exit_code() == 0
    assert [span.name for span in collector.of_order(order_id)] == ["order.submit"]


_LOADED = f"""
import sys
from shared.process.runtime import run_service
from shared.settings import VenueSettings
import {", ".join(f"services.{name}.__main__" for name in EVERY_SERVICE)}

async def main(settings, stop):
    # redis-py loads the SDK's metrics by itself wherever the SDK is installed.
    heavy = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "google.protobuf", "requests")
    print(*(module for module in heavy if module in sys.modules))

run_service("router", VenueSettings, main)
"""


_TELLERS = "opentelemetry.sdk.trace opentelemetry.exporter google.protobuf requests"


@pytest.mark.parametrize(("endpoint", "loaded"), [("", ""), ("http://127.0.0.1:9", _TELLERS)])
def test_without_an_endpoint_no_service_loads_what_tells_a_collector(
    stack_settings: StackSettings, endpoint: str, loaded: str
) -> None:
    """Not even all of them in one interpreter do."""
    said = subprocess.run(
        [sys.executable, "-c", _LOADED],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **environment(stack_settings, otel_exporter_otlp_endpoint=endpoint),
        },
        capture_output=True,
        check=True,
        text=True,
    )

    assert said.stdout.strip() == loaded, said.stderr


def lines_of(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.output.splitlines()]


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9"])
async def test_a_line_that_a_step_logs_names_order_event_and_trace(
    settings: StackSettings, services: Services, endpoint: str
) -> None:
    faulty = settings.model_copy(
        update={"venue_faults": "raydium.quote_error=1,meteora.quote_error=1"}
    )
    [gateway, router] = await start(services, faulty, "gateway", "router", endpoint=endpoint)
    traceparent = a_traceparent()
    order_id = await submitted(gateway, traceparent)

    def about_attempts() -> list[dict[str, Any]]:
        return [line for line in lines_of(router) if "attempt 1" in line["message"]]

    await eventually(about_attempts)
    [line] = about_attempts()
    assert line == line | {
        "order_id": order_id,
        "event_id": f"{order_id}:2",
        "trace_id": traceparent[3:35],
    }


async def test_what_the_web_server_logs_of_a_request_names_its_order(
    log: Log, settings: StackSettings, services: Services
) -> None:
    [gateway] = await start(services, settings, "gateway", endpoint="")
    order_id = await submitted(gateway)
    await log.client.call("RPUSH", log.keys.history(order_id), "not an event")
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}", timeout=120) as http:
        assert (await http.get(f"/api/orders/{order_id}")).status_code == 500

    def errors() -> list[dict[str, Any]]:
        return [line for line in lines_of(gateway) if line["logger"] == "uvicorn.error"]

    await eventually(errors)
    assert [line["order_id"] for line in errors()] == [order_id]
    assert "MalformedEvent" in errors()[0]["error"]
