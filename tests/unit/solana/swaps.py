"""Swaps to judge: a wallet, mints, a decoder of Raydium's instruction, and a chain in process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.token.state import Mint as MintState
from solders.token.state import TokenAccount, TokenAccountState
from solders.transaction import VersionedTransaction

from shared.solana.addresses import SOL, TOKEN, Mint, token_account
from shared.solana.building.swap import Envelope, swap_message
from shared.solana.firewall.allowed import Allowed, CoSigner, SwapCall, SwapDecoder
from shared.solana.firewall.balances import watched
from shared.solana.firewall.message import expand
from shared.solana.terms import Terms
from shared.solana.wallets.signer import KeySigner


def keypair(name: str) -> Keypair:
    return Keypair.from_seed(name.encode().ljust(32, b"."))


def key(name: str) -> Pubkey:
    return keypair(name).pubkey()


WALLET, VENUE, THIEF = KeySigner(keypair("wallet")), KeySigner(keypair("venue")), key("thief")
USDC, BONK = Mint(key("usdc")), Mint(key("bonk"))
RENT = 2_039_280
BLOCKHASH = Hash(bytes(range(32)))
RAYDIUM = Pubkey.from_string("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
_SWAP_BASE_INPUT = bytes.fromhex("8fbe5adac41e33de")


def terms(mint_in: Mint = SOL, mint_out: Mint = USDC, **changes: Any) -> Terms:
    fields: dict[str, Any] = {
        "wallet": WALLET.public_key,
        "mint_in": mint_in,
        "mint_out": mint_out,
        "amount_in": 1_500_000_000,
        "min_out": 225_000_000,
        "order_id": "0199-an-order",
        "attempt": 1,
        "token_account_rent": RENT,
    }
    return Terms(**fields | changes)


def envelope(*existing: Pubkey, blockhash: Hash = BLOCKHASH) -> Envelope:
    return Envelope(blockhash=blockhash, cu_limit=120_000, cu_price=10_000, existing=existing)


def raydium_swap(  # noqa: PLR0913 - each may be forged
    order: Terms,
    *,
    pays: Pubkey | None = None,
    receives: Pubkey | None = None,
    authority: Pubkey | None = None,
    amount_in: int | None = None,
    min_out: int | None = None,
) -> Instruction:
    """Return a swap_base_input: pool, vaults and the like are made up."""
    mints, reads, writes = (order.mint_in, order.mint_out), [False, False], [False, True]
    accounts = [
        (authority or order.wallet, [True, False]),
        (key("authority"), reads),
        (key("config"), reads),
        (key("pool"), writes),
        (pays or order.pays, writes),
        (receives or order.receives, writes),
        (key("vault of the mint in"), writes),
        (key("vault of the mint out"), writes),
        *((mint.program, reads) for mint in mints),
        *((mint.address, reads) for mint in mints),
        (key("observation"), writes),
    ]
    data = _SWAP_BASE_INPUT
    for amount in (amount_in or order.amount_in, min_out or order.min_out):
        data += amount.to_bytes(8, "little")
    return Instruction(RAYDIUM, data, [AccountMeta(one, *flags) for one, flags in accounts])


class RaydiumDecoder:
    programs = frozenset({RAYDIUM})

    def decode(self, instruction: Instruction) -> SwapCall:
        data, accounts = instruction.data, [meta.pubkey for meta in instruction.accounts]
        if data[:8] != _SWAP_BASE_INPUT or len(data) != 24 or len(accounts) != 13:
            raise ValueError("it is no swap_base_input of 13 accounts")
        return SwapCall(
            authority=accounts[0],
            pays=accounts[4],
            receives=accounts[5],
            amount_in=int.from_bytes(data[8:16], "little"),
            min_out=int.from_bytes(data[16:], "little"),
            writable=[accounts[at] for at in (3, 4, 5, 6, 7, 12)],
        )


def allowed(order: Terms, venue: SwapDecoder | CoSigner, blockhash: Hash = BLOCKHASH) -> Allowed:
    return Allowed(
        terms=order, blockhash=blockhash, max_cu_limit=400_000, max_cu_price=50_000, venue=venue
    )


def compiled(
    instructions: Sequence[Instruction],
    payer: Pubkey = WALLET.public_key,
    blockhash: Hash = BLOCKHASH,
) -> bytes:
    return to_bytes_versioned(MessageV0.try_compile(payer, instructions, [], blockhash))


def raydium_message(order: Terms) -> bytes:
    return swap_message(order, [raydium_swap(order)], envelope())


def parts(message: bytes) -> list[Instruction]:
    return list(expand(message, {}).instructions)


class Chain:
    """LiteSVM with two mints, wrapped SOL, and token accounts of wallet and venue."""

    def __init__(self, *held: tuple[Pubkey, Mint, int]) -> None:
        self.svm = LiteSVM()
        for owner in (WALLET.public_key, VENUE.public_key):
            self.svm.airdrop(owner, 10_000_000_000)
        for mint in (SOL, USDC, BONK):
            self._set(mint.address, 1_461_600, bytes(MintState(None, 10**15, 9, True, None)))
        for owner, mint, atoms in held:
            native = RENT if mint.is_sol else None
            state = TokenAccount(
                mint.address, owner, atoms, None, TokenAccountState.Initialized, native, 0, None
            )
            lamports = RENT + (atoms if mint.is_sol else 0)
            self._set(token_account(owner, mint), lamports, bytes(state))

    def _set(self, address: Pubkey, lamports: int, data: bytes) -> None:
        self.svm.set_account(address, Account(lamports, data, TOKEN))

    def accounts(self, order: Terms) -> dict[Pubkey, Account | None]:
        return {account: self.svm.get_account(account) for account in watched(order)}

    def simulated(self, order: Terms, payload: bytes) -> dict[Pubkey, Account | None]:
        result: Any = self.svm.simulate_transaction(VersionedTransaction.from_bytes(payload))
        after = dict(result.post_accounts())
        return {account: after.get(account) for account in watched(order)}

    def land(self, payload: bytes) -> dict[str, Any]:
        """Return the transaction as getTransaction shows it."""
        transaction = VersionedTransaction.from_bytes(payload)
        keys = transaction.message.account_keys
        before = [self.svm.get_account(one) for one in keys]
        result: Any = self.svm.send_transaction(transaction)
        after = [self.svm.get_account(one) for one in keys]
        failed = hasattr(result, "err")
        return {
            "transaction": {"message": {"accountKeys": [str(one) for one in keys]}},
            "meta": {
                "err": str(result.err()) if failed else None,
                "fee": (result.meta() if failed else result).fee(),
                "preBalances": [one.lamports if one else 0 for one in before],
                "postBalances": [one.lamports if one else 0 for one in after],
                "preTokenBalances": list(_holdings(before)),
                "postTokenBalances": list(_holdings(after)),
                "loadedAddresses": {"writable": [], "readonly": []},
            },
        }


def _holdings(accounts: Sequence[Account | None]) -> Any:
    for at, account in enumerate(accounts):
        if account and account.owner == TOKEN and len(account.data) == 165:
            held = TokenAccount.from_bytes(account.data)
            amount = {"amount": str(held.amount), "decimals": 9}
            yield {
                "accountIndex": at,
                "mint": str(held.mint),
                "owner": str(held.owner),
                "uiTokenAmount": amount,
            }
