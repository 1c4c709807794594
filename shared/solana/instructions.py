"""The few instructions of Solana's own programs that a swap is made of.

Layouts: SPL's token (instruction.rs), associated-token-account and memo programs.
"""

from __future__ import annotations

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed

from shared.solana.addresses import ASSOCIATED_TOKEN, MEMO, SYSTEM, TOKEN, Mint, token_account

_CLOSE = b"\x09"
_INITIALIZE = b"\x12"  # InitializeAccount3: the owner is in the data, and no sysvar is needed.
_CREATE_IDEMPOTENT = b"\x01"
_TOKEN_ACCOUNT_BYTES = 165


def signs(key: Pubkey, *, writable: bool = False) -> AccountMeta:
    """Return an account that signs."""
    return AccountMeta(key, is_signer=True, is_writable=writable)


def reads(key: Pubkey) -> AccountMeta:
    """Return an account that stays as it is."""
    return AccountMeta(key, is_signer=False, is_writable=False)


def writes(key: Pubkey) -> AccountMeta:
    """Return an account that may change."""
    return AccountMeta(key, is_signer=False, is_writable=True)


def memo(text: str) -> Instruction:
    """Return an instruction that leaves a text on the chain."""
    return Instruction(MEMO, text.encode(), [])


def create_token_account(payer: Pubkey, owner: Pubkey, mint: Mint) -> Instruction:
    """Return an instruction that makes the owner's associated account, unless there is one.

    It fails where that account belongs to another owner.
    """
    account = token_account(owner, mint)
    accounts = [signs(payer, writable=True), writes(account), reads(owner), reads(mint.address)]
    accounts += [reads(SYSTEM), reads(mint.program)]
    return Instruction(ASSOCIATED_TOKEN, _CREATE_IDEMPOTENT, accounts)


def create_seeded(owner: Pubkey, account: Pubkey, seed: str, lamports: int) -> Instruction:
    """Return an instruction that makes room for a token account at a seed of its owner."""
    return create_account_with_seed(
        CreateAccountWithSeedParams(
            from_pubkey=owner,
            to_pubkey=account,
            base=owner,
            seed=seed,
            lamports=lamports,
            space=_TOKEN_ACCOUNT_BYTES,
            owner=TOKEN,
        )
    )


def initialize(account: Pubkey, mint: Pubkey, owner: Pubkey) -> Instruction:
    """Return an instruction that makes a token account of such room.

    Lamports above the rent become its balance if the mint is wrapped SOL.
    """
    return Instruction(TOKEN, _INITIALIZE + bytes(owner), [writes(account), reads(mint)])


def close(account: Pubkey, owner: Pubkey) -> Instruction:
    """Return an instruction that closes a token account; its lamports go to the owner."""
    accounts = [writes(account), writes(owner), signs(owner)]
    return Instruction(TOKEN, _CLOSE, accounts)
