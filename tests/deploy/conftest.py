"""Both overlays, rendered once a worker."""

from __future__ import annotations

import pytest

from tests.deploy.manifests import OVERLAYS, Rendering, render


@pytest.fixture(scope="session", params=OVERLAYS)
def rendering(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Rendering:
    """Return each overlay in turn."""
    return render(request.param, tmp_path_factory.mktemp("k8s"))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    return render("local", tmp_path_factory.mktemp("k8s"))


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    return render("production", tmp_path_factory.mktemp("k8s"))
