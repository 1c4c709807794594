"""The market that a chain is born with: pools to swap on, and tokens, none made of air."""

from __future__ import annotations

import tomllib
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount

from devchain.cpmm.addresses import AUTHORITY, PROGRAM
from devchain.cpmm.swap import price_swap, swap_instruction
from devchain.dlmm.addresses import PROGRAM as DLMM_PROGRAM
from devchain.dlmm.layouts import array_of
from devchain.dlmm.prices import ONE
from devchain.dlmm.swap import cost
from devchain.dlmm.swap import price_swap as price_dlmm_swap
from devchain.dlmm.swap import swap_instruction as dlmm_swap
from devchain.genesis import accounts, programs
from devchain.genesis.build import ROUTER
from devchain.genesis.keys import FAUCET, MAKER
from devchain.genesis.plan import (
    DEFAULT,
    DlmmPlan,
    Market,
    PlanError,
    PoolPlan,
    Token,
    read_market,
)
from devchain.genesis.tokens import WRAPPED_SOL
from devchain.market.moves import Move, reserves_after
from tests.support.cpmm import chain_of, pool_of, refusal, send, set_time, tokens
from tests.support.dlmm import MOST_UNITS, bins_of
from tests.support.processes import ROOT

_MARKET = read_market()
_CHAIN = chain_of(accounts())


def holdings() -> list[TokenAccount]:
    found = [account.data for account in accounts().values() if len(account.data) == 165]
    return [TokenAccount.from_bytes(data) for data in found]


@pytest.mark.parametrize("pool", _MARKET.pools, ids=lambda p: f"{'-'.join(p.pair)}-{p.config}")
@pytest.mark.parametrize("side", [0, 1])
def test_a_swap_lands_on_each_pool_and_pays_to_the_atom(pool: PoolPlan, side: int) -> None:
    at, config = _MARKET.addresses(pool), _MARKET.by_index[pool.config]
    set_time(_CHAIN, 1_700_000_000)
    before, reserves = pool_of(_CHAIN, at)
    amount = reserves[side] // 1_000
    due = price_swap(config, before, reserves, side, amount)
    result = send(_CHAIN, swap_instruction(at, MAKER.pubkey(), side, amount, due.out))

    assert refusal(result) is None
    assert pool_of(_CHAIN, at)[1] == reserves_after(config, before, reserves, Move(side, amount))


@pytest.mark.parametrize("plan", _MARKET.dlmm, ids=lambda p: f"{'-'.join(p.pair)}-{p.bin_step}")
@pytest.mark.parametrize("side", [0, 1])
def test_a_swap_over_two_arrays_lands_on_each_pool_of_bins_and_pays_to_the_atom(
    plan: DlmmPlan, side: int
) -> None:
    set_time(_CHAIN, 1_700_000_000)
    at = _MARKET.dlmm_addresses(plan)
    pair, bins = bins_of(_CHAIN, at)
    far = sorted(bins, reverse=side == 0)
    ahead = [b for b in far if bins[b].tokens[1 - side] and array_of(b) != array_of(pair.active_id)]
    # As if fees were 3 % all the way: enough to come into the next array, and not through it.
    between = [bins[b] for b in far[far.index(pair.active_id) : far.index(ahead[0]) + 1]]
    amount = sum(cost(one, side, 30_000_000) for one in between)
    due = price_dlmm_swap(pair, bins, side, amount, 1_700_000_000)
    arrays = [array_of(pair.active_id), array_of(ahead[0])]
    asked = dlmm_swap(at, MAKER.pubkey(), side, (amount, due.out), arrays)

    assert refusal(send(_CHAIN, asked, payer=MAKER.pubkey(), units=MOST_UNITS)) is None
    after, left = bins_of(_CHAIN, at)
    assert after == due.pair
    assert left == {**bins, **due.bins}
    assert array_of(after.active_id) != array_of(pair.active_id)


def test_a_pool_of_bins_begins_at_the_first_price_and_holds_the_dollars_of_the_plan() -> None:
    chain = chain_of(accounts())
    for plan in _MARKET.dlmm:
        x, y = _MARKET.sides(plan)
        pair, bins = bins_of(chain, _MARKET.dlmm_addresses(plan))
        price = Fraction(x.usd) / Fraction(y.usd) * Fraction(10) ** (y.decimals - x.decimals)
        off = Fraction(bins[pair.active_id].price, ONE) / price

        assert Fraction(1) - Fraction(plan.bin_step, 10_000) < off <= 1
        assert len({array_of(b) for b in bins}) == plan.arrays >= 3
        for number, (token, reserve) in enumerate(
            zip((x, y), _MARKET.dlmm_addresses(plan).reserves, strict=True)
        ):
            held = sum(one.tokens[number] for one in bins.values())
            assert held == tokens(chain, reserve) == token.atoms(plan.usd)


def test_sol_costs_about_150_dollars_on_two_pools_that_two_hundred_orders_hardly_move() -> None:
    chain = chain_of(accounts())
    pools = [pool for pool in _MARKET.pools if set(pool.pair) == {"SOL", "USDC"}]
    for pool in pools:
        at, config = _MARKET.addresses(pool), _MARKET.by_index[pool.config]
        state, reserves = pool_of(chain, at)
        sol = at.mints.index(WRAPPED_SOL)
        for _ in range(200):
            reserves = reserves_after(config, state, reserves, Move(sol, 1_500_000_000))

        assert Fraction(reserves[1 - sol] * 1_000, reserves[sol]) == pytest.approx(150, rel=0.01)
    assert {pool.config for pool in pools} == {0, 1}


def test_mints_and_decimals_are_those_that_the_engine_trades() -> None:
    engine = tomllib.loads((ROOT / "shared" / "tokens" / "tokens.toml").read_text())

    assert {(t.symbol, t.mint, t.decimals) for t in _MARKET.tokens} == {
        (symbol, told["mint"], told["decimals"]) for symbol, told in engine.items()
    }


def test_every_atom_lies_somewhere_and_the_faucet_can_make_more_of_all_but_sol() -> None:
    held: Counter[Pubkey] = Counter()
    for account in holdings():
        held[account.mint] += account.amount
    for token in _MARKET.tokens:
        mint = Mint.from_bytes(accounts()[token.key].data)
        if token.key == WRAPPED_SOL:
            assert (mint.mint_authority, mint.supply) == (None, 0)
        else:
            assert (mint.mint_authority, mint.supply) == (FAUCET.pubkey(), held[token.key])


def test_wrapped_sol_is_backed_by_lamports() -> None:
    for account in accounts().values():
        if len(account.data) == 165:
            state = TokenAccount.from_bytes(account.data)
            rent = (165 + 128) * 6_960
            sol = state.mint == WRAPPED_SOL

            assert state.is_native == (rent if sol else None)
            assert account.lamports == rent + (state.amount if sol else 0)


def test_programs_are_files_and_vaults_are_the_programs() -> None:
    assert {key: path.is_file() for key, path in programs().items()} == {
        PROGRAM: True,
        ROUTER: True,
        DLMM_PROGRAM: True,
    }
    assert sum(account.owner == AUTHORITY for account in holdings()) == 2 * len(_MARKET.pools)


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ('symbol = "USDT"', 'symbol = "USDC"', "a symbol stands there twice"),
        ('usd = "150"', 'usd = "-1"', "SOL costs -1 dollars"),
        ('usd = "150"', 'usd = "much"', "usd"),
        ("decimals = 9", "decimals = 9\ndigits = 1", "unknown field `digits`"),
        ('moves_as = "SOL"', 'moves_as = "sol"', "moves as 'sol'"),
        ('pair = ["ETH", "USDC"]', 'pair = ["ETH", "ETH"]', "one token only"),
        ('pair = ["ETH", "USDC"]', 'pair = ["ETH", "USD"]', "USD is no token"),
        ('pair = ["ETH", "USDC"]\nconfig = 0', 'pair = ["ETH", "USDC"]\nconfig = 7', "config 7"),
        ("usd = 50_000_000", "usd = 50_000_000_000_000_000_000", "cannot be counted"),
        ("arrays = 5", "arrays = 4", "the pool SOL/USDC: of 4 arrays none is in the middle"),
        ("arrays = 5", "arrays = 1", ">= 3"),
        ('pair = ["SOL", "USDT"]\nbin_step', 'pair = ["USDC", "SOL"]\nbin_step', "a pool stands"),
        ("bin_step = 10", "bin_step = 401", "<= 400"),
        ('mint = "So1', 'mint = "So0', "invalid"),
        ("[[tokens]]", "[[tokens", "line"),
    ],
)
def test_a_file_that_is_no_market_is_refused_by_its_name(
    tmp_path: Path, written: str, instead: str, complaint: str
) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(DEFAULT.read_text().replace(written, instead, 1))

    with pytest.raises(PlanError, match=r"odd\.toml.*") as refused:
        read_market(file)
    assert complaint.lower() in str(refused.value).lower()


def test_more_of_a_token_than_a_mint_can_count_is_refused() -> None:
    many = Token("MANY", str(FAUCET.pubkey()), 18, Decimal(1))
    market = Market([*_MARKET.tokens, many], _MARKET.configs, [PoolPlan(("MANY", "USDC"), 0, 10)])

    with pytest.raises(ValueError, match="more than a mint can have"):
        accounts(market)
