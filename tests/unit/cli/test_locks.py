"""The two lock files belong together: the image runs the versions that were tested."""

from __future__ import annotations

import re
import tomllib

from tools.docs import ROOT

_PIN = re.compile(r"^([\w.-]+)==([\w.]+)( ; [^\\]*)?", re.MULTILINE)


def pins(path: str) -> set[tuple[str, str]]:
    return {(name, version) for name, version, _ in _PIN.findall((ROOT / path).read_text())}


def test_the_image_has_only_versions_that_are_tested() -> None:
    image = pins("deploy/requirements.lock")

    assert image
    assert image <= pins("requirements.lock"), "run `make lock-image`"


def test_the_image_has_everything_the_services_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["server"], *extras["tracing"]]
    needed = {re.split(r"[\[<>=; ]", text, maxsplit=1)[0] for text in wanted}
    needed_to_build = {"setuptools"}

    locked = {name for name, _ in pins("deploy/requirements.lock")}
    assert needed | needed_to_build <= locked, "run `make lock-image`"


def test_no_lock_names_an_index() -> None:
    for path in ("requirements.lock", "deploy/requirements.lock"):
        assert "://" not in (ROOT / path).read_text()
