"""`python -m slipstream_engine services.gateway`: that module of ours, wherever it is run."""

from __future__ import annotations

import sys

from slipstream_engine import run

if len(sys.argv) < 2:  # noqa: PLR2004 - the program and the module
    sys.exit("Usage: python -m slipstream_engine MODULE, such as services.gateway or cli")
run(sys.argv.pop(1), as_program=True)
