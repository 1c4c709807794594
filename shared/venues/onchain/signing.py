"""From a route to signed bytes: funds, fees, the message, the firewall, the signatures."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import SignedTransaction
from shared.solana.addresses import Mint
from shared.solana.building.swap import Envelope, swap_message
from shared.solana.fees import MAX_CU_LIMIT, cu_limit, network_fee
from shared.solana.firewall.allowed import Allowed, Refused, SwapDecoder
from shared.solana.firewall.judge import judge_words
from shared.solana.firewall.message import Tables
from shared.solana.firewall.tables import read_tables
from shared.solana.signing import TooLarge, check_size, sign
from shared.solana.terms import Terms
from shared.solana.wallets.key_file import BadWallet
from shared.solana.wallets.signer import Signer
from shared.solana.wallets.wallets_file import Wallets
from shared.tokens.amounts import to_atoms, to_atoms_at_least
from shared.tokens.registry import Token, Tokens
from shared.venues.onchain.funds import Swap, check_funds, existing_accounts
from shared.venues.onchain.reading import ChainState, Recent, Simulated, Snapshot
from shared.venues.onchain.rehearsing import rehearse
from shared.venues.protocol import (
    FirewallRefused,
    RouteGone,
    VenueRejected,
    VenueUnavailable,
)

_SHAPES = 1_000


class Plan(Struct, frozen=True, kw_only=True):
    """A venue's part of a transaction.

    `shape` tells those apart that take other compute units; None is like no other. An `opaque` one
    is rehearsed each time, and may use the lookup `tables`. `slippage` has the codes by which its
    program says in a simulation that the price has moved.
    """

    instructions: Sequence[Instruction]
    venue: SwapDecoder
    written: tuple[Pubkey, ...]
    shape: Hashable
    opaque: bool = False
    tables: tuple[Pubkey, ...] = ()
    slippage: Collection[int] = ()


class RouteTooLarge(VenueUnavailable):
    """The route takes a larger transaction than Solana does."""


class _Draft(Struct, frozen=True):
    """A message, and all that it may do."""

    message: bytes
    allowed: Allowed
    recent: Recent


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
        self.max_cu_price = max_cu_price
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

        Raises `InsufficientFunds` or `FirewallRefused`, and then nothing is signed; `RouteGone` or
        `VenueUnavailable` where a simulation fails, `RouteTooLarge` before there is any.
        """
        terms = swap.terms
        price = await self._state.cu_price(plan.written)
        held = await self._state.accounts((terms.wallet, terms.pays, terms.receives))
        tables = await self._tables(plan.tables)
        units = await self._limit(swap, plan, held, price, tables)
        check_funds(swap, held, network_fee(1, units, price).total)
        draft = await self._draft(swap, plan, held, (units, price), tables)
        rehearsal = None
        if plan.opaque:
            self._check(draft, tables)
            rehearsed = await rehearse(self._state, draft.message, terms, tables)
            _went_well(plan, rehearsed.simulated)
            rehearsal = rehearsed.rehearsal
        signer = self._signers[swap.wallet.name]
        signed = sign(draft.message, draft.allowed, [signer], tables, rehearsal)
        if isinstance(signed, Refused):
            raise FirewallRefused(str(signed))
        return SignedTransaction(
            signature=str(signed.signatures[0]),
            payload=bytes(signed),
            valid_until=draft.recent.valid_until,
            signed_slot=draft.recent.slot,
        )

    async def _tables(self, keys: tuple[Pubkey, ...]) -> Tables:
        if not keys:
            return {}
        found = await self._state.accounts(keys)
        tables = read_tables(keys, found.accounts, found.slot)
        if isinstance(tables, Refused):
            raise FirewallRefused(str(tables))
        return tables

    async def _draft(
        self, swap: Swap, plan: Plan, held: Snapshot, budget: tuple[int, int], tables: Tables
    ) -> _Draft:
        recent = await self._state.recent()
        units, price = budget
        envelope = Envelope(
            blockhash=recent.blockhash,
            cu_limit=units,
            cu_price=price,
            existing=existing_accounts(swap, held),
            tables=tables,
        )
        allowed = Allowed(
            terms=swap.terms,
            blockhash=recent.blockhash,
            max_cu_limit=units,
            max_cu_price=self.max_cu_price,
            venue=plan.venue,
        )
        try:
            message = swap_message(swap.terms, plan.instructions, envelope)
        except ValueError as error:
            raise RouteTooLarge(str(error)) from None
        return _Draft(message, allowed, recent)

    @staticmethod
    def _check(draft: _Draft, tables: Tables) -> None:
        """Raise `FirewallRefused` or `RouteTooLarge` for what needs no simulation."""
        if refused := judge_words(draft.message, draft.allowed, tables):
            raise FirewallRefused(str(refused))
        try:
            check_size(draft.message)
        except TooLarge as error:
            raise RouteTooLarge(str(error)) from None

    async def _limit(
        self, swap: Swap, plan: Plan, held: Snapshot, price: int, tables: Tables
    ) -> int:
        # As many units whatever the amount is: one simulation serves all swaps of a shape.
        terms = swap.terms
        shape = (
            plan.shape,
            terms.mint_in.address,
            terms.mint_out.address,
            terms.receives in existing_accounts(swap, held),
        )
        if shape in self._units:
            return self._units[shape]
        check_funds(swap, held, network_fee(1, MAX_CU_LIMIT, price).total)
        draft = await self._draft(swap, plan, held, (MAX_CU_LIMIT, price), tables)
        self._check(draft, tables)
        told = await self._state.simulate(draft.message)
        _went_well(plan, told)
        units = cu_limit(told.units)
        if plan.shape is not None:
            if len(self._units) >= _SHAPES:
                self._units.clear()
            self._units[shape] = units
        return units

    def _token(self, name: str) -> Token:
        token = self._tokens.get(name)
        if token is None:
            raise VenueRejected(f"TOKENS_FILE has no {name}")
        return token


def _went_well(plan: Plan, told: Simulated) -> None:
    """Raise `RouteGone` or `VenueUnavailable` for a simulation that failed."""
    if told.code in plan.slippage:
        raise RouteGone(f"pays less now than was asked for: {told.error}")
    if told.error:
        raise VenueUnavailable(f"a simulation fails: {told.error}")
