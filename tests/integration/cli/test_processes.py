"""Child processes: kept running, found again, ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from cli import locks
from cli.claim import Claim
from cli.console import Trouble
from cli.layout import Layout
from cli.process import Keeper, Program, launch
from cli.readiness import until
from tests.support.eventually import eventually

FOREVER = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
HEARS = "print('ready', flush=True); " + FOREVER

Make = Callable[..., Keeper]


class Said:
    """What was said on the screen."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, word: str, text: str) -> None:
        self.lines.append(f"{word} {text}")

    def __contains__(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make()
    return layout


@pytest.fixture
def said() -> Said:
    return Said()


@pytest_asyncio.fixture
async def keep(layout: Layout, said: Said) -> AsyncIterator[Make]:
    keepers = []

    def make(code: str, *, name: str = "stand-in", grace_s: float = 10) -> Keeper:
        keeper = Keeper(program(layout, code, name=name, grace_s=grace_s), said)
        keepers.append(keeper)
        return keeper

    yield make
    for keeper in keepers:
        keeper.kill()
        await keeper.stop()


def program(layout: Layout, code: str, *, name: str = "stand-in", grace_s: float = 10) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-c", code),
        env=os.environ,
        pid_file=layout.services / f"{name}.pid",
        log_file=layout.logs / f"{name}.log",
        grace_s=grace_s,
    )


def pid_of(keeper: Keeper) -> int | None:
    return locks.holder(keeper.program.pid_file)


async def test_a_program_that_dies_is_started_again(keep: Make, said: Said) -> None:
    keeper = keep(FOREVER)
    await keeper.start()
    first = pid_of(keeper)
    assert first is not None
    os.kill(first, signal.SIGKILL)

    await eventually(lambda: pid_of(keeper) not in (None, first))
    assert "was killed by signal 9" in said


async def test_each_death_makes_the_next_start_later(keep: Make, said: Said) -> None:
    keeper = keep("raise SystemExit(3)")
    await keeper.start()
    await eventually(lambda: keeper.deaths >= 2)

    assert "ended with code 3" in said
    assert "again in 0.5 s" in said
    assert "again in 1 s" in said


async def test_a_program_that_is_told_to_stop_is_not_started_again(keep: Make, said: Said) -> None:
    keeper = keep(FOREVER)
    await keeper.start()
    await keeper.stop()

    assert pid_of(keeper) is None
    assert keeper.deaths == 0
    assert said.lines == []


async def test_a_program_that_does_not_hear_is_killed_when_its_grace_is_over(keep: Make) -> None:
    keeper = keep("print('deaf', flush=True);" + DEAF, grace_s=0.3)
    await keeper.start()
    await eventually(lambda: keeper.program.log_file.read_text() == "deaf\n")
    await keeper.stop()

    assert pid_of(keeper) is None


async def test_the_log_of_the_run_before_is_put_aside(keep: Make) -> None:
    first, second = keep(HEARS), keep(HEARS)
    for keeper in (first, second):
        await keeper.start()
        await eventually(lambda: second.program.log_file.read_text() == "ready\n")
        await keeper.stop()

    assert second.program.log_file.with_suffix(".log.1").read_text() == "ready\n"


async def test_no_two_programs_run_under_one_name(layout: Layout, keep: Make) -> None:
    keeper = keep(FOREVER)
    await keeper.start()

    with pytest.raises(Trouble, match=f"is running already, as pid {pid_of(keeper)}"):
        await launch(program(layout, FOREVER))


async def test_what_a_killed_run_left_is_ended_by_the_next(layout: Layout, said: Said) -> None:
    left = await launch(program(layout, FOREVER, name="router-1"))
    claim = await Claim.take(layout, said, temporary=False)
    await claim.release()

    assert await left.wait() == -signal.SIGTERM
    assert "ended what a killed run had left: router-1" in said


async def test_a_pid_file_of_the_dead_harms_nobody_who_has_its_pid(
    layout: Layout, said: Said
) -> None:
    (layout.services / "router-1.pid").write_text(f"{os.getpid():10} {signal.SIGKILL.value:3}\n")
    claim = await Claim.take(layout, said, temporary=False)
    await claim.release()

    assert said.lines == []


async def test_a_directory_is_claimed_by_one_at_a_time(layout: Layout, said: Said) -> None:
    claim = await Claim.take(layout, said, temporary=False)
    with pytest.raises(Trouble, match=f"in use by pid {os.getpid()}"):
        await Claim.take(layout, said, temporary=False)
    await claim.release()

    await (await Claim.take(layout, said, temporary=False)).release()


async def test_a_temporary_directory_is_gone_when_it_is_given_back(
    layout: Layout, said: Said
) -> None:
    claim = await Claim.take(layout, said, temporary=True)
    await claim.release()

    assert not layout.root.exists()


async def never() -> bool:
    return False


async def always() -> bool:
    return True


@pytest.mark.parametrize("ready", [never, always])  # Who answers may be somebody else.
async def test_a_service_that_says_why_it_cannot_start_is_not_waited_for(
    keep: Make, ready: Callable[[], Awaitable[bool]]
) -> None:
    keeper = keep("raise SystemExit('noise\\nCannot start: the port is taken')")
    await keeper.start()
    await eventually(lambda: keeper.deaths)
    with pytest.raises(Trouble) as told:
        await until(ready, keeper)

    assert str(told.value) == "stand-in: Cannot start: the port is taken"


async def test_a_program_that_dies_otherwise_is_started_again_a_few_times(keep: Make) -> None:
    keeper = keep("raise SystemExit('for no reason')")
    await keeper.start()
    with pytest.raises(Trouble, match="for no reason"):
        await until(never, keeper)

    assert keeper.deaths == 3
