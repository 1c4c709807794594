"""Intents and offers in atoms."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from shared.orders.values import SwapIntent
from shared.tokens.amounts import to_atoms
from shared.tokens.registry import Token, Tokens
from shared.venues.protocol import VenueRejected


class Offer(Struct, frozen=True, kw_only=True):
    """A venue's offer: atoms out for the atoms in, and how they came about."""

    amount_out: int
    fee_bps: Decimal
    price_impact_bps: Decimal


class Pair(Struct, frozen=True, kw_only=True):
    """An intent as the chain sees it: two tokens, and an exact number of atoms."""

    token_in: Token
    token_out: Token
    amount_in: int


def pair_of(intent: SwapIntent, tokens: Tokens) -> Pair:
    """Return the tokens and atoms of an intent.

    Raises `VenueRejected` for a token nobody listed, or an amount that is no number of atoms.
    """
    sides = []
    for name in (intent.token_in, intent.token_out):
        token = tokens.by_name.get(name)
        if token is None:
            raise VenueRejected(f"TOKENS_FILE has no {name}")
        sides.append(token)
    try:
        amount_in = to_atoms("amountIn", intent.amount_in, sides[0].decimals)
    except ValueError as error:
        raise VenueRejected(f"{error} of {sides[0].symbol}") from None
    return Pair(token_in=sides[0], token_out=sides[1], amount_in=amount_in)
