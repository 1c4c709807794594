"""Programs that pip cannot bring."""

from __future__ import annotations

import os
import shutil

import pytest


def needed(*programs: str, how: str, in_ci: bool = False) -> str:
    """Return the first of these programs that is installed; `how` says how to get one.

    Without one the test is skipped, and says so; one that is needed `in_ci` fails there.
    """
    for program in programs:
        if found := shutil.which(program):
            return found
    missing = f"NOT CHECKED: {' or '.join(programs)} is not installed ({how})"
    if in_ci and os.environ.get("CI"):
        pytest.fail(missing)
    # There is no other way to have the program's own word, and no stand-in of ours for it.
    pytest.skip(missing)


def promtool() -> str:
    """Return the program that tests rules."""
    return needed("promtool", how="Debian: apt-get install prometheus")
