"""The tour of the API is true: each of its commands works, and answers as the page shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import tour
from tests.support.cli import folder, up
from tests.support.eventually import eventually

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


async def test_every_command_of_the_tour_answers_as_the_page_shows() -> None:
    with folder() as root, up(root / "data") as stack:
        gateway = stack.stack.gateways[0]
        variables = {"API": gateway}
        for step in tour.steps(PAGE):
            if step.kind == "python":
                assert _told_by(step.command, gateway, variables["ORDER"]) == step.answer
            elif step.answer:
                await _check(step, variables)


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
