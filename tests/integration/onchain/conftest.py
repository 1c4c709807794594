"""One development chain for all modules of a worker; each test has a wallet and a log to itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from shared.settings import VenueSettings
from tests.support.onchain import Devchain, a_wallet, on


def a_chain(folders: pytest.TempPathFactory) -> Iterator[Devchain]:
    """Yield a chain with a market as it begins."""
    chain = Devchain(folders.mktemp("devchain"))
    chain.start()
    yield chain
    chain.close()


@pytest.fixture(scope="session")
def the_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devchain]:
    yield from a_chain(tmp_path_factory)


@pytest.fixture
def chain(the_chain: Devchain) -> Iterator[Devchain]:
    """Return the chain; a test leaves none of its faults behind."""
    yield the_chain
    the_chain.faults()


@dataclass(frozen=True)
class Desk:
    """A wallet with SOL and USDC, and the settings by which the services trade with it."""

    chain: Devchain
    wallet: Pubkey
    wallets: Path
    settings: VenueSettings


@pytest.fixture
def desk(chain: Devchain, settings: VenueSettings, tmp_path: Path) -> Desk:
    wallets, wallet = a_wallet(tmp_path)
    chain.give(wallet, tokens={"USDC": 100_000 * 10**6})
    chain.step()
    return Desk(chain, wallet, wallets, on(chain, settings, wallets))
