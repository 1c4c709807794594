"""From a route to signed bytes: funds, fees, the message, the firewall, the signatures."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.observability import metrics
from shared.orders.events import OrderRouted
from shared.orders.values import SignedTransaction
from shared.solana.addresses import Mint
from shared.solana.building.swap import Envelope, swap_message
from shared.solana.fees import MAX_CU_LIMIT, cu_limit, network_fee
from shared.solana.firewall.allowed import Allowed, CoSigner, Refused, SwapDecoder
from shared.solana.signing import sign
from shared.solana.terms import Terms
from shared.solana.token_accounts import balance_of, is_of
from shared.solana.wallets.key_file import BadWallet
from shared.solana.wallets.signer import Signer
from shared.solana.wallets.wallets_file import Wallet, Wallets
from shared.tokens.amounts import from_atoms, to_atoms, to_atoms_at_least
from shared.tokens.registry import Token, Tokens
from shared.venues.onchain.reading import ChainState, Snapshot
from shared.venues.protocol import (
    FirewallRefused,
    InsufficientFunds,
    VenueRejected,
    VenueUnavailable,
)

# Of an account without data, in lamports: a wallet that falls below it is refused by the chain.
_WALLET_RENT = 890_880
_SHAPES = 1_000


class Plan(Struct, frozen=True, kw_only=True):
    """A venue's part of a transaction. `shape` tells those apart that take other compute units."""

    instructions: Sequence[Instruction]
    venue: SwapDecoder | CoSigner
    written: tuple[Pubkey, ...]
    shape: Hashable
    co_signers: Sequence[Signer] = ()


class Swap(Struct, frozen=True, kw_only=True):
    """A route in the chain's own terms, and the tokens of both sides."""

    terms: Terms
    wallet: Wallet
    token_in: Token
    token_out: Token


class Signing:
    """Signs swaps with the wallets of their accounts. Nothing leaves."""

    def __init__(
        self,
        state: ChainState,
        wallets: Wallets,
        signers: Mapping[str, Signer],
        tokens: Tokens,
        *,
        max_cu_price: int,
    ) -> None:
        """`max_cu_price` is in micro-lamports a compute unit: the firewall refuses more."""
        self._state = state
        self._wallets = wallets
        self._signers = signers
        self._tokens = tokens.by_name
        self._max_cu_price = max_cu_price
        self._units: dict[Hashable, int] = {}

    async def swap(self, routed: OrderRouted) -> Swap:
        """Return the route in the chain's terms. Raises `VenueRejected`."""
        try:
            wallet = self._wallets.of(routed.account)
        except BadWallet as error:
            raise VenueRejected(str(error)) from None
        intent = routed.intent
        token_in, token_out = self._token(intent.token_in), self._token(intent.token_out)
        terms = Terms(
            wallet=wallet.address,
            mint_in=Mint(Pubkey.from_string(token_in.mint)),
            mint_out=Mint(Pubkey.from_string(token_out.mint)),
            amount_in=to_atoms("amountIn", intent.amount_in, token_in.decimals),
            # Who takes any price still swaps for something.
            min_out=max(1, to_atoms_at_least("minOut", routed.route.min_out, token_out.decimals)),
            order_id=routed.order_id,
            attempt=routed.attempt,
            token_account_rent=await self._state.token_account_rent(),
        )
        return Swap(terms=terms, wallet=wallet, token_in=token_in, token_out=token_out)

    async def sign(self, swap: Swap, plan: Plan) -> SignedTransaction:
        """Return the signed transaction of a plan.

        Raises `InsufficientFunds` or `FirewallRefused`, and then nothing is signed;
        `VenueUnavailable` where a simulation fails.
        """
        terms = swap.terms
        price = await self._state.cu_price(plan.written)
        held = await self._state.accounts((terms.wallet, terms.pays, terms.receives))
        signatures = 1 + len(plan.co_signers)
        units = await self._limit(swap, plan, held, price)
        fee = network_fee(signatures, units, price).total
        _check_funds(swap, held, fee)
        recent = await self._state.recent()
        envelope = Envelope(
            blockhash=recent.blockhash,
            cu_limit=units,
            cu_price=price,
            existing=_existing(swap, held),
        )
        message = swap_message(terms, plan.instructions, envelope)
        allowed = Allowed(
            terms=terms,
            blockhash=recent.blockhash,
            max_cu_limit=units,
            max_cu_price=self._max_cu_price,
            venue=plan.venue,
        )
        signers = [self._signers[swap.wallet.name], *plan.co_signers]
        signed = sign(message, allowed, signers)
        if isinstance(signed, Refused):
            raise FirewallRefused(str(signed))
        return SignedTransaction(
            signature=str(signed.signatures[0]),
            payload=bytes(signed),
            valid_until=recent.valid_until,
            signed_slot=recent.slot,
        )

    async def _limit(self, swap: Swap, plan: Plan, held: Snapshot, price: int) -> int:
        # As many units whatever the amount is: one simulation serves all swaps of a shape.
        terms, existing = swap.terms, _existing(swap, held)
        shape = (
            plan.shape,
            terms.mint_in.address,
            terms.mint_out.address,
            terms.receives in existing,
        )
        if shape in self._units:
            return self._units[shape]
        _check_funds(swap, held, network_fee(1 + len(plan.co_signers), MAX_CU_LIMIT, price).total)
        recent = await self._state.recent()
        envelope = Envelope(
            blockhash=recent.blockhash, cu_limit=MAX_CU_LIMIT, cu_price=price, existing=existing
        )
        message = swap_message(terms, plan.instructions, envelope)
        told = await self._state.simulate(message, 1 + len(plan.co_signers))
        if told.error:
            raise VenueUnavailable(f"a simulation fails: {told.error}")
        if len(self._units) >= _SHAPES:
            self._units.clear()
        self._units[shape] = cu_limit(told.units)
        return self._units[shape]

    def _token(self, name: str) -> Token:
        token = self._tokens.get(name)
        if token is None:
            raise VenueRejected(f"TOKENS_FILE has no {name}")
        return token


def _existing(swap: Swap, held: Snapshot) -> list[Pubkey]:
    terms = swap.terms
    _, pays, receives = held.accounts
    found = []
    for key, account, mint in (
        (terms.pays, pays, terms.mint_in),
        (terms.receives, receives, terms.mint_out),
    ):
        if account is not None:
            if not is_of(account, terms.wallet, mint):
                raise VenueRejected(f"{key} is not the wallet's any more, or is frozen")
            found.append(key)
    return found


def _check_funds(swap: Swap, held: Snapshot, fee: int) -> None:
    wallet, pays, receives = held.accounts
    terms, lamports = swap.terms, fee + _WALLET_RENT
    if terms.wraps:
        lamports += terms.temporary_lamports
    if not terms.mint_out.is_sol and receives is None:
        lamports += terms.token_account_rent
    _at_least(swap, "SOL", 9, lamports, wallet.lamports if wallet else 0)
    if not terms.mint_in.is_sol:
        token = swap.token_in
        has = balance_of(pays.data) if pays else 0
        _at_least(swap, token.symbol, token.decimals, terms.amount_in, has)


def _at_least(swap: Swap, name: str, decimals: int, needed: int, available: int) -> None:
    if available < needed:
        metrics.series(metrics.FUNDS_MISSING, swap.wallet.name, name).inc()
        has, takes = from_atoms(available, decimals), from_atoms(needed, decimals)
        raise InsufficientFunds(
            f"wallet {swap.wallet.name} has {has:f} {name}, and the swap takes {takes:f}"
        )
