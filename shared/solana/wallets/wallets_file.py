"""Which account trades with which wallet: WALLETS_FILE.

It is TOML, a table a wallet::

    [main]
    address = "7xKX…"                 # its public key, in base 58
    key_file = "main.json"            # from the folder of this file on
    accounts = ["*"]                  # every account that is nobody else's

    [desk]
    address = "9hQ2…"
    key_env = "DESK_KEY_FILE"         # a variable that holds such a path
    accounts = ["alice", "bob"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    RootModel,
    StringConstraints,
    ValidationError,
)
from solders.pubkey import Pubkey

from shared.solana.wallets.key_file import BadWallet, is_key, read_key_file
from shared.solana.wallets.signer import Signer

OTHERS = "*"  # Every account that no wallet names.
NAME = r"^[A-Za-z0-9._@-]{1,64}$"

_NO_PATH = "holds a key itself: write it into a file of mode 0600, and give that file's path"
_SAID = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "model_type": "must be a table: [NAME], and its fields below",
    "string_pattern_mismatch": "must be 1 to 64 letters, digits or . _ @ -",
}


def _address(text: str) -> str:
    try:
        return str(Pubkey.from_string(text))
    except ValueError:
        raise ValueError("must be an address of Solana: 32 bytes in base58") from None


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    address: Annotated[str, AfterValidator(_address)]
    key_file: str = ""
    key_env: str = ""
    accounts: list[Annotated[str, StringConstraints(pattern=rf"{NAME}|^\*$")]] = []


class _File(RootModel[dict[Annotated[str, StringConstraints(pattern=NAME)], _Table]]):
    """A whole file."""


class Wallet(Struct, frozen=True, kw_only=True):
    """A name, the address that owns what the wallet holds, and where its key is, if anywhere."""

    name: str
    address: Pubkey
    accounts: Sequence[str]
    key_file: str = ""
    key_env: str = ""


class Wallets(Struct, frozen=True):
    """The wallets of a file, without a key of any."""

    path: Path
    all: Mapping[str, Wallet]

    def of(self, account: str) -> Wallet:
        """Return the account's wallet. Raises `BadWallet` if it has none."""
        others = None
        for wallet in self.all.values():
            if account in wallet.accounts:
                return wallet
            if OTHERS in wallet.accounts:
                others = wallet
        if others is None:
            raise BadWallet(f"account {account!r} has no wallet, and none is for {OTHERS!r}")
        return others

    def signers(self, environment: Mapping[str, str]) -> dict[str, Signer]:
        """Return the signer of each wallet by its name, with every key read.

        Raises `BadWallet`: a line a fault.
        """
        signers: dict[str, Signer] = {}
        faults = []
        for name, wallet in self.all.items():
            try:
                signers[name] = _signer(wallet, self.path.parent, environment)
            except BadWallet as error:
                faults.append(f"{self.path}: {name}: {error}")
        if faults:
            raise BadWallet("\n".join(faults))
        return signers


def read_wallets(path: Path) -> Wallets:
    """Return the wallets of a file. Raises `BadWallet`: a line a fault."""
    try:
        tables = _File.model_validate(_toml(path)).root
    except ValidationError as error:
        raise BadWallet("\n".join(f"{path}: {line}" for line in _lines(error))) from None
    wallets = {
        name: Wallet(
            name=name,
            address=Pubkey.from_string(table.address),
            accounts=table.accounts,
            key_file=table.key_file,
            key_env=table.key_env,
        )
        for name, table in tables.items()
    }
    if faults := list(_doubles(wallets)):
        raise BadWallet("\n".join(f"{path}: {fault}" for fault in faults))
    return Wallets(path, wallets)


def _lines(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False):
        at = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        said = _SAID.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        yield f"{at}: {said}"


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadWallet(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadWallet(f"{path} is not TOML: {error}") from None


def _doubles(wallets: Mapping[str, Wallet]) -> Iterator[str]:
    if not wallets:
        yield "names no wallet"
    whose: dict[str, str] = {}
    for wallet in wallets.values():
        for account in wallet.accounts:
            if other := whose.get(account):
                yield f"{wallet.name}: account {account!r} is {other}'s already"
            whose[account] = wallet.name


def _signer(wallet: Wallet, folder: Path, environment: Mapping[str, str]) -> Signer:
    if bool(wallet.key_file) == bool(wallet.key_env):
        raise BadWallet("needs key_file or key_env, and not both")
    if any(is_key(text.strip()) for text in (wallet.key_file, wallet.key_env)):
        raise BadWallet(f"key_file or key_env {_NO_PATH}")  # All that follows would repeat it.
    path = wallet.key_file or environment.get(wallet.key_env)
    if not path:
        raise BadWallet(f"key_env: the variable {wallet.key_env} is not set")
    if is_key(path.strip()):
        raise BadWallet(f"key_env: {wallet.key_env} {_NO_PATH}")
    signer = read_key_file(folder / path)
    if signer.public_key != wallet.address:
        raise BadWallet(f"{path} is the key of {signer.public_key}, and not of {wallet.address}")
    return signer
