"""Chains are told apart by their genesis hash, and a refusal names all that would mend it."""

from __future__ import annotations

import pytest

from shared.solana.genesis import KNOWN, why_foreign

DEVNET, MAINNET = KNOWN["devnet"], KNOWN["mainnet"]
ONE, OTHER = "1" * 32, "1" * 31 + "2"


@pytest.mark.parametrize(
    ("chain", "pinned", "genesis"),
    [
        ("devchain", "", ONE),
        ("devchain", ONE, ONE),
        ("devnet", "", DEVNET),
        ("devnet", ONE, ONE),
        ("mainnet", "", MAINNET),
    ],
)
def test_a_chain_of_the_expected_hash_is_ours(chain: str, pinned: str, genesis: str) -> None:
    assert why_foreign(chain, pinned, genesis) == ""


@pytest.mark.parametrize(
    ("chain", "pinned", "genesis", "named"),
    [
        ("devchain", ONE, OTHER, f"GENESIS_HASH has {ONE}"),
        ("devnet", "", ONE, f"CHAIN=devnet has {DEVNET}"),
        ("mainnet", "", DEVNET, f"that of devnet, and CHAIN=mainnet has {MAINNET}"),
        ("mainnet", ONE, MAINNET, f"GENESIS_HASH has {ONE}"),
        ("devchain", "", MAINNET, "that of mainnet, and CHAIN=devchain"),
        ("devchain", MAINNET, MAINNET, "that of mainnet, and CHAIN=devchain"),
    ],
)
def test_a_chain_of_another_hash_is_refused_with_both_hashes_and_the_setting(
    chain: str, pinned: str, genesis: str, named: str
) -> None:
    why = why_foreign(chain, pinned, genesis)

    assert f"its genesis hash is {genesis}" in why
    assert named in why
