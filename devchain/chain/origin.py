"""The first entry of a journal: the accounts and programs with which a chain begins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN
from solders.token.state import Mint

from devchain.chain.tokens import WRAPPED_SOL

FAUCET = Keypair.from_seed(hashlib.sha256(b"devchain faucet").digest())
FAUCET_KEY = FAUCET.pubkey()
FIRST_SLOT = 435_888_000  # LiteSVM's own: its programs were deployed there.

_FAUCET_LAMPORTS = 500_000_000 * 10**9
_MINT_LAMPORTS = 1_461_600


class Genesis(msgspec.Struct, frozen=True, array_like=True, tag="genesis"):
    """A chain's beginning. `salt` tells two chains apart that began alike.

    Without it a chain that was wiped and begun anew could be taken for the old one, and a
    transaction of the old one for one that never landed.
    """

    salt: bytes
    time: int
    accounts: list[tuple[bytes, bytes]]
    programs: list[tuple[bytes, bytes]]
    slot: int = FIRST_SLOT

    @property
    def hash(self) -> Hash:
        """Return what getGenesisHash answers."""
        return Hash(hashlib.sha256(msgspec.msgpack.encode(self)).digest())

    def is_like(self, other: Genesis) -> bool:
        """Return whether another chain begins with the same accounts and programs."""
        return (self.accounts, self.programs) == (other.accounts, other.programs)

    @classmethod
    def of(
        cls,
        accounts: Mapping[Pubkey, Account],
        programs: Mapping[Pubkey, bytes],
        *,
        salt: bytes,
        time: int,
    ) -> Genesis:
        """Return the genesis of a chain with these, with the wrapped SOL mint and the faucet."""
        wrapped = Account(_MINT_LAMPORTS, bytes(Mint(None, 0, 9, True, None)), TOKEN)
        faucet = Account(_FAUCET_LAMPORTS, b"", Pubkey.default())
        everything = {WRAPPED_SOL: wrapped, FAUCET_KEY: faucet, **accounts}
        return cls(
            salt,
            time,
            [(bytes(key), bytes(account)) for key, account in everything.items()],
            [(bytes(key), binary) for key, binary in programs.items()],
        )
