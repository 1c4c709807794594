"""What a local stack consists of."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.console import Trouble
from cli.plan import (
    SERVICES,
    FreePorts,
    Replica,
    StackOptions,
    environment,
    hold,
    parse_scale,
    replicas,
)


def options(**changes: object) -> StackOptions:
    return StackOptions(**{"data_dir": Path("unused"), **changes})  # type: ignore[arg-type] # as given


def test_there_is_one_of_each_service_unless_more_are_asked_for() -> None:
    names = [replica.name for replica in replicas(options(scale={"executor": 2}))]

    assert names == [
        "gateway-1",
        "router-1",
        "executor-1",
        "executor-2",
        "notifier-1",
        "projector-1",
    ]


def test_no_two_replicas_share_a_port() -> None:
    ports = [replica.port for replica in replicas(options(scale=dict.fromkeys(SERVICES, 8)))]

    assert len(set(ports)) == len(ports)


def test_only_gateways_listen_on_the_address_that_was_asked_for() -> None:
    hosts = {replica.service: replica.host for replica in replicas(options(host="0.0.0.0"))}

    assert hosts.pop("gateway") == "0.0.0.0"
    assert set(hosts.values()) == {"127.0.0.1"}


def test_a_port_that_was_asked_for_is_the_first_gateways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first, second = replicas(options(port=port, scale={"gateway": 2}))[:2]

    assert first.port == port
    assert second.port != port


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(Trouble, match=f"Port {port} is taken"):
            replicas(options(port=port))


# Of no machine, and of none of ours.
@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.9"])
def test_a_host_that_is_no_address_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(Trouble, match=f"--host {host} is no address of this machine"):
        replicas(options(host=host))


def test_who_looks_for_a_port_and_who_listens_take_a_name_for_the_same_address() -> None:
    assert replicas(options(host="localhost"))[0].host in ("127.0.0.1", "::1")


def test_of_two_stacks_that_start_at_once_one_has_a_port() -> None:
    [first] = [one for one in replicas(options(temporary=True)) if one.service == "gateway"]
    with hold(first), pytest.raises(Trouble, match=f"Port {first.port} is taken"):
        hold(first)

    hold(first).close()


def test_a_port_that_was_asked_for_is_handed_out_to_nobody_else() -> None:
    ports = FreePorts()
    ports.besides(20_000)

    assert 20_000 not in [ports.take() for _ in range(11_000)]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("fd00::2", "http://[fd00::2]:80"),
    ],
)
def test_the_url_of_a_replica_can_be_reached_from_this_machine(host: str, url: str) -> None:
    assert Replica("gateway-1", "gateway", host, 80).url == url


def test_a_gateway_is_told_its_address_and_the_others_that_of_their_metrics() -> None:
    gateway = Replica("gateway-1", "gateway", "127.0.0.1", 80).environment()
    router = Replica("router-1", "router", "127.0.0.1", 81).environment()

    assert gateway == {"HTTP_HOST": "127.0.0.1", "HTTP_PORT": "80"}
    assert router == {"METRICS_HOST": "127.0.0.1", "METRICS_PORT": "81"}


def test_replicas_share_no_consumer_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUMER_NAME", "me")
    monkeypatch.setenv("LEASE_MS", "500")
    env = environment("redis://r", "postgresql://d")

    assert "CONSUMER_NAME" not in env
    assert (env["LEASE_MS"], env["REDIS_URL"], env["DATABASE_URL"]) == (
        "500",
        "redis://r",
        "postgresql://d",
    )


def test_scale_is_read() -> None:
    assert parse_scale(["executor=3", "gateway=2"]) == {"executor": 3, "gateway": 2}


@pytest.mark.parametrize(
    "word", ["executor", "executor=", "executor=0", "executor=-1", "executor=65", "venue=1", "=1"]
)
def test_a_scale_that_makes_no_sense_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"is no service|must be executor=N"):
        parse_scale([word])
