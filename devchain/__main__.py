"""Start a development chain: `python -m devchain --data-dir DIR`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey
from solders.rpc.responses import RpcKeyedAccount

from devchain import genesis
from devchain.chain.chain import Chain, Habits
from devchain.chain.journal import JournalError
from devchain.chain.ledger import Retention
from devchain.chain.origin import Genesis
from devchain.faults import Faults, Striking
from devchain.market.maker import Maker
from devchain.market.scenario import read_scenario
from devchain.rpc.node import Node
from devchain.server.running import LOOPBACK, listener, make_blocks, serving, until
from devchain.server.trading import trade

logger = logging.getLogger("devchain")

_LOG = "%(asctime)s %(levelname)s devchain, a development chain: %(message)s"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devchain",
        description="A Solana chain for development, in one process.",
    )
    add = parser.add_argument
    add("--host", default=LOOPBACK, help="address to listen on; whoever reaches it may do all")
    add("--data-dir", type=Path, required=True, help="where the journal is, or will be")
    add(
        "--port",
        type=int,
        action="append",
        help="of JSON-RPC and WebSocket, 8899 by default; given twice, two nodes of one chain",
    )
    add("--block-ms", type=int, default=400, help="between two blocks; 0: only as told by hand")
    add("--skip-one-in", type=int, default=20, help="slots that is skipped; 0: none")
    add("--retention", type=int, default=Retention().blocks, help="blocks whose history is kept")
    add("--seed", type=int, default=0, help="of the faults' chance and of the market")
    add("--market", default="frozen", help="how prices move: a scenario's name or file")
    add("--faults", default="{}", help="of every node, as devchain_setFaults takes them")
    add("--program", action="append", default=[], metavar="ID=FILE", help="a program at genesis")
    add(
        "--genesis",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="accounts at genesis: a list of what `solana account --output json` writes",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGINT or SIGTERM."""
    options = _options(arguments)
    logging.basicConfig(format=_LOG, level=logging.INFO)
    habits = Habits(skip_one_in=options.skip_one_in, retention=Retention(blocks=options.retention))
    ports = options.port or [8899]
    try:
        with ExitStack() as stack:
            faults = msgspec.json.decode(options.faults, type=Faults)
            listeners = [stack.enter_context(listener(port, options.host)) for port in ports]
            chain = Chain.open(options.data_dir, _genesis(options), habits)
            stack.callback(chain.close)
            nodes = {
                each: Node(chain, Striking(faults, options.seed + number))
                for number, each in enumerate(listeners)
            }
            maker = Maker(read_scenario(options.market), options.seed)
            asyncio.run(_run(chain, nodes, options.block_ms, maker))
    except LookupError as error:
        sys.exit(f"devchain, a development chain, can't trade ({error}): --market frozen")
    except (JournalError, ValueError, OSError) as error:
        sys.exit(f"devchain, a development chain, can't go on: {error}")


async def _run(
    chain: Chain, nodes: Mapping[socket.socket, Node], block_ms: int, maker: Maker
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(nodes) as fate:
        for each in nodes:
            logger.info("listening on http://%s:%d", *each.getsockname())
        fates = [fate]
        if block_ms:
            node = next(iter(nodes.values()))
            fates.append(
                asyncio.create_task(
                    make_blocks(chain, node, block_ms, partial(trade, chain, maker))
                )
            )
        try:
            await until(stop, *fates)
        finally:
            for each_fate in fates[1:]:
                each_fate.cancel()


def _genesis(options: argparse.Namespace) -> Genesis:
    accounts = dict(genesis.accounts())
    for path in options.genesis:
        accounts |= _accounts(path)
    programs = {key: path.read_bytes() for key, path in genesis.programs().items()}
    for given in options.program:
        text, _, path = given.partition("=")
        key = _key(text, given)
        programs[key] = Path(path).read_bytes()
    return Genesis.of(accounts, programs, salt=secrets.token_bytes(16), time=int(time.time()))


def _accounts(path: Path) -> dict[Pubkey, Account]:
    try:
        said = json.loads(path.read_bytes())
        listed = [RpcKeyedAccount.from_json(json.dumps(each)) for each in said]
    except Exception as error:
        raise ValueError(
            f'{path} is no list of accounts like {{"pubkey": …, "account": {{…}}}}: {error}'
        ) from error
    return {each.pubkey: each.account for each in listed}


def _key(text: str, given: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise ValueError(f"--program {given}: {text!r} is no address") from error


if __name__ == "__main__":
    main()
