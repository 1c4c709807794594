"""Key files as Solana's own command line writes them: 64 integers, secret and public half."""

from __future__ import annotations

import os
import stat
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import msgspec
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from shared.solana.wallets.signer import KeySigner

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_BYTES = 4_096


class BadWallet(Exception):
    """A wallet cannot be used. The message says why and what to do, and never holds a key."""


def read_key_file(path: Path) -> KeySigner:
    """Return the signer of a key file that only its owner can read. Raises `BadWallet`."""
    try:
        # Without O_NONBLOCK the open of a named pipe would wait.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_access(path, os.fstat(file))
            text = os.read(file, _MOST_BYTES)
        finally:
            os.close(file)
    except OSError as error:
        raise BadWallet(f"{path} cannot be read: {error.strerror}") from None
    try:
        numbers = msgspec.json.decode(text, type=list[int])
        return KeySigner(Keypair.from_bytes(bytes(numbers)))  # It compares the two halves.
    except ValueError:  # Its text may tell of the key.
        raise BadWallet(
            f"{path} is no key: it must be a list of 64 integers from 0 to 255, the secret key and"
            " its public key, as solana-keygen writes it"
        ) from None


def new_key_file(path: Path) -> Pubkey:
    """Write a new key to a new file that only its owner can read, and return its public key.

    The key is on disk when this returns. Raises `BadWallet`: a file that exists is never written.
    """
    key = Keypair()
    # Under another name first: who dies in between leaves no half of a key.
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        _write(unfinished, msgspec.json.encode(list(bytes(key))))
        path.hardlink_to(unfinished)
        _sync_folder(path.parent)
    except FileExistsError:
        raise BadWallet(f"{path} exists and stays as it is: choose another name") from None
    except OSError as error:
        raise BadWallet(f"{path} cannot be made: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return key.pubkey()


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(file, "wb") as out:  # noqa: PTH123 - it is open already
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def is_key(text: str) -> bool:
    """Return whether a text is a key itself, as wallets show it to be copied, and no path."""
    spellings: list[Callable[[str], bytes]] = [
        lambda text: bytes(Keypair.from_base58_string(text)),
        lambda text: bytes(Pubkey.from_string(text)),  # Any 32 bytes in base58.
        lambda text: bytes(msgspec.json.decode(text, type=list[int])),
        lambda text: b64decode(text, validate=True),
        bytes.fromhex,
    ]
    for read in spellings:
        with suppress(ValueError):
            if len(read(text)) in (Keypair.LENGTH, Pubkey.LENGTH):
                return True
    return False


def _check_access(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise BadWallet(f"{path} is no file")
    if found.st_uid != os.geteuid():
        raise BadWallet(f"{path} belongs to another user: chown {os.geteuid()} {path}")
    if found.st_mode & _OTHERS:
        raise BadWallet(f"{path} may be read or written by others: chmod 600 {path}")


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
