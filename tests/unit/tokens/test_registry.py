"""Which tokens there are, what is meant by a name that is none, and what a file of them may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.tokens.registry import BadTokens, load_tokens, parse_tokens
from tests.support.tokens import a_mint, file_of, some_tokens

OURS = load_tokens("")


def refusal(text: str) -> list[str]:
    with pytest.raises(BadTokens) as refused:
        parse_tokens(text)
    return str(refused.value).splitlines()


def test_every_token_that_ships_has_a_simulated_price() -> None:
    assert [token.symbol for token in OURS.all if token.simulated_usd is None] == []


def test_a_token_is_found_by_its_symbol_and_by_its_mint() -> None:
    by_symbol, by_mint = OURS.by_name["USDC"], OURS.by_name[OURS.by_name["USDC"].mint]

    assert by_symbol is by_mint
    assert by_symbol.decimals == 6


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("sol", ["SOL", "mSOL"]),
        ("MSOL", ["mSOL", "SOL"]),
        ("USD", ["USDC", "USDT"]),
        ("UDSC", ["USDC"]),
        ("BONC", ["BONK"]),
        ("WETH", ["ETH"]),
        ("BTC", ["WBTC"]),
        ("FOO", []),
        ("x" * 64, []),
    ],
)
def test_the_names_closest_to_a_wrong_one_are_known(name: str, closest: list[str]) -> None:
    assert OURS.closest(name) == closest


def test_no_more_than_a_few_names_are_called_close() -> None:
    tokens = some_tokens(**dict.fromkeys(["AA", "AB", "AC", "AD", "AE"], 6))

    assert tokens.closest("A") == ["AA", "AB", "AC"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("decimals = 19", "T.decimals: Input should be less than or equal to 18"),
        ("decimals = -1", "T.decimals: Input should be greater than or equal to 0"),
        ('decimals = "6"', "T.decimals: Input should be a valid integer"),
        ("decimals = 6.0", "T.decimals: Input should be a valid integer"),
        ('mint = "1"', "T.mint: must be an address of Solana: 32 bytes in base58"),
        (f'mint = "{"1" * 31}0"', "T.mint: must be an address of Solana: 32 bytes in base58"),
        (f'mint = "{"z" * 9_999}"', "T.mint: must be an address of Solana: 32 bytes in base58"),
        ('name = ""', "T.name: String should have at least 1 character"),
        ("simulated_usd = 0", "T.simulated_usd: Input should be greater than or equal to 1E-9"),
        ("simulated_usd = nan", "T.simulated_usd: Input should be a finite number"),
        ('symbol = "SOL"', "T.symbol: is not known here"),
    ],
)
def test_what_is_wrong_with_a_token_is_named(line: str, fault: str) -> None:
    key, _, _ = line.partition(" = ")
    kept = [old for old in file_of(T=6).splitlines() if not old.startswith(f"{key} =")]

    assert refusal("\n".join([*kept, line])) == [fault]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "names no token"),
        ("SOL = 9", "SOL: must be a table: [SYMBOL], and its fields below"),
        ("[SOL]\n[SOL]", "is not TOML: Cannot declare ('SOL',) twice (at line 2, column 5)"),
        (file_of(**{"S L": 9}), "S L: must be 1 to 64 of A-Z, a-z, 0-9 and . _ : $ -"),
        (file_of(A=1) + file_of(B=1), "B.mint: is A's too"),
        (file_of(A=1, **{a_mint(0): 1}), f"A.mint: is {a_mint(0)}'s too"),
    ],
)
def test_a_list_that_is_none_or_names_something_twice_is_refused(text: str, fault: str) -> None:
    assert refusal(text) == [fault]


def test_every_fault_has_a_line() -> None:
    text = file_of(A=19, B=6).replace(a_mint(1), "1")

    assert [fault.partition(":")[0] for fault in refusal(text)] == ["A.decimals", "B.mint"]


def test_a_price_is_read_as_it_is_written() -> None:
    tokens = parse_tokens(file_of(T=6).replace("simulated_usd = 1", "simulated_usd = 0.1"))

    assert str(tokens.by_name["T"].simulated_usd) == "0.1"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# \xe9")

    with pytest.raises(BadTokens, match=r"^/nowhere cannot be read: No such file or directory$"):
        load_tokens("/nowhere")
    with pytest.raises(BadTokens, match=r"latin\.toml is not UTF-8$"):
        load_tokens(str(latin))
