"""The file of wallets: a table and a key file are added, and nothing is ever taken away."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from solders.pubkey import Pubkey

from cli.console import Trouble
from shared.solana.wallets.key_file import BadWallet, new_key_file, read_key_file
from shared.solana.wallets.wallets_file import NAME, OTHERS, Wallets, read_wallets


def wallets_in(file: Path) -> Wallets:
    """Return the wallets of a file; none where there is no file. Raises `Trouble`."""
    if not file.exists():
        return Wallets(file, {})
    try:
        return read_wallets(file)
    except BadWallet as error:
        raise Trouble(f"{error}") from error


def add_wallet(
    file: Path,
    name: str,
    accounts: Sequence[str],
    keys: Path | None = None,
    make: Callable[[Path], Pubkey] = new_key_file,
) -> Pubkey:
    """Make a key, write down its wallet, and return its address.

    The key lies beside the file, or in the folder `keys`. It is on disk before the file names it.
    `make` returns the public key of a key file, which it makes. Raises `Trouble`, with the file as
    it was.
    """
    there = wallets_in(file)
    if not re.fullmatch(NAME, name):
        raise Trouble(f"{name!r} must be 1 to 64 letters, digits or . _ @ -")
    for account in accounts:
        if account != OTHERS and not re.fullmatch(NAME, account):
            raise Trouble(f"account {account!r} must be 1 to 64 letters, digits or . _ @ -")
    if name in there.all:
        raise Trouble(f"{file} has a wallet {name} already.")
    for wallet in there.all.values():
        for account in set(accounts) & set(wallet.accounts):
            raise Trouble(f"account {account!r} is {wallet.name}'s already.")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file = (keys.resolve() if keys else file.parent) / f"{name}.json"
    shown = str(key_file) if keys else key_file.name  # From the file's own folder on.
    try:
        address = make(key_file)
    except BadWallet as error:
        raise Trouble(str(error)) from error
    named = ", ".join(f'"{account}"' for account in accounts)
    lies = json.dumps(shown, ensure_ascii=False)  # As TOML writes text, too.
    table = f'[{_quoted(name)}]\naddress = "{address}"\nkey_file = {lies}\n'
    table += f"accounts = [{named}]\n"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as out:
        out.write(table if file.stat().st_size == 0 else f"\n{table}")
        out.flush()
        os.fsync(out.fileno())
    return address


def key_of_this_name(path: Path) -> Pubkey:
    """Return the public key of a key file, which is made unless it is there. Raises `BadWallet`."""
    return read_key_file(path).public_key if path.exists() else new_key_file(path)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
