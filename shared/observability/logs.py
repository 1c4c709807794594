"""Logs: lines for people, or JSON with the ids of what each line is about."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from shared.clock import rfc3339
from shared.observability.log_context import ids_of, subject


class Lines(logging.Formatter):
    """Lines for people, with times as they are everywhere else."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - the library's
        """Return when it happened."""
        return rfc3339(datetime.fromtimestamp(record.created, UTC))


class JsonLines(Lines):
    """One JSON object a line: when, what, and of which order, event and trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids_of(getattr(record, "subject", None) or subject.get()),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logging(level: str, form: str = "auto") -> None:
    """Log to standard error. `auto` is text on a terminal, JSON elsewhere."""
    handler = logging.StreamHandler()
    if form == "text" or (form == "auto" and sys.stderr.isatty()):
        handler.setFormatter(Lines("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    else:
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
