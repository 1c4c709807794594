"""Raydium's CPMM on a chain in memory: ours, and what the real one answered."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.token import ID as TOKEN_PROGRAM
from solders.token.state import Mint, TokenAccount, TokenAccountState
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from devchain.cpmm.addresses import (
    AUTHORITY,
    PROGRAM,
    PoolAddresses,
    config_address,
)
from devchain.cpmm.layouts import (
    Config,
    PoolState,
    config_bytes,
    observation_bytes,
    pool_bytes,
    read_pool,
)
from devchain.genesis import programs
from devchain.wire import associated
from tests.support.processes import ROOT

SYSTEM = Pubkey.default()
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
USER = Pubkey(bytes([5] * 32))
_PAYER = Pubkey(bytes([7] * 32))
_RENT = 10_000_000


@cache
def vectors() -> dict[str, Any]:
    """Return what the real program answered; the file's `meta` says how it was asked."""
    text = (ROOT / "tests" / "data" / "raydium_cpmm_vectors.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]  # An object, by its makers' word.


def creator_fees() -> list[dict[str, int]]:
    """Return what the program's source answers to swaps with a creator's fee, by column."""
    told = json.loads((ROOT / "tests" / "data" / "raydium_cpmm_creator_fees.json").read_text())
    return [dict(zip(told["meta"]["columns"], case, strict=True)) for case in told["cases"]]


def new_chain() -> LiteSVM:
    """Return a chain with all programs that checks no signature and takes the same bytes twice."""
    chain = LiteSVM().with_transaction_history(0).with_sigverify(False).with_blockhash_check(False)
    for key, binary in programs().items():
        chain.add_program_from_file(key, binary)
    chain.set_account(_PAYER, Account(10**15, b"", SYSTEM))
    return chain


def send(
    chain: LiteSVM, instruction: Instruction, payer: Pubkey = _PAYER, units: int | None = None
) -> TransactionMetadata | FailedTransactionMetadata:
    """Send one instruction, with so many units or the usual; all who should sign have signed."""
    asked = [instruction] if units is None else [set_compute_unit_limit(units), instruction]
    message = MessageV0.try_compile(payer, asked, [], chain.latest_blockhash())
    signatures = [Signature.default()] * message.header.num_required_signatures
    return chain.send_transaction(VersionedTransaction.populate(message, signatures))


def chain_of(accounts: Mapping[Pubkey, Account]) -> LiteSVM:
    """Return such a chain with these accounts."""
    chain = new_chain()
    for key, account in accounts.items():
        chain.set_account(key, account)
    return chain


def refusal(result: object) -> str | int | None:
    """Return the program's number, the runtime's word, or None for a swap that landed."""
    if not isinstance(result, FailedTransactionMetadata):
        return None
    error: Any = result.err()
    return getattr(error.err, "code", None) or str(error.err).rpartition(".")[2]


def recorded_refusal(case: Mapping[str, Any]) -> str | int | None:
    """Return the same of a case of the vectors."""
    error = case.get("error") or {}
    return error.get("code") or error.get("kind")


def set_time(chain: LiteSVM, unix_time: int, epoch: int = 500) -> None:
    """Set the chain's clock."""
    clock = chain.get_clock()
    clock.unix_timestamp, clock.epoch = unix_time, epoch
    chain.set_clock(clock)


def load(chain: LiteSVM, recorded: Mapping[str, Any]) -> None:
    """Put recorded accounts where they were; those that were not there are emptied."""
    for key, account in recorded.items():
        if account and account["executable"]:
            continue
        found = account or {"lamports": 0, "data": "", "owner": str(SYSTEM)}
        data, owner = base64.b64decode(found["data"]), Pubkey.from_string(found["owner"])
        chain.set_account(Pubkey.from_string(key), Account(found["lamports"], data, owner))


def data_of(chain: LiteSVM, key: Pubkey) -> bytes:
    """Return the data of an account that is there."""
    account = chain.get_account(key)
    assert account is not None
    return bytes(account.data)


def tokens(chain: LiteSVM, key: Pubkey) -> int:
    """Return the atoms in a token account."""
    return int(struct.unpack_from("<Q", data_of(chain, key), 64)[0])


def pool_of(chain: LiteSVM, at: PoolAddresses) -> tuple[PoolState, tuple[int, int]]:
    """Return a pool and its reserves."""
    pool = read_pool(data_of(chain, at.pool))
    one, other = (tokens(chain, vault) - pool.owed(i) for i, vault in enumerate(at.vaults))
    return pool, (one, other)


def put_tokens(chain: LiteSVM, key: Pubkey, mint: Pubkey, owner: Pubkey, atoms: int) -> None:
    """Make a token account."""
    state = TokenAccount(mint, owner, atoms, None, TokenAccountState.Initialized, None, 0, None)
    chain.set_account(key, Account(_RENT, bytes(state), TOKEN_PROGRAM))


def put_pool(
    chain: LiteSVM,
    at: PoolAddresses,
    config: Config,
    pool: PoolState,
    balances: Iterable[tuple[int, int]],
) -> None:
    """Make a pool, its config and mints; balances are the vault's and USER's, of token 0 and 1."""
    bump = config_address(config.index)[1]
    ours = {
        at.config: config_bytes(config, bump=bump, owner=USER),
        at.pool: pool_bytes(pool, at, USER),
        at.observation: observation_bytes(at.pool),
    }
    for key, data in ours.items():
        chain.set_account(key, Account(_RENT, data, PROGRAM))
    for mint, vault, (in_vault, held), decimals in zip(
        at.mints, at.vaults, balances, pool.decimals, strict=True
    ):
        state = bytes(Mint(None, min(in_vault + held, 2**64 - 1), decimals, True, None))
        chain.set_account(mint, Account(_RENT, state, TOKEN_PROGRAM))
        put_tokens(chain, vault, mint, AUTHORITY, in_vault)
        put_tokens(chain, associated(USER, mint), mint, USER, held)
