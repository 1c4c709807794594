"""The command line: which commands there are."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from cli import dead, keys, market
from cli.accept_loss import accept_loss, accept_loss_help
from cli.audit import command as audit
from cli.console import EXIT_CODES, Foreseen, as_called, out
from cli.demo.command import demo, demo_help
from cli.doctor.command import doctor, doctor_help
from cli.load.command import load, load_help
from cli.migrate import migrate, migrate_help
from cli.orders import command as orders
from cli.rebuild import rebuild, rebuild_help
from cli.stats import stats, stats_help
from cli.submit import submit, submit_help
from cli.up import up, up_help
from cli.venues import venues, venues_help
from cli.wallets import command as wallets
from cli.watch import watch, watch_help

app = typer.Typer(
    name="slipstream",
    cls=Foreseen,
    help="Slipstream executes crypto swap orders: never lost, never twice, never a false failed.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        out.print(f"slipstream {version('slipstream-engine')}")
        raise typer.Exit


@app.callback()
def _slipstream(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Tell the version and exit."
        ),
    ] = False,
) -> None:
    """Take what every command takes."""


app.command(epilog=up_help)(up)
app.command(epilog=demo_help)(demo)
app.command(epilog=submit_help)(submit)
app.command(epilog=watch_help)(watch)
app.command(epilog=load_help)(load)
app.add_typer(orders.app, name="orders")
app.command(epilog=stats_help)(stats)
app.command(epilog=venues_help)(venues)
app.add_typer(market.app, name="market")
app.add_typer(dead.app, name="dead")
app.add_typer(keys.app, name="keys")
app.add_typer(wallets.app, name="wallet")
app.add_typer(audit.app, name="audit")
app.command(epilog=migrate_help)(migrate)
app.command(epilog=rebuild_help)(rebuild)
app.command(epilog=doctor_help)(doctor)
app.command(epilog=accept_loss_help)(accept_loss)

for command in (
    *app.registered_commands,
    *orders.app.registered_commands,
    *market.app.registered_commands,
    *dead.app.registered_commands,
    *keys.app.registered_commands,
    *wallets.app.registered_commands,
    *audit.app.registered_commands,
):
    command.epilog = as_called(command.epilog or "")
