"""devchain as a process: how it starts, how it ends, and that a kill costs nothing."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from devchain.chain.tokens import MEMO
from devchain.server.running import listener
from tests.support.devchain import SOL
from tests.support.processes import ROOT

_BY_HAND = ("--block-ms", "0")


class Process:
    """A devchain that answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        assert process.stderr
        while not (port := re.search(r"listening on (http://\S+)", self.said)):
            line = process.stderr.readline()
            assert line, f"ended: {self.said}"
            self.said += line
        self.url = port[1]

    def ask(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(self.url, json=body, timeout=60).json()["result"]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        assert self.process.stderr
        self.said += self.process.stderr.read()
        return code


@contextmanager
def started(folder: Path, *options: str) -> Iterator[Process]:
    argv = [sys.executable, "-m", "devchain", "--data-dir", str(folder), "--port", "0", *options]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


def refusal(*options: str) -> str:
    """Return the one line with which devchain refuses to start."""
    ended = subprocess.run(
        [sys.executable, "-m", "devchain", *options],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_kill_amid_a_block_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    wallet = str(Keypair().pubkey())
    with started(tmp_path, *_BY_HAND) as first:
        signatures = [first.ask("requestAirdrop", wallet, SOL)]
        first.ask("devchain_stepBlocks", 40)
        signatures.append(first.ask("requestAirdrop", wallet, 2 * SOL))
        seen = everything(first, wallet, signatures)
        first.end(signal.SIGKILL)
    with started(tmp_path, *_BY_HAND) as second:
        again = everything(second, wallet, signatures)

    assert again == seen
    assert seen[0]["value"] == 3 * SOL


def everything(process: Process, wallet: str, signatures: list[str]) -> list[Any]:
    now = {"commitment": "processed"}
    return [
        process.ask("getBalance", wallet, now),
        process.ask("getSignatureStatuses", signatures),
        process.ask("getLatestBlockhash", now),
        process.ask("getEpochInfo", now),
        process.ask("getGenesisHash"),
    ]


def test_blocks_come_by_themselves_and_ctrl_c_ends_it_without_a_word(tmp_path: Path) -> None:
    with started(tmp_path, "--block-ms", "1") as process:
        first = process.ask("getBlockHeight", {"commitment": "processed"})
        while process.ask("getBlockHeight", {"commitment": "processed"}) < first + 3:
            pass
        code = process.end(signal.SIGINT)

    assert code == 0
    assert all("devchain, a development chain: " in line for line in process.said.splitlines())
    assert "Traceback" not in process.said


@pytest.mark.parametrize("block_ms", ["0", "1"])
def test_a_journal_that_cannot_be_written_ends_it_with_one_line(
    tmp_path: Path, block_ms: str
) -> None:
    """The request that meets the full disk is not answered as if all was well."""
    with started(tmp_path, "--block-ms", block_ms) as process:
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        if block_ms == "0":
            with pytest.raises(json.JSONDecodeError):
                process.ask("requestAirdrop", str(Keypair().pubkey()), SOL)
        code = process.process.wait(60)
        assert process.process.stderr
        last = process.process.stderr.read().splitlines()[-1]

    assert code == 1
    assert "can't go on" in last
    assert "File too large" in last


def test_accounts_and_programs_of_files_are_there_at_genesis(tmp_path: Path) -> None:
    program, somebody = Pubkey.new_unique(), Pubkey.new_unique()
    binary = tmp_path / "memo.so"
    accounts = tmp_path / "accounts.json"
    account = {
        "lamports": 7 * SOL, "data": ["aGVsbG8=", "base64"], "owner": str(program),
        "executable": False, "rentEpoch": 0, "space": 5,
    }  # fmt: skip
    accounts.write_text(json.dumps([{"pubkey": str(somebody), "account": account}]))
    binary.write_bytes(memo_program())
    options = ("--program", f"{program}={binary}", "--genesis", str(accounts))
    with started(tmp_path / "data", *_BY_HAND, *options) as process:
        shown = process.ask("getMultipleAccounts", [str(somebody), str(program)])["value"]

    assert shown[0]["data"] == account["data"]
    assert shown[0]["lamports"] == 7 * SOL
    assert shown[1]["executable"]


def memo_program() -> bytes:
    """Return a program that every chain has, for want of another."""
    account = LiteSVM().get_account(MEMO)
    assert account
    return account.data


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path), "--port", "0")
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("nonsense")

    assert "is no address" in refusal(*data, "--program", "x=y")
    assert "is no program that can be loaded" in refusal(
        *data, "--program", f"{Keypair().pubkey()}={nonsense}"
    )
    assert "is no list of accounts" in refusal(*data, "--genesis", str(nonsense))
    assert "unknown field `x`" in refusal(*data, "--faults", '{"x": 1}')
    with listener(0) as taken:
        port = str(taken.getsockname()[1])
        assert "Address already in use" in refusal("--data-dir", str(tmp_path), "--port", port)
