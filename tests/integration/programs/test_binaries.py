"""Binaries are what their sources make, and the linker takes only what the loader runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from struct import pack

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.transaction_metadata import TransactionMetadata

from devchain.programs.check import PROGRAMS, ZIGLANG, main, sums
from devchain.programs.link import CannotLink, link
from tests.support.cpmm import new_chain, send

_PROGRAM = Pubkey(bytes([9] * 32))
_CONSTANT = 1  # Relocations: of a load of an address, of a call.
_CALL = 10


@pytest.mark.parametrize("source", PROGRAMS, ids=lambda source: source.stem)
def test_nobody_edited_a_source_and_did_not_build_it(source: Path) -> None:
    assert source.with_suffix(".sums").read_text() == sums(source)


def test_the_check_builds_the_committed_bytes_or_says_that_it_cannot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        there = version("ziglang") == ZIGLANG
    except PackageNotFoundError:
        there = False

    assert main([]) == (0 if there else 2)
    assert there or f"pip install ziglang=={ZIGLANG}" in capsys.readouterr().err


def an_object(text: bytes, relocations: list[tuple[int, str, int]], **others: bytes) -> bytes:
    """Return an object as LLVM would write it, with `entrypoint` at the second instruction."""
    symbols = {"": (0, 0), "entrypoint": (1, 8), ".rodata": (2, 0)}
    symbols |= {name: (0, 0) for _, name, _ in relocations if name not in symbols}
    names = "\0".join(symbols).encode() + b"\0"
    table = b"".join(
        pack("<IBBHQQ", names.index(name.encode() + b"\0"), 0x10, 0, where, value, 0)
        for name, (where, value) in symbols.items()
    )
    places = list(symbols)
    moves = b"".join(pack("<QQ", at, places.index(n) << 32 | kind) for at, n, kind in relocations)
    parts = {"": b"", ".text": text, ".rodata": b"hello", ".rel.text": moves, ".symtab": table}
    parts |= {".strtab": names, **{f".{name}": content for name, content in others.items()}}
    titles = "\0".join(parts).encode() + b"\0.shstrtab\0"
    parts[".shstrtab"] = titles
    at, rows = 64, b""
    for number, (name, content) in enumerate(parts.items()):
        linked = {3: 4, 4: 5}.get(number, 0)
        title = titles.index(name.encode() + b"\0")
        info = 1 if number == 3 else 0
        rows += pack("<IIQQQQIIQQ", title, 1, 0, 0, at, len(content), linked, info, 1, 0)
        at += len(content)
    head = bytes(40) + pack("<Q", at) + bytes(12) + pack("<HH", len(parts), len(parts) - 1)
    return head + b"".join(parts.values()) + rows


def op(code: int, registers: int = 0, offset: int = 0, number: int = 0) -> bytes:
    return pack("<BBhi", code, registers, offset, number)


_EXIT = op(0x95)
_SAY_HELLO = (
    _EXIT  # Before the entry, and called from within the program.
    + op(0x18, 1)  # r1 = the address of "hello"
    + op(0)
    + op(0xB7, 2, number=5)  # r2 = 5
    + op(0x85, 0x10, number=-1)  # sol_log_
    + op(0x85, 0x10, number=-6)  # the first instruction
    + op(0xB7)  # r0 = 0
    + _EXIT
)
_HELLO: list[tuple[int, str, int]] = [(8, ".rodata", _CONSTANT), (32, "sol_log_", _CALL)]


def test_constants_system_calls_and_calls_within_the_program_run() -> None:
    chain = new_chain()
    chain.add_program(_PROGRAM, link(an_object(_SAY_HELLO, _HELLO)))
    result = send(chain, Instruction(_PROGRAM, b"", []))

    assert isinstance(result, TransactionMetadata)
    assert "Program log: hello" in result.logs()


def test_a_call_of_the_compilers_own_library_is_not_linked() -> None:
    with pytest.raises(CannotLink, match="__multi3 is called"):
        link(an_object(_SAY_HELLO, [*_HELLO[:1], (32, "__multi3", _CALL)]))


def test_data_that_could_be_written_are_not_linked() -> None:
    with pytest.raises(CannotLink, match="make it const"):
        link(an_object(_SAY_HELLO, _HELLO, data=b"1"))


def test_an_object_without_an_entry_is_not_linked() -> None:
    with pytest.raises(CannotLink, match="entrypoint"):
        link(an_object(_SAY_HELLO, _HELLO).replace(b"entrypoint", b"elsewhere!"))
