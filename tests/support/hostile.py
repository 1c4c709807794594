"""Hostile answers that any venue behind HTTP is put through: none of them is ever signed.

A venue's test describes its honest answer as a `Scene`, and hands each hostile one to the venue in
the venue's own words: as a list of instructions, or as a compiled transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from solders.compute_budget import set_compute_unit_price
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams
from solders.system_program import transfer as send_sol

from shared.solana.addresses import TOKEN, Mint, token_account
from shared.solana.instructions import close, reads, signs, writes
from shared.solana.terms import Terms

THIEF: Final = Keypair.from_seed(b"thief".ljust(32, b".")).pubkey()
UNKNOWN: Final = Keypair.from_seed(b"unknown program".ljust(32, b".")).pubkey()
TABLE: Final = Keypair.from_seed(b"no table".ljust(32, b".")).pubkey()


def transfer(source: Pubkey, target: Pubkey, owner: Pubkey, atoms: int) -> Instruction:
    """Return an instruction that moves atoms between accounts of one mint: no part of a swap."""
    data = b"\x03" + atoms.to_bytes(8, "little")
    return Instruction(TOKEN, data, [writes(source), writes(target), signs(owner)])


class Swap(Protocol):
    """The venue's swap instruction as its API writes it; each part may be forged."""

    def __call__(
        self,
        *,
        authority: Pubkey | None = None,
        pays: Pubkey | None = None,
        receives: Pubkey | None = None,
        amount_in: int | None = None,
        min_out: int | None = None,
    ) -> Instruction:
        """Return it; None leaves a part as the order has it."""
        ...


@dataclass(frozen=True)
class Scene:
    """An order's terms, the venue's swap, and the wallet's token account that is no part of it."""

    terms: Terms
    swap: Swap
    savings: Pubkey
    max_cu_price: int


@dataclass(frozen=True)
class Answer:
    """All that a venue gives back to be signed: who pays the fee, what is done, by which tables.

    `tables` are what the venue claims to be in its lookup tables.
    """

    payer: Pubkey
    instructions: Sequence[Instruction]
    tables: Mapping[Pubkey, Sequence[Pubkey]] = field(default_factory=dict)

    def and_(self, *more: Instruction) -> Answer:
        return replace(self, instructions=[*self.instructions, *more])


def honest(scene: Scene) -> Answer:
    return Answer(scene.terms.wallet, [scene.swap()])


@dataclass(frozen=True)
class Hostile:
    """A hostile answer, and words of which the refusal must have one: it says what is wrong."""

    answer: Callable[[Scene], Answer]
    said: Callable[[Scene], Sequence[str]]


def _forged(said: Callable[[Scene], str], **parts: Callable[[Scene], Pubkey | int]) -> Hostile:
    def answer(scene: Scene) -> Answer:
        forged = {name: part(scene) for name, part in parts.items()}
        return Answer(scene.terms.wallet, [scene.swap(**forged)])  # type: ignore[arg-type]  # As is.

    return Hostile(answer, lambda scene: [said(scene)])


def _more(said: str, instruction: Callable[[Scene], Instruction]) -> Hostile:
    return Hostile(
        lambda scene: honest(scene).and_(instruction(scene)),
        lambda _scene: [said],
    )


def _theirs(mint: Mint) -> Pubkey:
    return token_account(THIEF, mint)


def _approve(scene: Scene) -> Instruction:
    data = b"\x04" + (2**64 - 1).to_bytes(8, "little")
    return Instruction(
        TOKEN, data, [writes(scene.savings), reads(THIEF), signs(scene.terms.wallet)]
    )


def _set_authority(scene: Scene) -> Instruction:
    data = b"\x06\x02\x01" + bytes(THIEF)
    return Instruction(TOKEN, data, [writes(scene.savings), signs(scene.terms.wallet)])


HOSTILE: Final[Mapping[str, Hostile]] = {
    "another payee": _forged(
        lambda scene: f"the receiving account of the swap is {_theirs(scene.terms.mint_out)}",
        receives=lambda scene: _theirs(scene.terms.mint_out),
    ),
    "larger amount": _forged(
        lambda scene: f"gives {scene.terms.amount_in + 1} atoms, not {scene.terms.amount_in}",
        amount_in=lambda scene: scene.terms.amount_in + 1,
    ),
    "smaller amount": _forged(
        lambda scene: f"gives {scene.terms.amount_in - 1} atoms, not {scene.terms.amount_in}",
        amount_in=lambda scene: scene.terms.amount_in - 1,
    ),
    "min_out lowered": Hostile(
        lambda scene: Answer(scene.terms.wallet, [scene.swap(min_out=scene.terms.min_out - 1)]),
        lambda scene: [
            f"gets {scene.terms.min_out - 1} atoms at least",
            f"promises {scene.terms.min_out - 1} atoms",
        ],
    ),
    "swapped mints": _forged(
        lambda scene: f"the paying account of the swap is {scene.terms.receives}",
        pays=lambda scene: scene.terms.receives,
        receives=lambda scene: scene.terms.pays,
    ),
    "paid from savings": _forged(
        lambda scene: f"the paying account of the swap is {scene.savings}",
        pays=lambda scene: scene.savings,
    ),
    "another authority": _forged(
        lambda _scene: f"{THIEF} would have to sign too",
        authority=lambda _scene: THIEF,
    ),
    "extra approve": _more("approve of the token program is not allowed", _approve),
    "extra set authority": _more(
        "set authority of the token program is not allowed", _set_authority
    ),
    "extra transfer": _more(
        "transfer of the token program is not allowed",
        lambda scene: transfer(scene.savings, THIEF, scene.terms.wallet, 1),
    ),
    "extra transfer of SOL": _more(
        "transfer of the system program is not allowed",
        lambda scene: send_sol(
            TransferParams(from_pubkey=scene.terms.wallet, to_pubkey=THIEF, lamports=1)
        ),
    ),
    "extra close": Hostile(
        lambda scene: honest(scene).and_(close(scene.savings, scene.terms.wallet)),
        lambda scene: [
            "close account of the token program is not allowed",
            f"is not the order's close of the temporary account: account 0 is {scene.savings}",
        ],
    ),
    "second swap": Hostile(
        lambda scene: honest(scene).and_(scene.swap()),
        lambda scene: [f"gives {2 * scene.terms.amount_in} atoms", "more than one swap"],
    ),
    "unknown program": _more(
        f"program {UNKNOWN} is not allowed", lambda _scene: Instruction(UNKNOWN, b"", [])
    ),
    "CU price x 100": Hostile(
        lambda scene: honest(scene).and_(set_compute_unit_price(100 * scene.max_cu_price)),
        lambda scene: [f"a compute unit price of {100 * scene.max_cu_price} is above"],
    ),
    "fee payer changed": Hostile(
        lambda scene: replace(honest(scene), payer=THIEF),
        lambda _scene: [f"the fee payer is {THIEF}", f"{THIEF} would have to sign too"],
    ),
    "poisoned lookup table": Hostile(
        lambda scene: replace(honest(scene), tables={TABLE: [THIEF]}),
        lambda _scene: [f"{TABLE} is no lookup table", f"lookup table {TABLE} is unknown"],
    ),
}
