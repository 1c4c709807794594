"""The state of a chain, read once for all that ask at the same time."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec import Struct, convert
from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey

from shared.concurrency.coalescer import Coalescer
from shared.concurrency.ticked import Ticked
from shared.solana.fees import cu_price
from shared.solana.rpc.errors import RpcError
from shared.solana.rpc.nodes import Nodes
from shared.solana.rpc.replies import Call
from shared.venues.protocol import VenueUnavailable

TOKEN_ACCOUNT_BYTES = 165
_SELDOM_S = 3_600.0
_FEES_S = 5.0
_GROUPS = 100  # Groups of accounts that one request asks for.

Group = tuple[Pubkey, ...]


class Snapshot(Struct, frozen=True):
    """Accounts as they were together at one slot; None for one that there is not."""

    slot: int
    accounts: tuple[Account | None, ...]


class Recent(Struct, frozen=True, kw_only=True):
    """A blockhash, the last height at which it is good, and the slot by which it was known."""

    blockhash: Hash
    valid_until: int
    slot: int


class Simulated(Struct, frozen=True):
    """A simulation's word: the compute units it took, or the error that ended it.

    `code` is the error's number, where a program gave one; `after` has the accounts asked for.
    """

    units: int
    error: str
    code: int | None = None
    after: tuple[Account | None, ...] = ()


class _Fee(Struct, frozen=True, rename="camel"):
    prioritization_fee: int


class ChainState:
    """Reads a chain. Every call raises `ServerAway` where no node answers."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        tick_s: float,
        percentile: int,
        max_cu_price: int,
        within_s: float | None = None,
    ) -> None:
        """`tick_s` is how long what was read serves others, `within_s` how long a read may take.

        The rest is about priority fees.
        """
        self._nodes = nodes
        self._within_s = within_s
        self._percentile = percentile
        self._max_cu_price = max_cu_price
        self._grouped: Coalescer[Group, Snapshot] = Coalescer(self._read_groups, batch=_GROUPS)
        self._accounts: Ticked[Group, Snapshot] = Ticked(self._grouped, tick_s)
        self._recent: Ticked[None, Recent] = Ticked(self._read_recent, tick_s)
        self._rent: Ticked[int, int] = Ticked(self._read_rent, _SELDOM_S)
        self._fees: Ticked[Group, int] = Ticked(self._read_fees, _FEES_S)

    async def accounts(self, group: Group) -> Snapshot:
        """Return the accounts of a group, as old as a tick at most."""
        return await self._accounts(group)

    async def recent(self) -> Recent:
        """Return a blockhash to sign with."""
        return await self._recent(None)

    async def token_account_rent(self) -> int:
        """Return the deposit for a token account, in lamports."""
        return await self._rent(TOKEN_ACCOUNT_BYTES)

    async def cu_price(self, written: Group) -> int:
        """Return the priority fee to offer for writing these accounts, in micro-lamports a unit."""
        return await self._fees(written)

    async def simulate(self, message: bytes) -> Simulated:
        """Return what a message would do now, unsigned."""
        simulated: Simulated = await self._ask(simulation(message))
        return simulated

    async def together(self, calls: Sequence[Call]) -> list[Any]:
        """Return one node's answers to calls that it is asked in one request."""
        return [_good(answer) for answer in await self._nodes.ask(calls)]

    async def _read_groups(self, groups: list[Group]) -> list[Snapshot]:
        calls = [accounts_of(group) for group in groups]
        answers = await self._nodes.ask(calls, within_s=self._within_s)
        return [_good(answer) for answer in answers]

    async def _read_recent(self, _key: None) -> Recent:
        call = Call("getLatestBlockhash", [{"commitment": "confirmed"}], _recent)
        recent: Recent = await self._ask(call)
        return recent

    async def _read_rent(self, size: int) -> int:
        lamports: int = await self._ask(Call("getMinimumBalanceForRentExemption", [size], int))
        return lamports

    async def _read_fees(self, written: Group) -> int:
        keys = [str(key) for key in written]
        fees = await self._ask(Call("getRecentPrioritizationFees", [keys], _fees))
        return cu_price(fees, self._percentile, 0, self._max_cu_price)

    async def _ask(self, call: Call) -> Any:
        [answer] = await self._nodes.ask([call])
        return _good(answer)


def accounts_of(group: Group) -> Call:
    """Return the question for accounts as they are together, whose answer is a `Snapshot`."""
    options = {"encoding": "base64", "commitment": "processed"}
    return Call(
        "getMultipleAccounts",
        [[str(key) for key in group], options],
        partial(_snapshot, len(group)),
    )


def simulation(message: bytes, watched: Group = ()) -> Call:
    """Return the question for what a message would do now, which one wallet signs but has not yet.

    The answer is a `Simulated`. It has the accounts of `watched` as they would be then.
    """
    unsigned = b"\1" + bytes(64) + message
    options: dict[str, Any] = {
        "encoding": "base64",
        "sigVerify": False,
        "replaceRecentBlockhash": True,
        "commitment": "processed",
    }
    if watched:
        options["accounts"] = {"encoding": "base64", "addresses": [str(key) for key in watched]}
    return Call(
        "simulateTransaction",
        [b64encode(unsigned).decode(), options],
        partial(_simulated, len(watched)),
    )


def _good(answer: Any) -> Any:
    if isinstance(answer, RpcError):
        raise VenueUnavailable(f"the chain refused: {answer}") from answer
    return answer


def _snapshot(asked: int, answer: Any) -> Snapshot:
    found = tuple(account and _account(account) for account in answer["value"])
    if len(found) != asked:
        raise ValueError(f"{len(found)} of {asked} accounts")
    return Snapshot(answer["context"]["slot"], found)


def _recent(answer: Any) -> Recent:
    value = answer["value"]
    return Recent(
        blockhash=Hash.from_string(value["blockhash"]),
        valid_until=int(value["lastValidBlockHeight"]),
        slot=int(answer["context"]["slot"]),
    )


def _fees(answer: Any) -> list[int]:
    return [fee.prioritization_fee for fee in convert(answer, list[_Fee])]


def _simulated(watched: int, answer: Any) -> Simulated:
    value = answer["value"]
    error = _error_of(value)
    after = tuple(account and _account(account) for account in value.get("accounts") or ())
    if not error and len(after) != watched:
        raise ValueError(f"{len(after)} of {watched} accounts")
    units = int(value["unitsConsumed"] or 0)
    return Simulated(units, error, _code_of(value["err"]), after)


def _code_of(error: object) -> int | None:
    match error:
        case {"InstructionError": [int(), {"Custom": int(code)}]}:
            return code
    return None


def _account(shown: dict[str, Any]) -> Account:
    return Account(
        lamports=shown["lamports"],
        data=b64decode(shown["data"][0]),
        owner=Pubkey.from_string(shown["owner"]),
        executable=shown["executable"],
        rent_epoch=shown["rentEpoch"],
    )


def _error_of(value: dict[str, Any]) -> str:
    if not value["err"]:
        return ""
    logs = value.get("logs") or []
    return f"{value['err']}" + (f", {logs[-1]}" if logs else "")
