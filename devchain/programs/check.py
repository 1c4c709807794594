"""Build every program anew and compare it, byte for byte, with the one that is committed.

    python -m devchain.programs.check [--write]

Needs `ziglang` of the version below from PyPI, which holds Clang and is 411 MB: install it into an
environment of its own and run this there. With `--write` the committed binaries are replaced.
Exits with 0 if all are the same, 1 if one differs, 2 if there is no compiler of this version.
Beside each binary lie the sums of all that made it, so that a test without a compiler sees a source
that was edited and not built.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from devchain.programs.link import link

ZIGLANG = "0.17.1"
_HERE = Path(__file__).parent
_NAMES = ("raydium_cpmm", "meteora_dlmm", "jupiter")
PROGRAMS = [_HERE / name / f"{name}.c" for name in _NAMES]
# v1: sBPF v0 knows no jumps on 32 bits. Small rather than fast: the work of a swap is its two
# transfers. Accounts are full of words at odd addresses, and the virtual machine takes them.
FLAGS = [
    *("-target", "bpfel-freestanding", "-mcpu=v1", "-std=c23", "-Os", "-fno-builtin"),
    *("-fno-sanitize=all", "-Wall", "-Wextra", "-Werror", "-Wno-unused-command-line-argument"),
    *("-Xclang", "-target-feature", "-Xclang", "+allows-misaligned-mem-access"),
    *("-mllvm", "-bpf-stack-size=4096"),
]
_DEADLINE_S = 300


class NoCompiler(Exception):
    """The compiler is not installed, or of another version."""


def build(source: Path) -> bytes:
    """Return the binary of a program; raises NoCompiler, CalledProcessError or CannotLink."""
    _need_compiler()
    with tempfile.TemporaryDirectory() as folder:
        obj = Path(folder) / "program.o"
        # From the source's folder, and with a cache of its own: no path of a machine comes in.
        subprocess.run(  # noqa: S603 - our own compiler and our own source
            [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-c", source.name, "-o", str(obj)],
            cwd=source.parent,
            env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder},
            timeout=_DEADLINE_S,
            check=True,
        )
        return link(obj.read_bytes())


def _need_compiler() -> None:
    try:
        found = version("ziglang")
    except PackageNotFoundError:
        found = "none"
    if found != ZIGLANG:
        raise NoCompiler(
            f"needs ziglang {ZIGLANG}, found {found}: make an environment apart "
            f"(411 MB), `pip install ziglang=={ZIGLANG}`, and run this with its Python"
        )


def sums(source: Path) -> str:
    """Return what `sha256sum` says of a program's binary and all that it is made of."""
    files = [*sorted(source.parent.glob("*.[ch]")), source.with_suffix(".so")]
    files += [*sorted((_HERE / "solana").glob("*.h")), _HERE / "check.py", _HERE / "link.py"]
    return "".join(
        f"{sha256(file.read_bytes()).hexdigest()}  {os.path.relpath(file, source.parent)}\n"
        for file in files
    )


def main(arguments: list[str]) -> int:
    """Compare every program, or with `--write` replace it; return the exit code."""
    different = False
    for source in PROGRAMS:
        try:
            built = build(source)
        except NoCompiler as missing:
            print(missing, file=sys.stderr)  # noqa: T201 - a command speaks to its user
            return 2
        binary = source.with_suffix(".so")
        if arguments == ["--write"]:
            binary.write_bytes(built)
            source.with_suffix(".sums").write_text(sums(source))
        same = binary.read_bytes() == built
        different |= not same
        print(f"{binary.name}: {'the same' if same else 'DIFFERS'}, {len(built)} bytes")  # noqa: T201 - see above
    return int(different)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
