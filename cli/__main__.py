"""`python -m cli` is `slipstream`."""

from __future__ import annotations

from cli.main import app

app()
