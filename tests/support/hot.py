"""Accounts of a development chain that many want to write: priority fees are paid for them."""

from __future__ import annotations

from base64 import b64encode

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from tests.support.onchain import Devchain

_UNITS = 1_000
_REMEMBERED = 150  # Blocks whose fees a node tells.


def make_hot(chain: Devchain, account: Pubkey, price: int) -> None:
    """Have somebody pay so many micro-lamports a compute unit to write an account."""
    payer = Keypair()
    chain.give(payer.pubkey())
    chain.step()
    latest = chain.ask("getLatestBlockhash")["value"]["blockhash"]
    gift = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=account, lamports=1)
    instructions = [
        set_compute_unit_limit(_UNITS),
        set_compute_unit_price(price),
        transfer(gift),
    ]
    message = MessageV0.try_compile(payer.pubkey(), instructions, [], Hash.from_string(latest))
    payload = bytes(VersionedTransaction(message, [payer]))
    chain.ask("sendTransaction", b64encode(payload).decode(), {"encoding": "base64"})
    chain.step()


def cool(chain: Devchain) -> None:
    """Let what anybody has paid be forgotten."""
    chain.step(_REMEMBERED)
