"""A Redis Cluster on the loopback, made node by node, whose nodes can be killed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.eventually import eventually
from tests.support.replication import ask, facts, follows
from tests.support.servers import Valkey, free_port

SLOTS = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))
# In so long a silence of a busy machine nobody takes over; where somebody is to, it takes longer.
_NODE_TIMEOUT_MS = {0: 60_000, 1: 5_000}
_CHANGE_S = 60.0  # Longest wait for the nodes to agree; quiet, it takes a few seconds.


class Cluster:
    """Three primaries, first in `nodes`, with as many replicas each."""

    def __init__(self, nodes: Sequence[Valkey]) -> None:
        self.nodes = list(nodes)
        self.primaries = self.nodes[: len(SLOTS)]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def holder_of(self, key: str) -> Valkey:
        """Return the node that a key was given to at first."""
        slot = int(ask(self.nodes[0], "CLUSTER", "KEYSLOT", key))
        held = zip(self.primaries, SLOTS, strict=True)
        return next(node for node, (first, last) in held if first <= slot <= last)

    def replica_of(self, primary: Valkey) -> Valkey:
        """Return a node that follows a primary."""
        return next(node for node in self.nodes if follows(node, primary))

    async def promoted(self, replica: Valkey) -> None:
        """Return once a replica has taken over and holds slots."""

        def look() -> bool:
            role = facts(replica, "replication").get("role")
            return role == "master" and self._state(replica)["cluster_state"] == "ok"

        await eventually(look, within_s=_CHANGE_S)

    async def form(self) -> None:
        """Make one cluster of the nodes."""
        for node, (first, last) in zip(self.primaries, SLOTS, strict=True):
            ask(node, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in self.nodes[1:]:
            bus = int(node.option("--cluster-port"))
            ask(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        await eventually(lambda: all(map(self._knows_all, self.nodes)), within_s=_CHANGE_S)
        for place, node in enumerate(self.nodes[len(SLOTS) :]):
            primary = self.primaries[place % len(SLOTS)]
            ask(node, "CLUSTER", "REPLICATE", ask(primary, "CLUSTER", "MYID"))
            await following(node, primary)
        await eventually(lambda: all(map(self._is_whole, self.nodes)), within_s=_CHANGE_S)

    def _knows_all(self, node: Valkey) -> bool:
        return self._state(node)["cluster_known_nodes"] == str(len(self.nodes))

    def _is_whole(self, node: Valkey) -> bool:
        lines = ask(node, "CLUSTER", "NODES").decode().splitlines()
        followers = sum("slave" in line.split(" ")[2] for line in lines)
        return (
            self._state(node)["cluster_state"] == "ok"
            and len(lines) == len(self.nodes)
            and followers == len(self.nodes) - len(SLOTS)
        )

    def _state(self, node: Valkey) -> dict[str, str]:
        lines = ask(node, "CLUSTER", "INFO").decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


async def following(node: Valkey, primary: Valkey) -> None:
    """Return once a node follows a primary."""
    await eventually(lambda: follows(node, primary), within_s=_CHANGE_S)


@contextmanager
def a_cluster(*, replicas: int, doors: Sequence[int] = ()) -> Iterator[Cluster]:
    """Run three primaries with so many replicas each.

    Clients are sent to the ports `doors` where there are any, one for each node.
    """
    with ExitStack() as stack:
        nodes = []
        for place in range(len(SLOTS) * (1 + replicas)):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            node = Valkey(
                folder,
                *("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
                *("--cluster-node-timeout", str(_NODE_TIMEOUT_MS[replicas])),
                # Partitions of the other nodes go on while one of them fails over.
                *("--cluster-require-full-coverage", "no"),
                # However long a replica has heard nothing: the tests say what may take over.
                *("--cluster-replica-validity-factor", "0"),
                *("--repl-diskless-sync-delay", "0"),
                *(("--cluster-announce-port", str(doors[place])) if doors else ()),
            )
            node.start()
            stack.callback(node.kill)
            nodes.append(node)
        cluster = Cluster(nodes)
        asyncio.run(cluster.form())
        yield cluster
