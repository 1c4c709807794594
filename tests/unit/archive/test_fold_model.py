"""The fold against a model that keeps nothing but the list of what happened."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.orders.events import OrderEvent
from shared.orders.order import (
    TRANSITIONS,
    IllegalTransition,
    MissingEvent,
    Order,
    evolve,
    replay,
)
from shared.orders.states import ENDS, State
from shared.orders.values import CHAIN_ANSWERS, FailureReason
from tests.support.walks import EVERY_KIND, a_failure, an_event


class FoldModel(RuleBasedStateMachine):
    """What has happened to an order, and the order that the fold makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[OrderEvent] = []
        self.order: Order | None = None
        self.ended: State | None = None

    @property
    def state(self) -> State | None:
        return self.order.state if self.order else None

    @rule(data=st.data())
    def something_legal_happens(self, data: st.DataObject) -> None:
        kinds = [kind for state, kind in TRANSITIONS if state == self.state]
        event = an_event(data.draw(st.sampled_from(kinds)), self.order)
        self.order = evolve(self.order, event)
        self.happened.append(event)
        if self.ended is None and self.order.state in ENDS:
            self.ended = self.order.state

    @rule(kind=st.sampled_from(EVERY_KIND))
    def something_illegal_is_refused(self, kind: type[OrderEvent]) -> None:
        if (self.state, kind) not in TRANSITIONS:
            with pytest.raises(IllegalTransition):
                evolve(self.order, an_event(kind, self.order))

    @precondition(lambda self: self.order is not None and self.order.transaction is not None)
    @rule(reason=st.sampled_from(sorted(set(FailureReason) - CHAIN_ANSWERS)))
    def no_guess_ends_what_is_signed(self, reason: FailureReason) -> None:
        assert self.order is not None
        with pytest.raises(IllegalTransition):
            evolve(self.order, a_failure(reason, self.order))

    @precondition(lambda self: self.happened)
    @rule(data=st.data())
    def something_comes_again(self, data: st.DataObject) -> None:
        again = data.draw(st.sampled_from(self.happened))

        assert evolve(self.order, again) is self.order

    @rule(kind=st.sampled_from(EVERY_KIND), skipped=st.integers(1, 3))
    def something_comes_too_early(self, kind: type[OrderEvent], skipped: int) -> None:
        event = an_event(kind, self.order)
        early = event.__class__(
            **{name: getattr(event, name) for name in event.__struct_fields__}
            | {"version": event.version + skipped}
        )
        with pytest.raises(MissingEvent):
            evolve(self.order, early)

    @invariant()
    def it_is_what_has_happened(self) -> None:
        assert self.order == replay(self.happened)
        assert (self.order.version if self.order else 0) == len(self.happened)

    @invariant()
    def an_end_is_for_ever(self) -> None:
        assert self.ended is None or self.state is self.ended


TestFoldModel = FoldModel.TestCase
TestFoldModel.settings = settings(stateful_step_count=25)  # A life has about ten events.
