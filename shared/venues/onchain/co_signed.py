"""A stand-in venue of the development chain: it fills from its own reserves, and signs as well.

It prices by its reserves as a constant-product pool does. Its key is no secret: whoever runs a
development chain can work it out. Until Meteora's DLMM is traded for real, it bears that name.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, SignedTransaction, SwapIntent
from shared.solana.addresses import Mint, token_account
from shared.solana.building.co_signed import co_signed_fill
from shared.solana.fees import network_fee
from shared.solana.firewall.allowed import CoSigner
from shared.solana.token_accounts import balance_of
from shared.solana.wallets.signer import KeySigner
from shared.venues.onchain.chain import OnChainVenue, SolanaChain
from shared.venues.onchain.offers import Offer, Pair, pair_of
from shared.venues.onchain.signing import Plan
from shared.venues.protocol import VenueRejected

_FEE_BPS: Final = 20
_BPS: Final = 10_000
_UNITS: Final = 60_000  # Compute units of a fill, more or less.


def filler() -> KeySigner:
    """Return the key that the development chain gives reserves to."""
    return KeySigner(Keypair.from_seed(sha256(b"devchain meteora").digest()))


class CoSignedVenue(OnChainVenue):
    """Swaps by two transfers in one transaction, which wallet and venue both sign."""

    def __init__(self, name: str, chain: SolanaChain) -> None:
        super().__init__(name, chain)
        self._signer = filler()

    async def quote(self, intent: SwapIntent) -> Quote:
        """Return what its reserves pay now."""
        pair = pair_of(intent, self.chain.tokens)
        offer, price = await self._offer(pair), await self.chain.state.cu_price(())
        lamports = network_fee(2, _UNITS, price).total
        return await self.offered(pair, offer, lamports)

    async def build(self, routed: OrderRouted) -> SignedTransaction:
        """Sign a fill at the present price, or at the least that the order takes."""
        swap = await self.chain.signing.swap(routed)
        offer = await self._offer(pair_of(routed.intent, self.chain.tokens))
        key = self._signer.public_key
        plan = Plan(
            instructions=co_signed_fill(swap.terms, key, max(offer.amount_out, swap.terms.min_out)),
            venue=CoSigner(key),
            written=(),
            shape=self.name,
            co_signers=[self._signer],
        )
        return await self.chain.signing.sign(swap, plan)

    async def _offer(self, pair: Pair) -> Offer:
        reserve_in, reserve_out = await self._reserves(pair.token_in.mint, pair.token_out.mint)
        return constant_product(pair.amount_in, reserve_in, reserve_out)

    async def _reserves(self, *mints: str) -> tuple[int, int]:
        accounts = tuple(
            token_account(self._signer.public_key, Mint(Pubkey.from_string(mint))) for mint in mints
        )
        one, other = (await self.chain.state.accounts(accounts)).accounts
        if one is None or other is None:
            raise VenueRejected("has no reserves of this pair")
        return balance_of(one.data), balance_of(other.data)


def constant_product(amount_in: int, reserve_in: int, reserve_out: int) -> Offer:
    """Return ``reserve_out * net / (reserve_in + net)``, rounded down, all in atoms.

    `net` is what is left of `amount_in` after a fee of 20 bps, rounded up. Raises `VenueRejected`.
    """
    net = amount_in - -(-amount_in * _FEE_BPS // _BPS)
    amount_out = reserve_out * net // (reserve_in + net) if net > 0 else 0
    if amount_out <= 0:
        raise VenueRejected("the amount is too small")
    impact = Decimal(_BPS * net) / Decimal(reserve_in + net)
    return Offer(
        amount_out=amount_out,
        fee_bps=Decimal(_FEE_BPS),
        price_impact_bps=impact.quantize(Decimal("0.01")),
    )
