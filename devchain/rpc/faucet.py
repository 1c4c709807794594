"""Methods that give: SOL, and tokens of the mints that are the faucet's. Plain transactions."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.responses import RequestAirdropResp
from solders.system_program import ID as SYSTEM
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction

from devchain.chain.blocks import Landed
from devchain.chain.origin import FAUCET, FAUCET_KEY
from devchain.chain.tokens import ASSOCIATED, MEMO, mint_state
from devchain.chain.view import View
from devchain.rpc.errors import explained, invalid
from devchain.rpc.node import Answer, Node
from devchain.rpc.params import Params

_CREATE_IDEMPOTENT = b"\1"  # Of the associated token program.
_MINT_TO = 7  # Of both token programs.


def request_airdrop(node: Node, _view: View, params: Params) -> Answer:
    """Give lamports to an address."""
    gift = TransferParams(
        from_pubkey=FAUCET_KEY, to_pubkey=params.pubkey(0), lamports=params.integer(1)
    )
    return _land(node, [transfer(gift)])


def airdrop_tokens(node: Node, _view: View, params: Params) -> Answer:
    """Give atoms of a mint to an owner, whose associated token account is made if it is missing."""
    owner, mint, atoms = params.pubkey(0), params.pubkey(1), params.integer(2)
    account = node.chain.ledger.runtime.account(mint)
    state = mint_state(account)
    if account is None or state is None:
        raise invalid(f"{mint} is no mint of this chain")
    if state.authority != FAUCET_KEY:
        raise invalid(f"the faucet {FAUCET_KEY} has no authority over the mint {mint}")
    program = account.owner
    to = get_associated_token_address(owner, mint, program)
    create = Instruction(
        ASSOCIATED,
        _CREATE_IDEMPOTENT,
        [
            AccountMeta(FAUCET_KEY, is_signer=True, is_writable=True),
            _written(to),
            *(_read(key) for key in (owner, mint, SYSTEM, program)),
        ],
    )
    make = Instruction(
        program,
        struct.pack("<BQ", _MINT_TO, atoms),
        [
            _written(mint),
            _written(to),
            AccountMeta(FAUCET_KEY, is_signer=True, is_writable=False),
        ],
    )
    return _land(node, [create, make])


def _land(node: Node, instructions: Sequence[Instruction]) -> Answer:
    ledger = node.chain.ledger
    blockhash, _ = View.of(ledger).sealed("processed")
    # A number makes two gifts of the same differ: a chain takes the same bytes once.
    note = Instruction(MEMO, b"devchain faucet %d" % ledger.transactions, [])
    message = MessageV0.try_compile(FAUCET_KEY, [*instructions, note], [], blockhash)
    landed = node.chain.land(VersionedTransaction(message, [FAUCET]))
    if not isinstance(landed, Landed):
        raise invalid(f"the faucet's transaction can't land: {explained(landed)}")
    if landed.execution.error is not None:
        raise invalid(f"the faucet's transaction failed: {explained(landed.execution.error)}")
    return RequestAirdropResp(landed.signature)


def _written(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)
