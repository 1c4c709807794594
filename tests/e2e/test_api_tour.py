"""Pages are true: each command of the tour answers as it shows, and the README's can be pasted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support import tour
from tests.support.databases import Databases
from tests.support.eventually import eventually
from tests.support.processes import ROOT
from tests.support.programs import needed
from tests.support.stack import stack_in_background, stack_settings

PAGE = ROOT / "docs/api.md"


@pytest.fixture(scope="module")
def gateway(redis_url: str, databases: Databases) -> Iterator[str]:
    with databases.lent() as database_url:
        settings = stack_settings(redis_url, database_url, f"t{uuid4().hex[:12]}")
        with stack_in_background(settings) as address:
            yield f"http://{address}"


async def test_every_command_of_the_tour_answers_as_the_page_shows(gateway: str) -> None:
    variables = {"API": gateway}
    for step in tour.steps(PAGE):
        if step.kind == "python":
            assert _told_by(step.command, gateway, variables["ORDER"]) == step.answer
        elif step.answer:
            await _check(step, variables)


def test_the_requests_of_the_readme_work_as_they_are_pasted(gateway: str) -> None:
    curl = needed("curl", how="Debian: apt-get install curl")
    [pasted] = [step.command for step in tour.steps(ROOT / "README.md") if "curl" in step.command]
    script = pasted.replace("http://127.0.0.1:8000", gateway)
    done = subprocess.run(
        ["sh", "-euc", script],
        env={"PATH": os.pathsep.join((str(Path(curl).parent), os.defpath))},
        capture_output=True,
        text=True,
        check=True,
    )
    accepted, order, events = map(json.loads, done.stdout.splitlines())

    assert order["orderId"] == accepted["orderId"]
    assert events[0]["type"] == "OrderSubmitted"


async def _check(step: tour.Step, variables: dict[str, str]) -> None:
    answer = tour.sent(step.command, variables)
    if "ORDER" not in variables:
        variables["ORDER"] = answer.json()["orderId"]
    if answer.request.method != "GET":
        tour.check(answer, step.answer)
        return

    def shows() -> bool:  # Lists follow the log; they may need a moment.
        tour.check(tour.sent(step.command, variables), step.answer)
        return True

    await eventually(shows)


def _told_by(code: str, gateway: str, order_id: str) -> str:
    here = gateway.removeprefix("http://")
    done = subprocess.run(
        [sys.executable, "-c", code.replace("127.0.0.1:8000", here), order_id],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
