"""The options that several commands share."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from cli.console import Trouble
from cli.plan import CHAINS, parse_scale

DATA_DIR = Path(".slipstream")
_LONGEST_PATH = 900  # Bytes. PostgreSQL has room for 1,024, and needs some for names of its own.
_NEVER_IN_PATHS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def usable(path: Path) -> Path:
    """Return a directory's path with `~` replaced. Raises `Trouble` for what cannot be one.

    It comes into settings, URLs, JSON and lines of text, of which none has room for what is no
    text, and some none for the end of a line.
    """
    try:
        path = path.expanduser()
        whole = str(path.resolve())
    except (OSError, RuntimeError) as error:  # A link that leads to itself, no home ...
        raise Trouble(f"--data-dir: {error}.") from error
    if _NEVER_IN_PATHS.search(whole):
        raise Trouble(f"--data-dir {whole!a} has control characters in it, or is not UTF-8.")
    if len(os.fsencode(whole)) > _LONGEST_PATH:
        raise Trouble(f"--data-dir: a path may have {_LONGEST_PATH} bytes, not more.")
    return path


def _usable_if_given(path: Path | None) -> Path | None:
    return path and usable(path)


DataDir = Annotated[
    Path,
    typer.Option(
        help="Where the data, logs and addresses of a stack lie.", readable=False, callback=usable
    ),
]
OfStack = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Data directory of the stack that is meant; unless given, the one that runs.",
        readable=False,
        callback=_usable_if_given,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65_535, help="Port of the first gateway; 8000, or a free one, unless given."
    ),
]
Chain = Annotated[
    str,
    typer.Option(
        envvar="CHAIN",
        metavar="|".join(CHAINS),
        help="Chain that orders settle on; a development chain is embedded unless RPC_URLS is set.",
    ),
]
Scale = Annotated[
    list[str] | None,
    typer.Option(metavar="SERVICE=N", help="Run N replicas of a service; may be repeated."),
]
OwnRedis = Annotated[
    str | None, typer.Option(help="Use this Redis or Valkey and embed none.", metavar="URL")
]
OwnDatabase = Annotated[
    str | None, typer.Option(help="Use this PostgreSQL and embed none.", metavar="URL")
]


def chain(word: str) -> str:
    """Return the chain that `--chain` names, or end with a usage error."""
    if word not in CHAINS:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(CHAINS)}", param_hint="--chain")
    return word


def scale(words: list[str] | None) -> dict[str, int]:
    """Return the replicas that `--scale` asks for, or end with a usage error."""
    try:
        return parse_scale(words or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scale") from error
