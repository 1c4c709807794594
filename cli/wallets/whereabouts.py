"""Which file of wallets and which chain a command means.

First what an option or its environment variable says, then the stack that runs on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cli import addresses, options, running
from cli.layout import Layout


class Whereabouts:
    """Looks for a stack once, and only where nothing else says what is meant."""

    def __init__(self, wallets_file: Path | None, data_dir: Path | None) -> None:
        """Without a `data_dir` any directory will do, as long as only one stack runs."""
        self._given = wallets_file
        self._data_dir = data_dir

    @cached_property
    def file(self) -> Path:
        """Return the file of wallets, whether it is there or not."""
        if self._given:
            return self._given
        if self._stack and self._stack.wallets_file:
            return Path(self._stack.wallets_file)
        return Layout(self._data_dir or options.DATA_DIR).wallets

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the environment that names the chain. No server's address in it is one."""
        env = {**os.environ, "REDIS_URL": "unused", "DATABASE_URL": "unused"}
        if self._stack:
            env |= {"CHAIN": self._stack.chain, "RPC_URLS": self._stack.rpc_urls}
        return env

    @property
    def is_in_use(self) -> bool:
        """Return whether the services of a stack have read the file as it was."""
        return any(
            stack.wallets_file == str(self.file.resolve()) for stack in running.known().values()
        )

    @cached_property
    def _stack(self) -> running.RunningStack | None:
        stack = running.find(self._data_dir or options.DATA_DIR)
        named = {name: os.environ.get(name) for name in ("CHAIN", "RPC_URLS")}
        if stack:
            theirs = {"CHAIN": stack.chain, "RPC_URLS": stack.rpc_urls}
            return stack if all(named[name] in (None, "", theirs[name]) for name in named) else None
        return addresses.elsewhere() if not (self._data_dir or any(named.values())) else None
