"""The manifests against the schemas of Kubernetes, KEDA and the Prometheus Operator."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import kubernetes_validate
import pytest
from pydantic import BaseModel, ValidationError

from tests.deploy.manifests import Manifest, Rendering

# The first with everything that is used on by default, and the newest whose schemas there are.
RELEASES = ("1.30", "1.37")
CUSTOM = {
    "ScaledObject": "cloudcoil.models.keda.v1alpha1",
    "PodMonitor": "cloudcoil.models.prometheus_operator.v1",
}


def check_custom(thing: Manifest) -> None:
    """Raise `ValidationError` or `AssertionError` for what the definition does not allow."""
    # Imported here, because that takes seconds, and every worker reads every test.
    definitions = importlib.import_module(CUSTOM[thing["kind"]])
    kind: type[BaseModel] = getattr(definitions, thing["kind"])
    model = kind.model_validate(thing)
    assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) == thing


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_one_that_this_release_knows(rendering: Rendering, release: str) -> None:
    built_in = [thing for thing in rendering.objects if thing["kind"] not in CUSTOM]

    assert built_in
    for thing in built_in:
        kubernetes_validate.validate(thing, release, strict=True)


def test_every_custom_resource_is_as_its_definition_says(rendering: Rendering) -> None:
    custom = [thing for thing in rendering.objects if thing["kind"] in CUSTOM]

    assert {thing["kind"] for thing in custom} == (
        set(CUSTOM) if rendering.overlay == "production" else set()
    )
    for thing in custom:
        check_custom(thing)


def misspelt(thing: Manifest, *path: str) -> dict[str, Any]:
    """Return a copy in which one field has another name."""
    changed: Any = copy.deepcopy(thing)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[f"{path[-1]}s"] = place.pop(path[-1])
    return dict(changed)


@pytest.mark.parametrize("release", RELEASES)
def test_a_misspelt_field_would_be_found(production: Rendering, release: str) -> None:
    gateway = production.named("Deployment", "gateway")
    wrong = misspelt(gateway, "spec", "template", "spec", "terminationGracePeriodSeconds")

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, release, strict=True)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("ScaledObject", ("spec", "minReplicaCount")),
        ("ScaledObject", ("spec", "triggers")),
        ("PodMonitor", ("spec", "jobLabel")),
        ("PodMonitor", ("spec", "selector")),
    ],
)
def test_a_misspelt_field_of_a_custom_resource_would_be_found(
    production: Rendering, kind: str, path: tuple[str, ...]
) -> None:
    [thing, *_] = production.of(kind)

    with pytest.raises((ValidationError, AssertionError)):
        check_custom(misspelt(thing, *path))
