"""`make setup` says what it does, and what went wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.support.processes import ROOT

# In place of Python: it makes a .venv whose pip says what a real one does.
_PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit 0
mkdir -p .venv/bin
cp "$(dirname "$0")/pip" .venv/bin/python
"""
_PIP = r"""#!/bin/sh
cat <<'end'
Collecting mypy==2.4.1 (from -r requirements.lock (line 1))
  Downloading mypy-2.4.1-cp311-cp311-manylinux2014_x86_64.whl (15.4 MB)
  Downloading idna-3.20-py3-none-any.whl (71 kB)
Installing collected packages: idna, mypy
end
"""
_BROKEN = r"""#!/bin/sh
echo 'ERROR: no \matching distribution' >&2
exit 3
"""
_TOOLS = ("cat", "cp", "date", "dirname", "mkdir", "sh", "tail")


def setup(folder: Path, pip: str) -> subprocess.CompletedProcess[str]:
    for name, text in (("python", _PYTHON), ("pip", pip)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for tool in _TOOLS:  # And not the machine's own uv.
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    variables = {"PATH": str(folder), "PYTHON": str(folder / "python")}
    return subprocess.run(
        [folder / "sh", ROOT / "deploy/setup.sh"],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_setup_tells_each_step_and_large_download_with_the_time(tmp_path: Path) -> None:
    done = setup(tmp_path, _PIP)
    told = [re.sub(r"^setup: +\d+ s  ", "", line) for line in done.stderr.splitlines()]

    assert done.returncode == 0
    assert told == [
        f"making .venv with {tmp_path}/python and pip",
        "installing what requirements.lock names",
        "  Downloading mypy (15.4 MB)",
        "  Installing collected packages",
        "installing Slipstream",
        "  Downloading mypy (15.4 MB)",
        "  Installing collected packages",
        "done",
    ]


def test_a_step_that_fails_shows_what_was_said_and_ends_the_setup(tmp_path: Path) -> None:
    failed = setup(tmp_path, _BROKEN)

    assert failed.returncode == 1
    assert r"ERROR: no \matching distribution" in failed.stderr
    assert "installing Slipstream" not in failed.stderr
