"""Signers: they sign messages and never show the key."""

from __future__ import annotations

from typing import Final, NoReturn, Protocol

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature


class Signer(Protocol):
    """Signs with one key."""

    @property
    def public_key(self) -> Pubkey:
        """Return the key that verifies its signatures."""
        ...

    def sign(self, message: bytes) -> Signature:
        """Return the signature of these very bytes."""
        ...


class KeySigner:
    """Signs with a key in memory, which no text and no copy of the signer holds."""

    __slots__ = ("__key", "public_key")

    def __init__(self, key: Keypair) -> None:
        self.__key = key
        # Held, because it is asked for with every quote, and worked out anew by the library.
        self.public_key: Final = key.pubkey()

    def sign(self, message: bytes) -> Signature:
        """Return the signature of these very bytes."""
        return self.__key.sign_message(message)

    def __repr__(self) -> str:
        return f"KeySigner({self.public_key})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a signer is never copied: that would write its key down")
