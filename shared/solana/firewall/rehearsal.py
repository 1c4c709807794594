"""Judge a rehearsal: a message as our own node knows its accounts, and as it ends when simulated.

An opaque swap hands accounts on to programs that nobody here knows. So these may be handed nothing
of the wallet's but the two token accounts of the order, and must leave these as the order says.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import NAMES, SYSTEM
from shared.solana.firewall.allowed import Refusal
from shared.solana.firewall.balances import Accounts, judge_balances
from shared.solana.terms import Terms


class Rehearsal(Struct, frozen=True, kw_only=True):
    """The word of one node about the message of these bytes.

    `before` has every account that the message names, those of lookup tables included, and None for
    one that there is not; `after` has those of `shared.solana.firewall.balances.watched`.
    """

    message: bytes
    before: Accounts
    after: Accounts


def check_handed_on(instruction: Instruction) -> None:
    """Raise `Refusal` where an opaque swap is handed the program by which the wallet's SOL moves.

    The wallet signs for all that such a swap calls, and its lamports obey no other program.
    """
    if any(meta.pubkey == SYSTEM for meta in instruction.accounts):
        raise Refusal(f"it hands on {NAMES[SYSTEM]}")


def check_rehearsal(
    message: bytes,
    terms: Terms,
    network_fee: int,
    handed_on: Collection[Pubkey],
    rehearsal: Rehearsal | None,
) -> None:
    """Raise `Refusal` unless a rehearsal of this very message agrees with the order.

    `network_fee` is in lamports; `handed_on` are the accounts that opaque swaps get.
    """
    if rehearsal is None or rehearsal.message != message:
        raise Refusal("is opaque, and was not rehearsed")
    own = {terms.wallet, terms.pays, terms.receives}
    for key in handed_on:
        if key not in rehearsal.before:
            raise Refusal(f"account {key} was not looked at")
        account = rehearsal.before[key]
        if key not in own and account is not None and bytes(terms.wallet) in account.data:
            raise Refusal(f"account {key} of the wallet's is handed on")
    refused = judge_balances(terms, network_fee, rehearsal.before, rehearsal.after)
    if refused is not None:
        raise Refusal(refused.what)
