"""Lists as `sha256sum` writes them: "SHA256  PATH" lines, in any of its styles, made by it or for it.

They are read a block at a time: a list of a million files takes no more memory than one of a hundred.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Final

import msgspec

_BLOCK: Final = 1 << 17
_LONGEST_LINE: Final = 1 << 20  # of what is no list at all, the whole may be one line
_LINE: Final = re.compile(r"(\\?)([0-9A-Fa-f]{64}) [ *](.+)", re.DOTALL)
# Of BSD, and of `sha256sum --tag`.
_TAGGED: Final = re.compile(r"(\\?)SHA256 \((.+)\) = ([0-9A-Fa-f]{64})", re.DOTALL)
_ESCAPES: Final = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


class ManifestLine(msgspec.Struct, frozen=True, gc=False):
    """A line as it stands: `path` is text that may be unsafe."""

    path: str
    sha256: str


def manifest_line(place: str, sha256: str) -> bytes:
    escaped = place.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "" if escaped == place else "\\"
    return f"{mark}{sha256}  {escaped}\n".encode()


def parse_manifest(data: bytes) -> list[ManifestLine]:
    """Lines that are none of `sha256sum`'s are passed over, as `sha256sum -c` does."""
    return list(_parsed(data.decode("utf-8", "surrogateescape").split("\n")))


def manifest_lines(file: IO[bytes], length: int | None = None) -> Iterator[ManifestLine]:
    """Those of a file, from where it stands, or of its next `length` bytes, in order.

    A list that somebody made may begin with a mark of its encoding, or be in UTF-16, as PowerShell writes.
    Raises `OSError`.
    """
    blocks = _blocks(file, length)
    first = next(blocks, b"")
    while len(first) < len(codecs.BOM_UTF8) and (more := next(blocks, b"")):
        first += more
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
    else:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        first = first.removeprefix(codecs.BOM_UTF8)
    rest = decoder.decode(first)
    for block in blocks:
        *texts, rest = (rest + decoder.decode(block)).split("\n")
        yield from _parsed(texts)
        rest = rest[-_LONGEST_LINE:]
    yield from _parsed((rest + decoder.decode(b"", final=True)).split("\n"))


def in_nfc(path: str) -> str:
    """The one spelling of a path by which it is found, however a list or a drive spells it."""
    path = path.removeprefix("./")
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def all_in_nfc(paths: Sequence[str]) -> Sequence[str]:
    """As `in_nfc` of each. Most often all are spelled so, which is seen at one glance."""
    text = "\n".join(paths)
    if (text.isascii() or unicodedata.is_normalized("NFC", text)) and not text.startswith("./") and "\n./" not in text:
        return paths
    return [in_nfc(path) for path in paths]


def _blocks(file: IO[bytes], length: int | None) -> Iterator[bytes]:
    while block := file.read(_BLOCK if length is None else min(_BLOCK, length)):
        yield block
        length = None if length is None else length - len(block)


def _parsed(texts: Sequence[str]) -> Iterator[ManifestLine]:
    """Nearly all lines are plain ones: cut in columns, all together, they cost a third of a search in each."""
    hashes = [text[:64] for text in texts]
    joined = "".join(hashes)
    if {text[64:66] for text in texts} == {"  "} and _are_plain(joined, len(texts)):
        paths = [text[66:] for text in texts]
        if "" not in paths and "\r" not in "".join(paths):
            return map(ManifestLine, paths, hashes)
    return _searched(texts)


def _are_plain(hashes: str, count: int) -> bool:
    try:
        return len(hashes) == 64 * count and bytes.fromhex(hashes).hex() == hashes
    except ValueError:
        return False


def _searched(texts: Iterable[str]) -> Iterator[ManifestLine]:
    for line in texts:
        text = line.removesuffix("\r")
        if (found := _LINE.fullmatch(text)) is not None:
            escaped, sha256, path = found.groups()
        elif (found := _TAGGED.fullmatch(text)) is not None:
            escaped, path, sha256 = found.groups()
        else:
            continue
        if escaped:
            path = re.sub(r"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], path)
        yield ManifestLine(path, sha256.lower())
