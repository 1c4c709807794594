"""`slipstream migrate`: bring Postgres to what this version needs."""

from __future__ import annotations

from cli import addresses, options
from cli.console import EXIT_CODES, OK, out, run
from cli.readiness import prepare_tables

migrate_help = f"""
Examples:

  slipstream migrate

  slipstream migrate --database-url postgresql://localhost/slipstream

Run it before the services of a new version, with a role that may create tables. Projectors do the
same when they start; where nothing is missing, they need no such role. {EXIT_CODES}
"""


def migrate(
    *,
    database_url: addresses.Database = None,
    data_dir: options.OfStack = None,
) -> None:
    """Apply the migrations that Postgres has not had, all or none."""
    run(_migrate(addresses.find(data_dir, database_url=database_url)))


async def _migrate(found: addresses.Addresses) -> int:
    names = await prepare_tables(found.database())
    for name in names:
        out.print(f"applied {name}")
    if not names:
        out.print("nothing to do")
    return OK
