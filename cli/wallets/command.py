"""`slipstream wallet`: make wallets, look into them, and fund them on a development chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.console import EXIT_CODES, OK, Trouble, err, out, program, run
from cli.wallets.book import add_wallet, wallets_in
from cli.wallets.faucet import airdrop as give
from cli.wallets.first import prepare
from cli.wallets.whereabouts import Whereabouts
from shared.settings import MarketSettings
from shared.solana.wallets.wallets_file import OTHERS, Wallet
from shared.tokens.amounts import to_atoms
from shared.tokens.registry import Token
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.holdings import holdings
from shared.venues.onchain.opening import opened_chain

app = typer.Typer(
    help="Make wallets, look into them, and fund them on a development chain.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The wallet's name.")]
File = Annotated[
    Path | None,
    typer.Option(
        envvar="WALLETS_FILE",
        show_envvar=True,
        help="The file of wallets; unless given, that of the stack.",
    ),
]

Keys = Annotated[
    Path | None,
    typer.Option(
        envvar="WALLET_KEYS_DIR",
        show_envvar=True,
        help="Where new keys are put; unless given, beside the file of wallets.",
    ),
]


@app.command(epilog="Example: slipstream wallet new desk --account alice --account bob")
def new(
    *,
    name: Name,
    account: Annotated[
        list[str] | None,
        typer.Option(help="Whose orders it pays for; may be repeated. * is everybody else's."),
    ] = None,
    wallets_file: File = None,
    keys_dir: Keys = None,
    data_dir: options.OfStack = None,
) -> None:
    """Make a key and its wallet. Nobody else can read the key file; keep a copy of it.

    Services read the file when they start.
    """
    where = Whereabouts(wallets_file, data_dir)
    file = where.file
    first = not wallets_in(file).all
    address = add_wallet(file, name, account or ([OTHERS] if first else []), keys_dir)
    out.print(f"{name}  {address}  {(keys_dir or file.parent) / f'{name}.json'}", markup=False)
    if where.is_in_use:
        err.print("The stack that runs trades with it once it is started again.")


@app.command(name="prepare", epilog="Example: slipstream wallet prepare")
def prepare_first(
    *,
    wallets_file: File = None,
    keys_dir: Keys = None,
    data_dir: options.OfStack = None,
) -> None:
    """See that there is a wallet; on a development chain, make it and give it play money."""

    async def work() -> int:
        where = Whereabouts(wallets_file, data_dir)
        out.print(await prepare(where.settings, where.file, keys_dir), markup=False)
        return OK

    run(work())


@app.command(name="list", epilog="Example: slipstream wallet list")
def list_wallets(*, wallets_file: File = None, data_dir: options.OfStack = None) -> None:
    """List the wallets: name, address, accounts."""
    for wallet in _wallets(Whereabouts(wallets_file, data_dir)).values():
        accounts = ", ".join(wallet.accounts) or "nobody's"
        out.print(f"{wallet.name:<12} {wallet.address}  {accounts}", markup=False)


@app.command(epilog="Example: slipstream wallet balance desk")
def balance(
    *,
    name: Annotated[str | None, typer.Argument(help="One wallet; unless given, all.")] = None,
    wallets_file: File = None,
    data_dir: options.OfStack = None,
) -> None:
    """Show what wallets hold, token by token, and as of which slot."""
    where = Whereabouts(wallets_file, data_dir)
    wallets = _wallets(where)
    chosen = [_named(wallets, name)] if name else list(wallets.values())

    async def work(chain: SolanaChain) -> int:
        for wallet in chosen:
            held = await holdings(chain.state, chain.tokens, wallet.address)
            out.print(f"{wallet.name}  {wallet.address}  slot {held.slot}", markup=False)
            for symbol, amount in held.balances.items():
                out.print(f"  {amount:>24,f} {symbol}", markup=False)
            if not held.balances:
                out.print("  nothing", markup=False)
        return OK

    run(_on_chain(where, work))


@app.command(epilog="Example: slipstream wallet airdrop main 100 SOL")
def airdrop(
    *,
    name: Name,
    amount: Annotated[str, typer.Argument(help="How much, e.g. 12.5")],
    token: Annotated[str, typer.Argument(help="Of which token.")] = "SOL",  # noqa: S107 - a coin
    wallets_file: File = None,
    data_dir: options.OfStack = None,
) -> None:
    """Fund a wallet on a development chain."""
    where = Whereabouts(wallets_file, data_dir)
    wallet = _named(_wallets(where), name)

    async def work(chain: SolanaChain) -> int:
        found = chain.tokens.by_name.get(token)
        if found is None:
            raise typer.BadParameter(f"there is no token {token}", param_hint="TOKEN")
        await give(chain.nodes, wallet.address, found, _amount(amount, found))
        out.print(f"{wallet.name} got {amount} {found.symbol}", markup=False)
        return OK

    run(_on_chain(where, work))


def _amount(text: str, token: Token) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise typer.BadParameter(f"{text!r} is no amount", param_hint="AMOUNT")
    try:
        to_atoms(f"{text} {token.symbol}", amount, token.decimals)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="AMOUNT") from None
    return amount


def _named(wallets: Mapping[str, Wallet], name: str) -> Wallet:
    if name not in wallets:
        there = ", ".join(wallets) or "none"
        raise typer.BadParameter(f"there is no wallet {name}; there are: {there}")
    return wallets[name]


def _wallets(where: Whereabouts) -> Mapping[str, Wallet]:
    wallets = wallets_in(where.file).all
    if not wallets:
        err.print(f"{where.file} has no wallet: make one with `{program()} wallet new NAME`.")
    return wallets


async def _on_chain(where: Whereabouts, work: Callable[[SolanaChain], Awaitable[int]]) -> int:
    async with opened_chain(MarketSettings.from_env(where.settings)) as chain:
        if chain is None:
            raise Trouble("No chain was found: start a stack with `slipstream up`, or set CHAIN.")
        return await work(chain)
