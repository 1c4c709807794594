"""The options of `slipstream load`."""

from __future__ import annotations

from typing import Annotated

import typer

MOST_ORDERS = 1_000_000
LONGEST_S = 3_600.0

Orders = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_ORDERS, help="How many orders; 1,000 without --duration."),
]
Duration = Annotated[
    float | None, typer.Option(min=0.1, max=LONGEST_S, help="For how long, in seconds.")
]
Rate = Annotated[float | None, typer.Option(min=0.1, max=100_000, help="Orders a second.")]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1, max=10_000, help="Orders under way at once: 50, or up to 2,000 with --rate."
    ),
]
Follow = Annotated[
    bool, typer.Option("--follow", help="Follow each order to its end, over a WebSocket.")
]
FailOver = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[end.]POINT=TIME",
        help="Fail over this limit, e.g. p99=250ms or end.p99.9=5s; may be repeated.",
    ),
]
MaxErrors = Annotated[int, typer.Option(min=0, help="Fail when more orders than this went wrong.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where a gateway answers, if not on this machine."),
]
