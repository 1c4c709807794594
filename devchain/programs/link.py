"""Link an eBPF object of LLVM into the shared object that Solana's loader takes (sBPF v0).

The loader wants a little-endian ELF64 of type DYN, each section at its own offset in the file:

- `.text` and `.rodata`, found at 0x1_0000_0000 plus their offset when the program runs;
- each system call as `call -1`, with a relocation (R_BPF_64_32) that names it by a symbol;
- PT_DYNAMIC, which says where relocations, symbols and their names are.

Calls between functions stay as they are: the loader finds their targets by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from struct import Struct, iter_unpack, pack, pack_into, unpack_from

_SYMBOL = "<IBBHQQ"  # name, info, other, section, value, size
_PROGRAM_START = 0x1_0000_0000
_INSN_64, _ABS_64, _CALL = 1, 2, 10  # R_BPF_64_64, R_BPF_64_ABS64, R_BPF_64_32
_FILE_HEADER, _SEGMENT, _SECTION = (
    Struct("<HHIQQQIHHHHHH"),
    Struct("<IIQQQQQQ"),
    Struct("<IIQQQQIIQQ"),
)
_HEADERS = 64 + 3 * _SEGMENT.size
_PARTS = (".text", ".rodata", ".dynsym", ".dynstr", ".rel.dyn", ".dynamic", ".shstrtab")
_BPF = 247


class CannotLink(ValueError):
    """The object has something that the loader, or this linker, does not do."""


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    type: int
    link: int
    info: int
    content: bytes


def link(obj: bytes) -> bytes:
    """Return the shared object made of an object file with a function `entrypoint`.

    Raises CannotLink: no such function, a writable section, or a call of a function that is neither
    in the object nor a system call (the compiler's own library, for one).
    """
    sections = list(_sections(obj))
    for section in sections:
        if section.name.startswith((".data", ".bss")) and section.content:
            raise CannotLink(f"{section.name}: a program has no writable data; make it const")
    # Text first, then constants; each begins at a multiple of eight.
    kept = [s for s in sections if s.name == ".text"]
    kept += [s for s in sections if s.name.startswith(".rodata")]
    starts = accumulate((_padded(len(s.content)) for s in kept), initial=_HEADERS)
    places = {s.name: start for s, start in zip(kept, starts, strict=False)}
    image = {s.name: bytearray(s.content) for s in kept}
    calls = list(_relocate(sections, places, image))
    entry = places[".text"] + _entry(sections)
    text, *constants = (bytes(part) + bytes(-len(part) % 8) for part in image.values())
    return _lay_out(text, b"".join(constants), calls, entry)


def _sections(obj: bytes) -> Iterator[_Section]:
    (start,) = unpack_from("<Q", obj, 40)
    count, names_at = unpack_from("<HH", obj, 60)
    rows = [_SECTION.unpack_from(obj, start + i * _SECTION.size) for i in range(count)]
    names = obj[rows[names_at][4] :]
    for name, kind, _, _, offset, size, link_, info, _, _ in rows:
        yield _Section(_text_at(names, name), kind, link_, info, obj[offset : offset + size])


def _entry(sections: list[_Section]) -> int:
    (symbols,) = (s for s in sections if s.name == ".symtab")
    for symbol in iter_unpack(_SYMBOL, symbols.content):
        if _text_at(sections[symbols.link].content, symbol[0]) == "entrypoint":
            return int(symbol[4])
    raise CannotLink("there is no function `entrypoint`")


def _relocate(
    sections: list[_Section], places: Mapping[str, int], image: Mapping[str, bytearray]
) -> Iterator[tuple[int, str]]:
    """Write addresses of constants into the image; return where in the file which call is made."""
    for table in sections:
        if not table.name.startswith(".rel") or sections[table.info].name not in places:
            continue
        here = sections[table.info].name
        symbols = sections[table.link]
        names = sections[symbols.link].content
        for offset, about in iter_unpack("<QQ", table.content):
            number, kind = about >> 32, about & 0xFFFFFFFF
            name, _, _, where, value, _ = unpack_from(_SYMBOL, symbols.content, 24 * number)
            if kind == _CALL and not where:
                yield places[here] + offset, _system_call(_text_at(names, name))
                image[here][offset + 1] = 0  # Not a call within the program.
                continue
            target = sections[where].name
            if target not in places or kind not in {_INSN_64, _ABS_64}:
                raise CannotLink(f"{here}+{offset}: relocation {kind} against {target!r}")
            address = _PROGRAM_START + places[target] + value
            _write_address(image[here], offset, address, halves=kind == _INSN_64)


def _write_address(part: bytearray, offset: int, address: int, *, halves: bool) -> None:
    """Add an address to the addend that lies there: as one word, or as the halves of a load."""
    if halves:
        address += unpack_from("<I", part, offset + 4)[0]
        pack_into("<I", part, offset + 4, address & 0xFFFFFFFF)
        pack_into("<I", part, offset + 12, address >> 32)
    else:
        pack_into("<Q", part, offset, address + unpack_from("<Q", part, offset)[0])


def _system_call(name: str) -> str:
    if name != "abort" and not name.startswith("sol_"):
        raise CannotLink(f"{name} is called, and is no system call")
    return name


def _lay_out(text: bytes, constants: bytes, calls: list[tuple[int, str]], entry: int) -> bytes:
    called = sorted({name for _, name in calls})
    strings, at = _string_table(called)
    symbols = bytes(24) + b"".join(pack(_SYMBOL, at[name], 0x10, 0, 0, 0, 0) for name in called)
    relocations = b"".join(pack("<QQ", o, called.index(n) + 1 << 32 | _CALL) for o, n in calls)
    section_names, name_at = _string_table(_PARTS)
    contents = [text, constants, symbols, strings, relocations, bytes(8 * 16), section_names]
    starts = list(accumulate((_padded(len(c)) for c in contents), initial=_HEADERS))
    _, _, symtab, strtab, reltab, dynamic, _, end = starts
    # REL, RELSZ, RELENT, SYMTAB, SYMENT, STRTAB, STRSZ, and the end.
    tags = [(17, reltab), (18, len(relocations)), (19, 16), (6, symtab), (11, 24), (5, strtab)]
    contents[5] = b"".join(pack("<QQ", *tag) for tag in [*tags, (10, len(strings)), (0, 0)])

    # Type, flags, link, info, size of an entry.
    kinds = [(1, 6, 0, 0, 0), (1, 2, 0, 0, 0), (11, 2, 4, 1, 24), (3, 2, 0, 0, 0)]
    kinds += [(9, 2, 3, 0, 16), (6, 3, 4, 0, 16), (3, 0, 0, 0, 0)]
    rows = [bytes(_SECTION.size)]
    for part, (kind, flags, linked, info, each), start, content in zip(
        _PARTS, kinds, starts, contents, strict=False
    ):
        address = start if flags else 0
        place = (address, start, len(content), linked, info, 8, each)
        rows.append(_SECTION.pack(name_at[part], kind, flags, *place))

    def segment(kind: int, flags: int, start: int, size: int) -> bytes:
        return _SEGMENT.pack(kind, flags, start, start, start, size, size, 8)

    numbers = (3, _BPF, 1, entry, 64, end, 0, 64, _SEGMENT.size, 3, _SECTION.size)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += _FILE_HEADER.pack(*numbers, len(rows), len(rows) - 1)
    segments = segment(1, 5, _HEADERS, len(text)) + segment(1, 4, starts[1], starts[6] - starts[1])
    segments += segment(2, 6, dynamic, len(contents[5]))
    body = b"".join(content.ljust(_padded(len(content)), b"\0") for content in contents)
    return header + segments + body + b"".join(rows)


def _string_table(
    names: Iterator[str] | list[str] | tuple[str, ...],
) -> tuple[bytes, dict[str, int]]:
    table, at = b"\0", {}
    for name in names:
        at[name] = len(table)
        table += name.encode() + b"\0"
    return table, at


def _text_at(table: bytes, start: int) -> str:
    return table[start : table.index(0, start)].decode()


def _padded(size: int) -> int:
    return size + -size % 8
