"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.plan import parse_scale

DATA_DIR = Path(".slipstream")

DataDir = Annotated[Path, typer.Option(help="Where the data, logs and addresses of a stack lie.")]
Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65_535, help="Port of the first gateway; 8000, or a free one, unless given."
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


def scale(words: list[str] | None) -> dict[str, int]:
    """Return the replicas that `--scale` asks for, or end with a usage error."""
    try:
        return parse_scale(words or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scale") from error
