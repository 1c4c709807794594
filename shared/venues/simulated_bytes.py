"""The bytes of a simulated transaction, and its signature, which is chance."""

from __future__ import annotations

import secrets
import string
from decimal import Decimal

import msgspec
from msgspec import Struct

from shared.orders.events import OrderRouted
from shared.orders.values import SignedTransaction
from shared.venues.protocol import VenueRejected

_SIGNATURE_LENGTH = 88
_BASE58 = "".join(c for c in string.digits + string.ascii_letters if c not in "0OIl").encode()
_TO_BASE58 = bytes(_BASE58[byte % 58] for byte in range(256))


class Payload(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the bytes of a simulated transaction say."""

    order_id: str
    venue: str
    token_in: str
    token_out: str
    amount_in: Decimal
    quoted_out: Decimal
    min_out: Decimal


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Payload)


def sign(routed: OrderRouted, venue: str, last_block: int) -> SignedTransaction:
    """Return a transaction of a venue for an order, valid up to `last_block`."""
    payload = Payload(
        order_id=routed.order_id,
        venue=venue,
        token_in=routed.intent.token_in,
        token_out=routed.intent.token_out,
        amount_in=routed.intent.amount_in,
        quoted_out=routed.route.quote.amount_out,
        min_out=routed.route.min_out,
    )
    return SignedTransaction(
        signature=secrets.token_bytes(_SIGNATURE_LENGTH).translate(_TO_BASE58).decode(),
        payload=_encoder.encode(payload),
        valid_until=last_block,
    )


def payload_of(transaction: SignedTransaction) -> Payload:
    """Return what a transaction's bytes say. Raises `VenueRejected` for others."""
    try:
        return _decoder.decode(transaction.payload)
    except msgspec.DecodeError as error:
        raise VenueRejected(f"not a transaction: {error}") from error
