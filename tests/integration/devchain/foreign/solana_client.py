"""solana-py against devchain: `python solana_client.py http://HOST:PORT ws://HOST:PORT`.

Prints what it saw, in JSON. It needs the package `solana`, and nothing of ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.core import RPCException
from solana.rpc.websocket_api import SolanaWsClient
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

_SOL = 10**9


async def main(http: str, ws: str) -> None:
    """Fund a wallet, pay from it, and look at what became of that."""
    payer, to = Keypair(), Pubkey.new_unique()
    async with AsyncClient(http, commitment=Confirmed) as client, SolanaWsClient(ws) as socket:
        gift = (await client.request_airdrop(payer.pubkey(), 10 * _SOL)).value
        await client.confirm_transaction(gift, Confirmed, sleep_seconds=0.01)
        latest = (await client.get_latest_blockhash(Confirmed)).value
        pay = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=_SOL)
        message = MessageV0.try_compile(payer.pubkey(), [transfer(pay)], [], latest.blockhash)
        transaction = VersionedTransaction(message, [payer])
        await socket.signature_subscribe(signature=transaction.signatures[0], commitment=Confirmed)
        sent = (await client.send_transaction(transaction)).value
        told: Any = await socket.recv()
        statuses: Any = await client.get_signature_statuses([sent], search_transaction_history=True)
        shown: Any = await client.get_transaction(
            sent, commitment=Confirmed, max_supported_transaction_version=0
        )
        try:
            await client.send_transaction(transaction)
            again = ""
        except RPCException as error:
            again = str(error)
        said = {
            "alive": await client.is_connected(),
            "told": str(told.result.value.err),
            "error": str(statuses.value[0].err),
            "balance": (await client.get_balance(to, Confirmed)).value,
            "fee": shown.value.transaction.meta.fee,
            "again": again,
        }
    sys.stdout.write(json.dumps(said))


asyncio.run(main(*sys.argv[1:]))
