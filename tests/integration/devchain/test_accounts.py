"""Accounts, tokens and the faucet."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.rpc.responses import (
    GetAccountInfoResp,
    GetMultipleAccountsResp,
    GetTokenAccountBalanceResp,
    GetTokenAccountsByOwnerResp,
)
from solders.token import ID as TOKEN
from solders.token.associated import get_associated_token_address
from solders.token.state import Mint

from devchain.chain.origin import FAUCET_KEY
from devchain.chain.tokens import ASSOCIATED, WRAPPED_SOL
from tests.support.devchain import SOL, Desk, Refused, born, paying

_PROCESSED = {"encoding": "base64", "commitment": "processed"}
_MINT, _FOREIGN = Pubkey.new_unique(), Pubkey.new_unique()
_OWNER = Pubkey.new_unique()
_HELD = get_associated_token_address(_OWNER, _MINT)
_CLOSE_ACCOUNT, _SYNC_NATIVE = b"\x09", b"\x11"


@pytest.fixture
def market(tmp_path: Path) -> Desk:
    mints = {
        key: Account(1_461_600, bytes(Mint(authority, 0, 6, True, None)), TOKEN)
        for key, authority in ((_MINT, FAUCET_KEY), (_FOREIGN, Pubkey.new_unique()))
    }
    return Desk(tmp_path, genesis=born(mints))


def give(desk: Desk, atoms: int = 1_500_000) -> str:
    return str(desk.ask("devchain_airdropTokens", str(_OWNER), str(_MINT), atoms))


def test_an_airdrop_is_a_transaction_and_two_alike_are_two(desk: Desk) -> None:
    first, second = (desk.ask("requestAirdrop", str(_OWNER), SOL) for _ in range(2))

    assert first != second
    assert desk.status(second)["err"] is None
    assert desk.balance(_OWNER) == 2 * SOL


def test_an_airdrop_that_cannot_be_says_why(desk: Desk) -> None:
    with pytest.raises(Refused, match="insufficient funds for rent"):
        desk.ask("requestAirdrop", str(_OWNER), 1)


def test_the_faucet_mints_into_an_account_that_it_makes_if_there_is_none(market: Desk) -> None:
    with market as desk:
        give(desk)
        signature = give(desk)
        desk.step(32)

        said = desk.ask("getTokenAccountBalance", str(_HELD))["value"]
        meta = desk.ask("getTransaction", signature, {"maxSupportedTransactionVersion": 0})["meta"]

    assert said == {
        "amount": "3000000", "decimals": 6, "uiAmount": 3.0, "uiAmountString": "3",
    }  # fmt: skip
    before, after = meta["preTokenBalances"], meta["postTokenBalances"]
    assert [each["uiTokenAmount"]["amount"] for each in (*before, *after)] == ["1500000", "3000000"]
    assert after[0]["owner"] == str(_OWNER)
    assert after[0]["mint"] == str(_MINT)


@pytest.mark.parametrize(
    ("mint", "why"), [(_FOREIGN, "has no authority over"), (_OWNER, "is no mint of this chain")]
)
def test_the_faucet_refuses_mints_that_are_not_its_own(
    market: Desk, mint: Pubkey, why: str
) -> None:
    with market as desk, pytest.raises(Refused, match=why) as refused:
        desk.ask("devchain_airdropTokens", str(_OWNER), str(mint), 1)

    assert refused.value.code == -32602


def test_an_owners_token_accounts_are_found_by_mint_and_by_program(market: Desk) -> None:
    with market as desk:
        give(desk)

        by_mint = desk.ask("getTokenAccountsByOwner", str(_OWNER), {"mint": str(_MINT)}, _PROCESSED)
        none = desk.ask("getTokenAccountsByOwner", str(_OWNER), {"mint": str(_FOREIGN)}, _PROCESSED)
        parsed = desk.ask(
            "getTokenAccountsByOwner",
            str(_OWNER),
            {"programId": str(TOKEN)},
            {"encoding": "jsonParsed", "commitment": "processed"},
        )

    assert [each["pubkey"] for each in by_mint["value"]] == [str(_HELD)]
    assert none["value"] == []
    data = parsed["value"][0]["account"]["data"]
    assert data["program"] == "spl-token"
    assert data["parsed"]["info"]["tokenAmount"]["amount"] == "1500000"


def test_sol_is_wrapped_and_unwrapped_within_a_transaction(desk: Desk) -> None:
    wallet = desk.funded()
    had = desk.balance(wallet.pubkey())
    key = wallet.pubkey()
    wrapped = get_associated_token_address(key, WRAPPED_SOL)

    def meta(account: Pubkey, *, signs: bool = False) -> AccountMeta:
        return AccountMeta(account, is_signer=signs, is_writable=True)

    others = [meta(each) for each in (key, WRAPPED_SOL, Pubkey.default(), TOKEN)]
    wrap = [
        Instruction(ASSOCIATED, b"\1", [meta(key, signs=True), meta(wrapped), *others]),
        paying(wallet, wrapped, SOL),
        Instruction(TOKEN, _SYNC_NATIVE, [meta(wrapped)]),
    ]
    unwrap = Instruction(TOKEN, _CLOSE_ACCOUNT, [meta(wrapped), meta(key), meta(key, signs=True)])

    desk.send(desk.signed(wallet, *wrap))
    held = desk.ask("getTokenAccountBalance", str(wrapped), {"commitment": "processed"})
    desk.send(desk.signed(wallet, unwrap))

    assert held["value"]["uiAmountString"] == "1"
    assert desk.balance(key) == had - 2 * 5_000
    assert desk.ask("getAccountInfo", str(wrapped), _PROCESSED)["value"] is None


def test_accounts_are_read_together_in_parts_and_as_of_one_block(desk: Desk) -> None:
    said = desk.ask(
        "getMultipleAccounts",
        [str(WRAPPED_SOL), str(_OWNER), str(FAUCET_KEY)],
        {**_PROCESSED, "dataSlice": {"offset": 44, "length": 1}},
    )

    wrapped, nobody, faucet = said["value"]
    assert base64.b64decode(wrapped["data"][0]) == b"\x09"
    assert nobody is None
    assert faucet["lamports"] > SOL
    assert said["context"]["slot"] == desk.heights()[0]


@pytest.mark.parametrize(
    ("method", "params", "why"),
    [
        ("getBalance", ["no address"], "'no address' is no address"),
        ("getBalance", [], "address is None"),
        ("getBalance", [str(_OWNER), {"commitment": "soon"}], "commitment 'soon' is none of"),
        ("getMultipleAccounts", [[str(_OWNER)] * 101], "Too many inputs provided; max 100"),
        ("getMultipleAccounts", [str(_OWNER)], "not of type list"),
        ("getTokenAccountBalance", [str(_OWNER)], "could not find account"),
        ("getTokenAccountBalance", [str(FAUCET_KEY)], "not a Token account"),
        ("getTokenAccountsByOwner", [str(_OWNER), {}], "neither a mint nor a programId"),
        ("getAccountInfo", [str(_OWNER), {"encoding": "base58"}], "encoding 'base58' is none of"),
        ("getMinimumBalanceForRentExemption", [-1], "not a whole number from 0"),
        ("getSignatureStatuses", [["short"]], "'short' is no signature"),
        ("requestAirdrop", [str(_OWNER), True], "parameter 2 is True"),
    ],
)
def test_a_wrong_parameter_is_named(
    desk: Desk, method: str, params: list[object], why: str
) -> None:
    with pytest.raises(Refused, match=why) as refused:
        desk.ask(method, *params)

    assert refused.value.code == -32602


def test_solders_reads_accounts_and_tokens(market: Desk) -> None:
    with market as desk:
        give(desk)

        def said(method: str, *params: object) -> str:
            return desk.raw({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})

        one = GetAccountInfoResp.from_json(said("getAccountInfo", str(_HELD), _PROCESSED))
        many = GetMultipleAccountsResp.from_json(
            said("getMultipleAccounts", [str(_HELD), str(Keypair().pubkey())], _PROCESSED)
        )
        held = GetTokenAccountsByOwnerResp.from_json(
            said("getTokenAccountsByOwner", str(_OWNER), {"mint": str(_MINT)}, _PROCESSED)
        )
        tokens = GetTokenAccountBalanceResp.from_json(
            said("getTokenAccountBalance", str(_HELD), _PROCESSED)
        )

    assert isinstance(one, GetAccountInfoResp)
    assert isinstance(many, GetMultipleAccountsResp)
    assert isinstance(held, GetTokenAccountsByOwnerResp)
    assert isinstance(tokens, GetTokenAccountBalanceResp)
    assert many.value == [one.value, None]
    assert held.value[0].account == one.value
    assert tokens.value.amount == "1500000"


def test_numbers_of_an_answer_are_the_callers_own(desk: Desk) -> None:
    answers = [
        json.loads(desk.raw({"jsonrpc": "2.0", "id": number, "method": "getSlot"}))["id"]
        for number in ("a", 7, None)
    ]

    assert answers == ["a", 7, None]
