"""The wheel, as its users have it: in nobody's way, and nobody in its."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from cli.layout import Layout
from cli.plan import SERVICES, Replica
from tests.support.processes import ROOT

_BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
_COMMAND = (
    "import sys; sys.argv[0] = 'slipstream'; from slipstream_engine import command; command()"
)
_NAMES = ("cli", "devchain", "services", "shared", "slipstream", "bench", "tools", "tests")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel, made of the files that the image's is made of."""
    folder = tmp_path_factory.mktemp("source")
    copied = re.findall(r"^COPY (?!--from|deploy)(.*) \S+$", dockerfile(), re.MULTILINE)
    for name in " ".join(copied).split():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder)
    subprocess.run(
        [sys.executable, "-c", _BUILD, folder], cwd=folder, check=True, capture_output=True
    )
    [made] = folder.glob("*.whl")
    return made


def dockerfile() -> str:
    return (ROOT / "deploy/Dockerfile").read_text()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the wheel is installed."""
    place = tmp_path_factory.mktemp("site-packages")
    with ZipFile(wheel) as packed:
        packed.extractall(place)
    return place


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a directory that holds somebody's packages, which have our names."""
    for name in _NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('a foreign {name}')")
    return tmp_path


def ran(
    argv: tuple[str, ...], installed: Path, elsewhere: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (elsewhere, installed)))
    variables = {"PATH": os.environ["PATH"], **(env or {}), "PYTHONPATH": path}
    return subprocess.run(
        argv, cwd=elsewhere, env=variables, capture_output=True, text=True, check=False
    )


def test_a_wheel_takes_no_name_that_others_may_have(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "slipstream",
        "slipstream_engine",
    }


def test_a_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    held = {name.removeprefix("slipstream_engine/") for name in ZipFile(wheel).namelist()}
    ours = {
        str(file.relative_to(ROOT))
        for package in ("cli", "devchain", "services", "shared", "slipstream")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }

    assert ours <= held


def test_the_command_runs_beside_packages_of_the_same_names(
    installed: Path, elsewhere: Path
) -> None:
    told = ran((sys.executable, "-P", "-c", _COMMAND, "--help"), installed, elsewhere)

    assert told.returncode == 0, told.stderr
    assert "Usage: slipstream" in told.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_services_start_beside_packages_of_the_same_names(
    installed: Path, elsewhere: Path, service: str
) -> None:
    program = Replica(service, service, "127.0.0.1", 1).program(Layout(elsewhere), {})
    refused = ran(program.argv, installed, elsewhere, {"PARTITIONS": "many"})

    assert refused.stderr.startswith("Cannot start. Set these environment variables")


@pytest.mark.parametrize("missing", ["typer", "redis"])
def test_without_an_extra_the_command_says_in_one_line_how_to_get_it(
    installed: Path, elsewhere: Path, missing: str
) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; {_COMMAND}"
    refused = ran((sys.executable, "-P", "-c", code, "up"), installed, elsewhere)

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "pip install 'slipstream-engine[local]'" in refused.stderr
