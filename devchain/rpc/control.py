"""Methods that no real node has: blocks by hand, forks, faults. No fault strikes them."""

from __future__ import annotations

import msgspec

from devchain.chain.view import View
from devchain.faults import Faults
from devchain.rpc.errors import invalid
from devchain.rpc.node import Answer, Node, Plain
from devchain.rpc.params import Params

_MOST_STEPS = 10_000


def step_blocks(node: Node, _view: View, params: Params) -> Answer:
    """Close so many blocks, one by default, and return the slot of the open one."""
    node.chain.step(params.integer(0, 1, most=_MOST_STEPS), int(node.now()))
    return Plain(str(node.chain.ledger.head.slot))


def fork(node: Node, _view: View, params: Params) -> Answer:
    """Take back the open block and so many closed ones, and return the slot of the new open one."""
    try:
        node.chain.fork(params.integer(0, 1), int(node.now()))
    except ValueError as error:
        raise invalid(str(error)) from error
    return Plain(str(node.chain.ledger.head.slot))


def set_faults(node: Node, _view: View, params: Params) -> Answer:
    """Set the faults of this node, all others to none, and return them."""
    try:
        faults = msgspec.convert(params.value(0) or {}, Faults)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error
    node.striking.faults = faults
    return Plain(msgspec.json.encode(faults).decode())
