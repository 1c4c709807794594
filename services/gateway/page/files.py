"""The page's files, read once: what each is, packed and unpacked, and the name of its content."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

HOME = "/"
UNDER = "/page/"  # All other files of the page; the page names them relative to itself.

_STATIC = Path(__file__).with_name("static")
_INDEX = "index.html"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}
_WORTH_PACKING = 1_024  # Bytes of a file.


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent. `packed` is its content in gzip, None where that saves nothing."""

    kind: str
    content: bytes
    packed: bytes | None
    etag: str

    @classmethod
    def read(cls, path: Path) -> File:
        """Return the file at a path. Raises `KeyError` for a kind that no page has."""
        content = path.read_bytes()
        # No time is written into it, so that all gateways send the same bytes.
        packed = gzip.compress(content, mtime=0) if len(content) >= _WORTH_PACKING else None
        # Weak: it names the file, packed or not.
        etag = f'W/"{sha256(content).hexdigest()[:24]}"'
        return cls(_KINDS[path.suffix], content, packed, etag)


def read_files() -> Mapping[str, File]:
    """Return every file of the page by its address. No other address leads to a file."""
    files = {_address(path): File.read(path) for path in _STATIC.rglob("*") if path.is_file()}
    return MappingProxyType(files)


def _address(path: Path) -> str:
    return HOME if path.name == _INDEX else UNDER + path.relative_to(_STATIC).as_posix()
