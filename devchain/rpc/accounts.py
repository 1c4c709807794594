"""Methods about accounts and tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solders.account import Account, AccountJSON
from solders.account_decoder import ParsedAccount, UiTokenAmount
from solders.pubkey import Pubkey
from solders.rpc.responses import (
    GetAccountInfoMaybeJsonParsedResp,
    GetBalanceResp,
    GetMinimumBalanceForRentExemptionResp,
    GetMultipleAccountsMaybeJsonParsedResp,
    GetTokenAccountBalanceResp,
    GetTokenAccountsByOwnerJsonParsedResp,
    GetTokenAccountsByOwnerResp,
    RpcKeyedAccount,
    RpcKeyedAccountJsonParsed,
)
from solders.token import ID as TOKEN

from devchain.chain.tokens import TOKEN_2022, WRAPPED_SOL, holding, mint_state
from devchain.chain.view import View
from devchain.rpc.errors import invalid
from devchain.rpc.node import Answer, Node, context
from devchain.rpc.params import Config, Params, pubkey, whole
from devchain.rpc.replies import amount

_MOST_ACCOUNTS = 100
_LARGEST = 10 * 1024 * 1024
_PARSERS = {TOKEN: "spl-token", TOKEN_2022: "spl-token-2022"}

Shown = Account | AccountJSON | None


def get_balance(_node: Node, view: View, params: Params) -> Answer:
    """Return an account's lamports."""
    config = params.config(1)
    account = view.account(params.pubkey(0), config.commitment())
    return GetBalanceResp(account.lamports if account else 0, context(view, config))


def get_account_info(_node: Node, view: View, params: Params) -> Answer:
    """Return an account."""
    config = params.config(1)
    shown = _shower(view, config)(params.pubkey(0))
    return GetAccountInfoMaybeJsonParsedResp(shown, context(view, config))


def get_multiple_accounts(_node: Node, view: View, params: Params) -> Answer:
    """Return accounts as of one block."""
    config = params.config(1)
    show = _shower(view, config)
    shown = [show(pubkey(each)) for each in params.list(0, most=_MOST_ACCOUNTS)]
    return GetMultipleAccountsMaybeJsonParsedResp(shown, context(view, config))


def get_minimum_balance_for_rent_exemption(_node: Node, view: View, params: Params) -> Answer:
    """Return the lamports that an account of a size must have."""
    size = params.integer(0, most=_LARGEST)
    return GetMinimumBalanceForRentExemptionResp(view.ledger.runtime.rent(size))


def get_token_account_balance(_node: Node, view: View, params: Params) -> Answer:
    """Return the tokens of a token account."""
    config = params.config(1)
    account = view.account(params.pubkey(0), config.commitment())
    if account is None:
        raise invalid("could not find account")
    held = holding(account)
    if held is None:
        raise invalid("not a Token account")
    decimals = _decimals(view, held.mint, config.commitment())
    return GetTokenAccountBalanceResp(amount(held.atoms, decimals), context(view, config))


def get_token_accounts_by_owner(_node: Node, view: View, params: Params) -> Answer:
    """Return an owner's token accounts of one mint, or of one token program."""
    owner = params.pubkey(0)
    wanted, config = params.config(1).values, params.config(2)
    if wanted.keys() not in ({"mint"}, {"programId"}):
        raise invalid("parameter 2 is neither a mint nor a programId")
    field, key = next((name, pubkey(value)) for name, value in wanted.items())
    commitment, show = config.commitment(), _shower(view, config)
    found = []
    for address in view.ledger.runtime.held_by(owner):
        account = view.account(address, commitment)
        held = holding(account)
        if account is None or held is None or held.owner != owner:
            continue
        if key == (held.mint if field == "mint" else account.owner):
            found.append((address, show(address)))
    answered = context(view, config)
    if config.values.get("encoding") == "jsonParsed":
        parsed = [RpcKeyedAccountJsonParsed(key, s) for key, s in found if type(s) is AccountJSON]
        return GetTokenAccountsByOwnerJsonParsedResp(parsed, answered)
    plain = [RpcKeyedAccount(key, shown) for key, shown in found if type(shown) is Account]
    return GetTokenAccountsByOwnerResp(plain, answered)


def _shower(view: View, config: Config) -> Callable[[Pubkey], Shown]:
    """Return how accounts are shown. Always in base64, but for tokens where that is asked for."""
    encoding = config.choice("encoding", "base64", "jsonParsed")
    commitment = config.commitment()
    part = config.values.get("dataSlice")

    def show(key: Pubkey) -> Shown:
        account = view.account(key, commitment)
        if account is None:
            return None
        if encoding == "jsonParsed":
            return _parsed(view, account, commitment) or account
        return sliced(account, part) if part else account

    return show


def sliced(account: Account, part: Any) -> Account:
    """Return an account with a part of its data."""
    if not isinstance(part, dict):
        raise invalid("dataSlice is no object")
    start = whole(part.get("offset"), "dataSlice.offset")
    data = account.data[start : start + whole(part.get("length"), "dataSlice.length")]
    return Account(account.lamports, data, account.owner, account.executable, account.rent_epoch)


def _parsed(view: View, account: Account, commitment: str) -> AccountJSON | None:
    said: dict[str, Any]
    if held := holding(account):
        decimals = _decimals(view, held.mint, commitment)
        said = {
            "type": "account",
            "info": {
                "mint": str(held.mint),
                "owner": str(held.owner),
                "state": "initialized",
                "isNative": held.mint == WRAPPED_SOL,
                "tokenAmount": _fields(amount(held.atoms, decimals)),
            },
        }
    elif mint := mint_state(account):
        said = {
            "type": "mint",
            "info": {
                "mintAuthority": str(mint.authority) if mint.authority else None,
                "supply": str(mint.supply),
                "decimals": mint.decimals,
                "isInitialized": True,
            },
        }
    else:
        return None
    data = ParsedAccount(_PARSERS[account.owner], said, len(account.data))
    return AccountJSON(
        account.lamports, data, account.owner, account.executable, account.rent_epoch
    )


def _fields(tokens: UiTokenAmount) -> dict[str, Any]:
    return {
        "amount": tokens.amount,
        "decimals": tokens.decimals,
        "uiAmount": tokens.ui_amount,
        "uiAmountString": tokens.ui_amount_string,
    }


def _decimals(view: View, mint: Pubkey, commitment: str) -> int:
    state = mint_state(view.account(mint, commitment))
    return state.decimals if state else 0
