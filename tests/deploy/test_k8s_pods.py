"""What runs, with which settings, and how it is asked and ended."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from cli.main import app
from cli.wallets.book import add_wallet
from services.gateway.access.gatekeeper import OPEN
from shared.process.runtime import Health, metrics_server
from shared.settings import ConsumerSettings, GatewaySettings
from shared.solana.wallets.wallets_file import read_wallets
from tests.deploy.manifests import CONSUMERS, READS, ROOT, SERVICES, Rendering, settings_of
from tests.support.servers import free_port

LEAVE_S = 2  # What a consumer takes at most to leave its groups, once it has drained.
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def test_every_service_and_the_migration_run_and_nothing_else_of_ours(
    rendering: Rendering,
) -> None:
    assert {pods.name for pods in rendering.pods() if pods.is_ours} == {*SERVICES, "migrate"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_started_by_a_module_that_there_is(rendering: Rendering, name: str) -> None:
    *program, module = rendering.pods_of(name).container["command"]

    assert (*program, module) == ("python", "-m", "slipstream_engine", f"services.{name}")
    assert importlib.util.find_spec(f"{module}.__main__")


def test_the_migration_is_a_command_that_there_is(rendering: Rendering) -> None:
    program, command = rendering.pods_of("migrate").container["command"]

    assert program == "slipstream"
    assert command in {
        known.callback.__name__ for known in app.registered_commands if known.callback
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_start_with_what_it_is_told(rendering: Rendering, name: str) -> None:
    settings_of(rendering, name)


def test_every_setting_of_the_config_maps_is_one_that_a_reader_knows(rendering: Rendering) -> None:
    known = {field for kind in READS.values() for field in kind.model_fields}
    for_all = rendering.one("ConfigMap", "slipstream")["data"]
    for_gateways = rendering.one("ConfigMap", "slipstream-gateway")["data"]

    assert {name.lower() for name in for_all} <= known
    assert {name.lower() for name in for_gateways} <= set(GatewaySettings.model_fields)


def test_addresses_with_passwords_are_in_secrets_only(rendering: Rendering) -> None:
    for thing in rendering.of("ConfigMap"):
        assert not thing["data"].keys() & {"REDIS_URL", "DATABASE_URL"}
    for pods in rendering.pods():
        for variable in pods.container.get("env", ()):
            assert "valueFrom" in variable or not re.search("PASSWORD|URL|AUTH", variable["name"])


def test_a_gateway_is_closed_in_production_and_open_on_a_laptop(
    local: Rendering, production: Rendering
) -> None:
    closed, opened = settings_of(production, "gateway"), settings_of(local, "gateway")

    assert isinstance(closed, GatewaySettings)
    assert isinstance(opened, GatewaySettings)
    mounts = production.pods_of("gateway").container["volumeMounts"]
    [keys] = [mount for mount in mounts if mount["name"] == "keys"]
    assert Path(closed.api_keys_file).parent == Path(keys["mountPath"])
    assert not closed.open_access
    assert opened.open_access


def test_who_settles_is_told_a_chain_and_its_wallets_by_secrets_that_others_bring(
    production: Rendering, local: Rendering
) -> None:
    for name in SERVICES:
        pods = production.pods_of(name)
        told = production.environment(pods)
        settles = name in ("gateway", "router", "executor")

        assert ("CHAIN" in told, "RPC_URLS" in told) == (settles, settles)
        assert ("WALLETS_FILE" in told) is (name in ("gateway", "executor"))
        assert "CHAIN" not in local.environment(local.pods_of(name))
    assert not production.of("Secret")
    assert "devchain" not in str(production.objects)


def test_only_what_comes_before_an_executor_mounts_keys(production: Rendering) -> None:
    mounting = {
        (pods.name, container["name"])
        for pods in production.pods()
        for container in pods.every_container
        for mount in container.get("volumeMounts", ())
        for volume in pods.spec["volumes"]
        if volume["name"] == mount["name"]
        and volume.get("secret", {}).get("secretName") == "slipstream-wallet-keys"
    }

    assert mounting == {("executor", "wallets")}


def test_an_executor_finds_keys_that_are_its_own_beside_the_file_of_wallets(
    production: Rendering, tmp_path: Path
) -> None:
    pods = production.pods_of("executor")
    [before] = pods.spec["initContainers"]
    places = {mount["mountPath"]: tmp_path / mount["name"] for mount in before["volumeMounts"]}
    file = tmp_path / "wallets" / "wallets.toml"
    (tmp_path / "wallet-keys").mkdir()
    address = add_wallet(file, "main", ["*"], tmp_path / "wallet-keys")
    file.write_text(file.read_text().replace(str(tmp_path / "wallet-keys") + "/", ""))
    (tmp_path / "wallet-keys" / "main.json").chmod(0o440)
    command = before["command"][2]
    for path, place in sorted(places.items(), reverse=True):
        place.mkdir(exist_ok=True)
        command = command.replace(path, str(place))
    subprocess.run(["sh", "-c", command], check=True)

    told = Path(production.environment(pods)["WALLETS_FILE"])
    read = read_wallets(places[str(told.parent)] / told.name)
    assert read.signers({})["main"].public_key == address


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_those_that_services_listen_on(rendering: Rendering, name: str) -> None:
    settings = settings_of(rendering, name)
    listens = (
        (settings.http_host, settings.http_port)
        if isinstance(settings, GatewaySettings)
        else (settings.metrics_host, settings.metrics_port)
    )

    [declared] = rendering.pods_of(name).container["ports"]
    assert listens == ("0.0.0.0", declared["containerPort"])


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_killed_while_draining(rendering: Rendering, name: str) -> None:
    pods, settings = rendering.pods_of(name), settings_of(rendering, name)
    assert isinstance(settings, ConsumerSettings | GatewaySettings)
    pause_s = (
        pods.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    )
    drained_s = pause_s + settings.drain_s + settings.redis_timeout_s + LEAVE_S

    assert pods.spec["terminationGracePeriodSeconds"] > drained_s
    assert (pause_s > 0) is (name == "gateway"), "only who is sent to waits for routes to change"


@pytest.mark.parametrize("name", SERVICES)
def test_probes_ask_what_they_mean(rendering: Rendering, name: str) -> None:
    pods = rendering.pods_of(name)
    paths = {probe: pods.container[probe]["httpGet"]["path"] for probe in PROBES}

    # Only readiness may depend on a server that is away.
    assert paths == {
        "startupProbe": "/health",
        "readinessProbe": "/health/ready",
        "livenessProbe": "/health",
    }
    for probe in PROBES:
        pods.port(pods.container[probe]["httpGet"]["port"])


async def test_probes_find_who_answers_without_any_server_and_without_a_key(
    production: Rendering,
) -> None:
    documented = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    asked = {
        pods.name: {pods.container[probe]["httpGet"]["path"] for probe in PROBES}
        for pods in production.pods()
        if pods.name in SERVICES
    }
    port = free_port()
    async with (
        metrics_server("127.0.0.1", port, Health()),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        answers = {
            path: (await http.get(path)).status_code for name in CONSUMERS for path in asked[name]
        }

    assert answers == {"/health": 200, "/health/ready": 503}
    assert asked["gateway"] <= OPEN & documented.keys()


def test_every_pod_is_restricted_and_knows_no_kubernetes(rendering: Rendering) -> None:
    for pods in rendering.pods():
        spec, whole = pods.spec, pods.spec["securityContext"]

        assert whole["runAsNonRoot"] is True
        assert whole["runAsUser"] > 0
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pods.every_container:
            own = container["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
        assert spec["automountServiceAccountToken"] is False
        # Variables of Services would otherwise meet settings of the same name.
        assert spec["enableServiceLinks"] is False
        account = rendering.named("ServiceAccount", spec["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert not any("hostPath" in volume for volume in spec.get("volumes", ()))


def test_the_namespace_lets_in_nothing_that_is_not_restricted(rendering: Rendering) -> None:
    [namespace] = rendering.of("Namespace")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for thing in rendering.objects:
        if thing is not namespace:
            assert thing["metadata"]["namespace"] == namespace["metadata"]["name"]


def test_the_image_is_the_user_that_the_image_was_made_for(rendering: Rendering) -> None:
    [made_for] = re.findall(
        r"^USER (\d+):(\d+)$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE
    )
    for pods in rendering.pods():
        if pods.is_ours:
            context = pods.spec["securityContext"]
            assert (str(context["runAsUser"]), str(context["runAsGroup"])) == made_for


def test_resources_are_asked_for_and_memory_is_bounded(rendering: Rendering) -> None:
    for pods in rendering.pods():
        for container in pods.every_container:
            resources = container["resources"]

            assert {"cpu", "memory"} <= resources["requests"].keys()
            assert "memory" in resources["limits"]


def test_all_that_is_ours_is_one_image(rendering: Rendering) -> None:
    ours = [pods for pods in rendering.pods() if pods.is_ours]
    images = {container["image"] for pods in ours for container in pods.every_container}
    servers = {pods.container["image"] for pods in rendering.pods() if not pods.is_ours}

    [image] = images
    _, _, tag = image.rpartition("/")[2].partition(":")
    assert tag not in ("", "latest"), "it does not say which"
    is_local = rendering.overlay == "local"
    assert servers == ({"redis:8-alpine", "postgres:18-alpine"} if is_local else set())
