"""The distribution brings what is imported, in the extra that says so, under its own name."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.support.processes import ROOT

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_EXTRAS = _PROJECT["optional-dependencies"]
_OURS = {"cli", "devchain", "services", "shared", "slipstream", "slipstream_engine"}
_EXTRA = re.compile(r"\b(slipstream[\w-]*)\[([\w,]+)\]")
_BY_IMPORT = packages_distributions()
# FastAPI is built on the one, pydantic on the other, and both are its users' to import.
_BROUGHT = {"starlette", "pydantic-core"}
_PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *(page for package in sorted(_OURS) for page in (ROOT / package).rglob("*.py")),
]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=; ]", text, maxsplit=1)[0] for text in requirements}


def imported_by(*packages: str) -> set[str]:
    """Return the distributions that the modules of packages import."""
    found = set()
    for module in (file for package in packages for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    others = found - _OURS - sys.stdlib_module_names
    return {_BY_IMPORT[name][0].lower().replace("_", "-") for name in others}


def test_the_core_is_what_the_client_imports() -> None:
    assert names(_PROJECT["dependencies"]) == imported_by("slipstream")


def test_an_extra_brings_everything_else_that_is_imported() -> None:
    brought = names([*_PROJECT["dependencies"], *_EXTRAS["server"]])
    traced = {name for name in imported_by("shared") if name.startswith("opentelemetry")}

    assert imported_by("cli", "devchain", "services", "shared") - traced - _BROUGHT <= brought
    assert traced <= {"opentelemetry-api", *names(_EXTRAS["tracing"])}


def test_one_machine_and_development_have_it_all() -> None:
    assert "slipstream-engine[server]" in _EXTRAS["local"]
    assert "slipstream-engine[local,tracing]" in _EXTRAS["dev"]


def test_what_a_page_or_a_message_tells_to_install_is_ours_and_there() -> None:
    told = [found for page in _PAGES for found in _EXTRA.findall(page.read_text())]

    assert len(told) > len(_EXTRAS)
    for name, extras in told:
        assert name == _PROJECT["name"]
        assert set(extras.split(",")) <= _EXTRAS.keys()
