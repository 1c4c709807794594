"""A market's script: how it reads, and what a venue makes of it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import InvalidSettings, VenueSettings
from shared.venues.market.parse import parse_script
from shared.venues.market.script import Listed, Pair, Script
from shared.venues.market.stage import parse_market
from shared.venues.pricing import Priced, Terms
from tools.docs import ROOT

TERMS = Terms(
    rate_min=Decimal("0.98"),
    rate_max=Decimal("1.02"),
    fee_bps=Decimal(30),
    depth_usd=Decimal(20_000_000),
)
TOKENS, VENUES = ("SOL", "USDC", "USDT"), ("raydium", "meteora")
SELL, BUY = Pair("SOL", "USDC"), Pair("USDC", "SOL")
_USD = {"SOL": Decimal(150), "USDC": Decimal(1), "USDT": Decimal(1)}
_EXAMPLE = re.compile(r'^VENUE_MARKET="([^"]*)"', re.MULTILINE)


def parsed(text: str) -> Script:
    return parse_script(text, "tests", TOKENS, VENUES)


def listed(text: str, venue: str = "raydium") -> Listed:
    script = parsed(text)
    return Listed(script=script, here=script.of(venue), usual=TERMS)


def quoted(text: str, t_ms: int = 0, pair: Pair = SELL, venue: str = "raydium") -> Priced | None:
    return listed(text, venue).quotes(pair, (_USD[pair.token_in], _USD[pair.token_out]), t_ms)


def mid(text: str, t_ms: int = 0, pair: Pair = SELL, venue: str = "raydium") -> Decimal:
    """Return what one unit brings before the fee and without any impact."""
    priced = quoted(text, t_ms, pair, venue)
    assert priced
    return priced.usd_in / priced.usd_out * priced.terms.rate_min


def test_a_token_that_no_word_is_about_stays_at_its_usual_price() -> None:
    assert mid("USDT=line 2@0s") == 150
    assert mid("USDT=line 2@0s", pair=Pair("SOL", "USDT")) == 75


def test_a_price_moves_both_directions_of_each_of_its_pairs() -> None:
    fall = "SOL=line 150@0s 100@10s"

    assert mid(fall, 10_000) == 100
    assert mid(fall, 10_000, BUY) == Decimal("0.01")
    assert mid(fall, 10_000, Pair("SOL", "USDT")) == 100


def test_statements_may_be_lines() -> None:
    assert parsed("SOL=line 1@0s; USDC=line 2@0s") == parsed("\nSOL = line 1@0s\nUSDC=line 2@0s;")


def test_an_offset_makes_the_base_dearer_both_to_buy_and_to_sell() -> None:
    off = "raydium.offset=+100bps SOL"

    assert mid(off) == Decimal("151.5")
    assert mid(off, pair=BUY) == pytest.approx(1 / Decimal("151.5"))
    assert mid(off, venue="meteora") == 150


def test_an_offset_of_a_pair_leaves_others_alone() -> None:
    off = "*.offset=-100bps SOL/USDC"

    assert mid(off) == Decimal("148.5")
    assert mid(off, pair=BUY) == pytest.approx(1 / Decimal("148.5"))
    assert mid(off, pair=Pair("SOL", "USDT")) == 150


def test_half_the_spread_lies_on_either_side() -> None:
    there_and_back = mid("*.spread=100bps") * mid("*.spread=100bps", pair=BUY)

    assert mid("*.spread=100bps") == Decimal("149.25")
    assert there_and_back == pytest.approx(Decimal("0.995") ** 2)


def test_fee_and_depth_are_the_venues_own_unless_the_script_says_otherwise() -> None:
    usual, other = quoted("SOL=line 1@0s"), quoted("*.fee=0bps; *.depth=5000usd")

    assert usual
    assert other
    assert [usual.terms.fee_bps, usual.terms.depth_usd] == [30, 20_000_000]
    assert [other.terms.fee_bps, other.terms.depth_usd] == [0, 5_000]


def test_a_venues_own_word_goes_before_that_of_all() -> None:
    text = "*.fee=10bps; raydium.fee=0bps; *.spread=10bps; raydium.spread=0bps"
    raydium, meteora = quoted(text), quoted(text, venue="meteora")

    assert raydium
    assert meteora
    assert [raydium.terms.fee_bps, meteora.terms.fee_bps] == [0, 10]
    assert raydium.terms.rate_min == 1 > meteora.terms.rate_min


@pytest.mark.parametrize(
    ("t_ms", "price", "age_ms"),
    [(9_999, 130, 0), (10_000, 130, 0), (19_999, 130, 9_999), (20_000, 110, 0)],
)
def test_a_frozen_price_is_the_one_from_before_and_tells_its_age(
    t_ms: int, price: int, age_ms: int
) -> None:
    frozen = quoted("SOL=line 150@0s 110@20s; raydium.freeze=10s..20s", t_ms)

    assert frozen
    assert frozen.usd_in == pytest.approx(Decimal(price), abs=Decimal("0.01"))
    assert frozen.age_ms == age_ms


@pytest.mark.parametrize(("t_ms", "is_dark"), [(9_999, False), (10_000, True), (20_000, False)])
def test_a_dark_venue_quotes_nothing_for_a_while(t_ms: int, is_dark: bool) -> None:
    assert (quoted("raydium.dark=10s..20s", t_ms) is None) == is_dark


def test_darkness_may_have_no_end_and_be_that_of_one_pair() -> None:
    text = "*.dark=10s.. SOL/USDC"

    assert [quoted(text, 10**9, pair) for pair in (SELL, BUY)] == [None, None]
    assert quoted(text, 10**9, Pair("SOL", "USDT"))


def test_a_bogus_price_is_wrong_in_quotes_alone() -> None:
    bogus = "raydium.bogus=10x 1s..2s SOL"

    assert [mid(bogus, t) for t in (999, 1_000, 2_000)] == [150, 1_500, 150]
    assert mid(bogus, 1_000, BUY) == pytest.approx(1 / Decimal(1_500))
    assert listed(bogus).pays(SELL, (Decimal(150), Decimal(1)), 1_000).terms.rate_min == 1
    assert mid("raydium.bogus=10x 1s..2s", 1_000, BUY) == pytest.approx(Decimal(10) / 150)


def test_a_swap_pays_the_true_price_while_quotes_are_frozen_or_dark() -> None:
    here = listed("SOL=line 150@0s 110@20s; *.freeze=0s..; *.dark=0s..")

    assert here.pays(SELL, (Decimal(150), Decimal(1)), 20_000).usd_in == 110


@given(st.decimals("0.001", 10**9, places=3), st.decimals("0.001", 10**9, places=3))
def test_a_larger_amount_never_pays_a_better_price(one: Decimal, other: Decimal) -> None:
    priced = quoted("*.depth=5000usd; *.spread=10bps; *.offset=7bps SOL")
    assert priced
    less, more = sorted((one, other))
    rounding = Decimal("0.000000001") / less

    assert priced.offer(more).amount_out >= priced.offer(less).amount_out
    assert priced.offer(more).amount_out / more <= priced.offer(less).amount_out / less + rounding


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SOL", "'SOL' is neither TOKEN=movement nor venue.property=value"),
        ("SOL=", "'SOL=' is neither"),
        ("DOGE=line 1@0s", "'DOGE=line 1@0s' names no token in 'DOGE'; there are SOL, USDC, USDT"),
        ("SOL=line 1@0s; SOL=line 2@0s", "'SOL=line 2@0s' moves SOL a second time"),
        ("SOL=jump 1", "'SOL=jump 1' has no movement; there are line, step, sine, walk"),
        ("SOL=line", "'SOL=line' needs 1 to 1000 points"),
        ("SOL=line repeat", "'SOL=line repeat' needs 1 to 1000 points"),
        ("SOL=line 150", "'SOL=line 150' has the point 150, which is not price@time"),
        ("SOL=line 0@0s", "'SOL=line 0@0s' has a price that is not 0.000000001 to 1000000000: 0"),
        ("SOL=line x@0s", "'SOL=line x@0s' has 'x' for a price, e.g. 150"),
        ("SOL=line 1@0", "'SOL=line 1@0' has the time '0', which is not a number with ms, s, m"),
        ("SOL=line 1@9999h", "'SOL=line 1@9999h' has the time '9999h', which is not 0ms to 8760h"),
        ("SOL=line 1@0.5ms", "'SOL=line 1@0.5ms' has the time '0.5ms', which is not 0ms to"),
        ("SOL=line 1@2s 2@1s", "'SOL=line 1@2s 2@1s' has points that are not in the order"),
        ("SOL=step 1@0s repeat", "'SOL=step 1@0s repeat' repeats after no time"),
        ("SOL=sine 150", "'SOL=sine 150' needs a price, a percentage and a period, e.g. sine 150"),
        ("SOL=sine 150 100% 1s", "'SOL=sine 150 100% 1s' has a percentage that is not 0 to 99: 1"),
        ("SOL=walk 150 3% 0s", "'SOL=walk 150 3% 0s' has the time '0s', which is not 1ms to"),
        (
            "orca.spread=1bps",
            "'orca.spread=1bps' names no venue in 'orca'; there are *, raydium, m",
        ),
        ("*.spread=1%", "'*.spread=1%' has '1%' for a number of bps, e.g. 20bps"),
        ("*.spread=1bps SOL", "'*.spread=1bps SOL' has more than one value: SOL"),
        ("*.depth=5000", "'*.depth=5000' has '5000' for a depth, e.g. 5000usd"),
        ("*.offset=1bps", "'*.offset=1bps' needs a token or a pair whose price is off"),
        ("*.offset=1bps SOL/SOL", "'*.offset=1bps SOL/SOL' has the pair SOL/SOL of one token"),
        ("*.offset=1bps SOL/", "'*.offset=1bps SOL/' names no token in ''"),
        ("*.dark=1s", "'*.dark=1s' has the time 1s, which is not from..to, e.g. 10s..20s"),
        ("*.dark=2s..1s", "'*.dark=2s..1s' ends before it begins"),
        ("*.dark=1s..2s SOL USDC", "'*.dark=1s..2s SOL USDC' has more than one token or pair"),
        ("*.bogus=1s..2s", "'*.bogus=1s..2s' has '1s..2s' for a factor, e.g. 10x"),
        ("*.bogus=10x", "'*.bogus=10x' has no time, e.g. 10s..20s"),
        (";" + "*.dark=1s..2s;" * 1_001, "has 1001 statements; 1000 is the most"),
    ],
)
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        parsed(text)

    assert str(error.value).startswith(f"VENUE_MARKET: {complaint}")


def test_every_example_of_the_documents_is_a_script() -> None:
    examples = _EXAMPLE.findall((ROOT / "docs/simulated-venues.md").read_text())

    assert len(examples) >= 4
    for example in examples:
        assert parse_market(some_settings(venue_market=example)) != Script()


def test_a_script_is_for_the_simulated_chain_alone() -> None:
    settings = some_settings(venue_market="SOL=line 1@0s", chain="devchain")

    with pytest.raises(InvalidSettings, match="VENUE_MARKET: is for CHAIN=simulated"):
        parse_market(settings)


def some_settings(**given: str) -> VenueSettings:
    servers = {"redis_url": "redis://nobody", "database_url": "nobody"}
    return VenueSettings.model_validate(servers | given)
