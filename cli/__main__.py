"""The command `slipstream`, and `python -m cli`: quiet when it is interrupted, from here on."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line. Ctrl-C ends it at once unless a command ends in good order."""
    # What everything else imports takes its time, in which Python would answer with a traceback.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from cli.main import app  # noqa: PLC0415 - not before the handler is there

    app()


if __name__ == "__main__":
    main()
