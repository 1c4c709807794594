from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.devchain import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as opened:
        yield opened
