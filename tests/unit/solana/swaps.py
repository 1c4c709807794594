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
from solders.token.state import TokenAccount, TokenAccountState
from solders.transaction import VersionedTransaction

from devchain.cpmm.addresses import AUTHORITY, PROGRAM, pool_addresses
from devchain.cpmm.layouts import Config, PoolState
from devchain.cpmm.swap import price_swap
from devchain.genesis import programs
from shared.solana.addresses import SOL, TOKEN, Mint, token_account
from shared.solana.building.swap import Envelope, swap_message
from shared.solana.firewall.allowed import Allowed, SwapCall, SwapDecoder
from shared.solana.firewall.balances import watched
from shared.solana.firewall.message import expand
from shared.solana.terms import Terms
from shared.solana.wallets.signer import KeySigner
from shared.venues.raydium.accounts import read_pool
from shared.venues.raydium.instruction import swap_base_input
from tests.support.cpmm import put_pool


def keypair(name: str) -> Keypair:
    return Keypair.from_seed(name.encode().ljust(32, b"."))


def key(name: str) -> Pubkey:
    return keypair(name).pubkey()


WALLET, STRANGER = KeySigner(keypair("wallet")), KeySigner(keypair("stranger"))
THIEF = key("thief")
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


def allowed(order: Terms, venue: SwapDecoder, blockhash: Hash = BLOCKHASH) -> Allowed:
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


CONFIG = Config(index=0, trade_fee_rate=2_500, protocol_fee_rate=120_000, fund_fee_rate=40_000)
RESERVE = 10**12


class Chain:
    """LiteSVM with a pool of Raydium's for an order's mints, and what the wallet holds of them."""

    def __init__(self, order: Terms, *held: tuple[Mint, int]) -> None:
        self.svm = LiteSVM()
        self.svm.add_program_from_file(PROGRAM, programs()[PROGRAM])
        self.svm.airdrop(WALLET.public_key, 10_000_000_000)
        mints = (order.mint_in, order.mint_out)
        self.at = pool_addresses(0, *(mint.address for mint in mints))
        pool = PoolState(decimals=(9, 9))
        put_pool(self.svm, self.at, CONFIG, pool, [(RESERVE, 0), (RESERVE, 0)])
        for mint in mints:
            vault = self.at.vaults[self.at.mints.index(mint.address)]
            self._put(vault, AUTHORITY, mint, RESERVE)
        for mint, atoms in held:
            self._put(token_account(WALLET.public_key, mint), WALLET.public_key, mint, atoms)

    def _put(self, address: Pubkey, owner: Pubkey, mint: Mint, atoms: int) -> None:
        native = RENT if mint.is_sol else None
        state = TokenAccount(
            mint.address, owner, atoms, None, TokenAccountState.Initialized, native, 0, None
        )
        lamports = RENT + (atoms if mint.is_sol else 0)
        self.svm.set_account(address, Account(lamports, bytes(state), TOKEN))

    def swap(self, order: Terms) -> Instruction:
        """Return the order's swap in the pool."""
        account = self.svm.get_account(self.at.pool)
        assert account
        side = self.at.mints.index(order.mint_in.address)
        return swap_base_input(order, self.at.pool, read_pool(self.at.pool, account), side)

    def pays(self, order: Terms) -> int:
        """Return the atoms that the pool gives for an order."""
        pool = PoolState(decimals=(9, 9))
        return price_swap(CONFIG, pool, (RESERVE, RESERVE), 0, order.amount_in).out

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
