"""Public images are named in one place each, by a tag that a digest may replace."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import yaml

from tests.deploy.manifests import ROOT

_CHOICE = re.compile(r"\$\{([A-Z]+_IMAGE):-([^}]+)\}")
_COMPOSE = (ROOT / "docker-compose.yml").read_text()
_DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
_DIGEST = "sha256:" + "ab" * 32
# As buildx prints an image of several platforms.
_DOCKER = f"""#!/bin/sh
[ "$*" = "buildx imagetools inspect $4" ] || exit 9
[ "$4" = "$UNKNOWN" ] && exit 1
cat <<end
Name:      docker.io/library/$4
Digest:    {_DIGEST}

Manifests:
  Name:      docker.io/library/$4@sha256:{"cd" * 32}
end
"""


def pinned(folder: Path, *, unknown: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "docker").write_text(_DOCKER)
    (folder / "docker").chmod(0o755)
    return subprocess.run(
        ["sh", ROOT / "deploy/pin-images.sh"],
        env={"PATH": os.pathsep.join((str(folder), os.defpath)), "UNKNOWN": unknown},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_public_image_can_be_pinned() -> None:
    services = yaml.safe_load(_COMPOSE)["services"]
    public = {one["image"] for one in services.values()} - {"slipstream"}
    bases = re.findall(r"^FROM (\S+)", _DOCKERFILE, re.MULTILINE)

    assert all(_CHOICE.fullmatch(image) for image in public)
    assert set(bases) == {"${PYTHON_IMAGE}"}


def test_compose_and_the_image_begin_with_the_same_python() -> None:
    [default] = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", _DOCKERFILE, re.MULTILINE)

    assert dict(_CHOICE.findall(_COMPOSE))["PYTHON_IMAGE"] == default


def test_each_image_is_printed_with_its_digest(tmp_path: Path) -> None:
    done = pinned(tmp_path)

    assert done.returncode == 0
    assert done.stdout
    assert done.stdout.splitlines() == [
        f"{name}={image}@{_DIGEST}" for name, image in _CHOICE.findall(_COMPOSE)
    ]


def test_an_image_whose_registry_does_not_answer_is_named(tmp_path: Path) -> None:
    failed = pinned(tmp_path, unknown="redis:8-alpine")

    assert failed.returncode == 1
    assert failed.stderr.startswith("redis:8-alpine: no digest")
    assert "REDIS_IMAGE" not in failed.stdout
