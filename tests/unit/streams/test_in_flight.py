"""Which leases are renewed, and when."""

from __future__ import annotations

from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.in_flight import LOOKS, Leases


def delivery(entry_id: str = "1-0") -> Delivery:
    return Delivery(
        partition=0, entry_id=entry_id, order_id="", type="OrderSubmitted", raw=b"", attempt=1
    )


def test_a_lease_is_renewed_before_three_looks_have_passed_since_it_was_taken_up() -> None:
    leases, held = Leases(), [delivery()]
    leases.due([])

    # It may have come right after that look, so the third from there is the last in time.
    assert [len(leases.due(held)) for _ in range(LOOKS)] == [0] * (LOOKS - 1) + [1]


def test_a_lease_that_was_renewed_is_renewed_again_three_looks_later() -> None:
    leases, held = Leases(), [delivery()]
    looks = [len(leases.due(held)) for _ in range(3 * LOOKS)]

    assert [at for at, renewed in enumerate(looks, 1) if renewed] == [LOOKS, 2 * LOOKS, 3 * LOOKS]


def test_what_is_settled_before_its_lease_is_old_is_never_renewed() -> None:
    leases = Leases()

    assert [leases.due([delivery(f"{n}-0")]) for n in range(10)] == [[]] * 10


def test_what_comes_back_after_it_was_let_go_counts_as_new() -> None:
    leases = Leases()
    for held in ([delivery()], [delivery()], [], [delivery()]):
        renewed = leases.due(held)

    assert renewed == []


def test_all_are_renewed_at_once_when_leases_may_have_lapsed() -> None:
    leases, held = Leases(), [delivery("1-0"), delivery("2-0")]

    assert leases.due(held, every=True) == held
    assert leases.due(held) == []
