"""The hub's answer to a download: a GNU tar of pieces, made as it is sent."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aihub_desktop.demo.catalogue import DemoFile
from aihub_desktop.demo.content import Bytes, Content

BLOCK: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member: the bytes start ≤ i < stop of `content` under `name`, or a link or device without bytes.

    `path` is the tree's spelling of the file that the member belongs to. `spoilt` says how the header is
    damaged: "checksum", "size" (no number, under a right checksum) or "noise".
    """

    name: str
    path: str = ""
    content: Content | None = None
    start: int = 0
    stop: int = 0
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    mtime: int = 1_772_400_000
    spoilt: str = ""

    def header(self) -> bytes:
        """The header block, after the blocks of a long name if it needs them."""
        info = tarfile.TarInfo(self.name)
        info.size = self.stop - self.start
        info.type = self.kind
        info.linkname = self.link
        info.mtime = self.mtime
        blocks = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
        match self.spoilt:
            case "checksum":
                return _with(blocks, 148, b"0000001\0")
            case "size":
                return _summed(_with(blocks, 124, b"12 sizes...\0"))
            case "noise":
                return blocks[:-BLOCK] + b"\xa5" * BLOCK
        return blocks


def pieces(files: Iterable[DemoFile], piece_size: int) -> list[Member]:
    """The members of an answer: each file cut every `piece_size` bytes, an empty one as one empty piece."""
    return [
        Member(
            name=f"{file.path.replace(' ', '_')}.part{start}",
            path=file.path,
            content=file.content,
            start=start,
            stop=min(start + piece_size, file.content.size),
        )
        for file in files
        for start in range(0, max(file.content.size, 1), piece_size)
    ]


def blocks(members: Iterable[Member]) -> Iterator[Bytes]:
    """The tar's bytes, with the two zero blocks that end it."""
    for member in members:
        yield member.header()
        if member.content is not None:
            yield from member.content.read(member.start, member.stop)
        yield bytes(-(member.stop - member.start) % BLOCK)
    yield bytes(2 * BLOCK)


def _with(blocks: bytes, offset: int, text: bytes) -> bytes:
    """The last header block of `blocks` with `text` at `offset`."""
    place = len(blocks) - BLOCK + offset
    return blocks[:place] + text + blocks[place + len(text) :]


def _summed(blocks: bytes) -> bytes:
    header = _with(blocks, 148, b" " * 8)[-BLOCK:]
    return _with(blocks, 148, f"{sum(header):06o}\0 ".encode())
