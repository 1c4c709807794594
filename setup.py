"""Where a wheel has its packages: all but the client lie in `slipstream_engine` there.

`shared`, `services` and `cli` would meet other people's packages of these names. All else that
builds the distribution is in pyproject.toml.
"""

from setuptools import find_namespace_packages, setup

INSIDE = ("cli", "devchain", "services", "shared")
inside = find_namespace_packages(include=[*INSIDE, *(f"{name}.*" for name in INSIDE)])

setup(
    packages=[
        *("slipstream", "slipstream.following", "slipstream_engine"),
        *(f"slipstream_engine.{name}" for name in inside),
    ],
    package_dir={f"slipstream_engine.{name}": name for name in INSIDE},
)
