"""Jupiter's answers as it documents them: units, and fields that nobody here needs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.json import Decoder

from shared.venues.jupiter.answers import Asked, Built, Quoted, offer_of

SOL, USDC = (
    "So11111111111111111111111111111111111111112",
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
)
ASKED = Asked(SOL, USDC, 100_000_000)
# As in the documents of the service.
QUOTE = """{"inputMint":"%s","inAmount":"100000000","outputMint":"%s","outAmount":"17057460",
 "otherAmountThreshold":"16886885","swapMode":"ExactIn","slippageBps":100,"priceImpactPct":"%s",
 "platformFee":{"amount":"0","feeBps":0},
 "routePlan":[{"swapInfo":{"ammKey":"HXpG","label":"Meteora DLMM","inAmount":"100000000",
   "outAmount":"17057460","feeAmount":"1285"},"percent":100}],
 "contextSlot":324307186,"timeTaken":0.012}"""


@pytest.mark.parametrize(
    ("ratio", "bps"), [("0.0001", "1.00"), ("0.01234", "123.40"), ("0", "0"), ("-0.002", "0")]
)
def test_the_price_impact_is_a_ratio_and_becomes_hundredths_of_a_percent(
    ratio: str, bps: str
) -> None:
    quoted = Decoder(Quoted).decode(QUOTE % (SOL, USDC, ratio))

    offer = offer_of(quoted, ASKED, 324_307_190, 25)

    assert (offer.amount_out, offer.price_impact_bps) == (17_057_460, Decimal(bps))


def test_what_a_build_may_leave_out_is_left_out() -> None:
    """As the documents have it: nothing to set up, to clean up, to tip or to look up."""
    built = Decoder(Built).decode(
        """{"inputMint":"a","outputMint":"b","inAmount":"1","outAmount":"2","swapMode":"ExactIn",
        "swapInstruction":{"programId":"p","accounts":[],"data":""},"cleanupInstruction":null,
        "setupInstructions":[],"otherInstructions":[],"tipInstruction":null,
        "addressesByLookupTableAddress":null}"""
    )

    assert built.cleanup_instruction is None
    assert not built.setup_instructions
