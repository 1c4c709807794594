"""`make chaos`, or `python -m tests.chaos --minutes 10 --seed 7 --faults kill,redis,chain`."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
from pathlib import Path

from rich.console import Console

from tests.chaos.checker import violations
from tests.chaos.command import FAULTS_ON, Plan, Result, execute, keep
from tests.chaos.records import load
from tests.chaos.run import Violation
from tests.support.processes import ROOT

EVERY_FAULT = tuple(dict.fromkeys(fault for faults in FAULTS_ON.values() for fault in faults))
_SHOWN = 20
_INTERRUPTED = 130

out = Console(soft_wrap=True, highlight=False, markup=False)


def main() -> int:
    """Return 0 when every promise was kept, 1 when one was broken."""
    args = _arguments()
    if args.check:
        found = violations(load(args.check))
        _show(found)
        return int(bool(found))
    try:
        return max(_run(args, chain) for chain in args.chain)
    except KeyboardInterrupt:
        out.print("interrupted; nothing was checked")
        return _INTERRUPTED


def _run(args: argparse.Namespace, chain: str) -> int:
    plan = Plan(
        seconds=args.minutes * 60,
        seed=args.seed,
        faults=tuple(fault for fault in args.faults if fault in FAULTS_ON[chain]),
        rate=args.rate,
        fault_every_s=args.every,
        replicas=args.replicas,
        save=args.save / f"seed-{args.seed}-{chain}",
        chain=chain,
        code=args.code,
        without_compare=args.without_compare,
    )
    faults = ",".join(plan.faults)
    out.print(f"chaos: {args.minutes:g} min on {chain}, seed {plan.seed}, faults {faults}")
    plan.save.mkdir(parents=True, exist_ok=True)
    result = asyncio.run(execute(plan))
    _report(result)
    if result.violations:
        out.print(f"kept what was seen, beside what the services said: {keep(result, plan)}")
        out.print(f"run it again with --seed {plan.seed} --chain {chain}")
    else:
        shutil.rmtree(plan.save)
    return int(bool(result.violations))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long faults are injected")
    parser.add_argument(
        "--chain", type=_chains, default=tuple(FAULTS_ON), help="a run each: simulated,devchain"
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--faults", type=_faults, default=EVERY_FAULT, help=",".join(EVERY_FAULT))
    parser.add_argument("--rate", type=float, default=40.0, help="orders a second")
    parser.add_argument("--every", type=float, default=1.2, help="seconds between two faults")
    parser.add_argument("--replicas", type=int, default=2, help="of each service, at the start")
    parser.add_argument("--save", type=Path, default=Path(".chaos"), help="where to keep a history")
    parser.add_argument("--check", type=Path, help="check a history that was kept, and do no more")
    parser.add_argument("--code", type=_checkout, default=ROOT, help="a checkout to run instead")
    # Shows that the harness would notice: appends happen whatever version an order has.
    parser.add_argument("--without-compare", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _chains(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    if not names or set(names) - set(FAULTS_ON):
        raise argparse.ArgumentTypeError(f"choose of {', '.join(FAULTS_ON)}")
    return names


def _faults(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    if unknown := set(names) - set(EVERY_FAULT):
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(sorted(unknown))}")
    return names


def _checkout(text: str) -> Path:
    path = Path(text).resolve()
    if not (path / "services").is_dir():
        raise argparse.ArgumentTypeError(f"no services there: {path}")
    return path


def _report(result: Result) -> None:
    faults = ", ".join(f"{name} {times}" for name, times in sorted(result.faults.items()))
    ends = ", ".join(f"{name} {times}" for name, times in sorted(result.ends.items()))
    out.print(f"faults      {result.faults.total()} ({faults})")
    out.print(f"orders      {result.orders} in {result.seconds:.0f} s ({ends})")
    _show(result.violations)


def _show(found: list[Violation]) -> None:
    out.print(f"violations  {len(found)}")
    for violation in found[:_SHOWN]:
        out.print(f"  {violation.promise}: {violation.order_id}: {violation.detail}")


if __name__ == "__main__":
    sys.exit(main())
