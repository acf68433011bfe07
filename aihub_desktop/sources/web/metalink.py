"""Metalinks: files with their mirrors, checksums and hashes of pieces, read from XML. Pure.

4 (RFC 5854)   metalink/file[name]: size, hash[type], pieces[length, type]/hash, url[priority, location]
3              metalink/files/file[name]: size, verification/(hash, pieces/hash[piece]), resources/url[preference]
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

import msgspec

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import (
    UNKNOWN_SIZE,
    WEB,
    Algorithm,
    Checksum,
    Origin,
    PieceHashes,
    RemoteFile,
    SizeRange,
)
from aihub_desktop.sources.web.addresses import clean
from aihub_desktop.sources.web.digests import algorithm_of, checked, ranked
from aihub_desktop.sources.web.names import safe_folders

LARGEST: Final = 32 << 20  # a file of 1 TiB with a hash for each MiB; nobody has lists of more
_NAMESPACES: Final = ("urn:ietf:params:xml:ns:metalink", "http://www.metalinker.org/")
_DEEPEST: Final = 12
_LONGEST_TEXT: Final = 16 << 10
_MOST_FILES: Final = 100_000
_MOST_MIRRORS: Final = 200
_NEAR: Final = "kr"  # of mirrors that are equal otherwise, those of this country come first
_LAST: Final = 999_999  # the priority of a mirror that has none
_BEST: Final = 100  # the highest preference of version 3, where more is better
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_LARGEST_FILE: Final = 1 << 62


class Metalink(msgspec.Struct, frozen=True):
    """`left_out`: names of files that have no address over http or https."""

    files: list[RemoteFile]
    left_out: list[str] = []


def is_metalink(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in ("application/metalink4+xml", "application/metalink+xml")


def has_metalinks_name(name: str) -> bool:
    return name.lower().endswith((".meta4", ".metalink"))


def read_metalink(data: bytes) -> Metalink:
    """The files of a Metalink, in its order, with safe names that may be equal yet.

    Raises `ProblemError` BAD_LIST for anything malformed, for one with a DTD, and for one with nothing to fetch.
    """
    if len(data) > LARGEST:
        raise _bad("too-long")
    drafts = _Reader().read(data)
    files = [(draft, draft.file()) for draft in drafts]
    found = [file for _, file in files if file is not None]
    if not found:
        raise _bad("empty")
    return Metalink(found, [draft.name[:80] for draft, file in files if file is None])


@dataclass(slots=True)
class _Draft:
    name: str
    size: str = ""
    hashes: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[_Pieces] = field(default_factory=list)
    urls: list[tuple[int, bool, str]] = field(default_factory=list)

    def file(self) -> RemoteFile | None:
        addresses = self._addresses()
        if not addresses:
            return None
        size = UNKNOWN_SIZE if not self.size else SizeRange.exactly(_number(self.size))
        pieces = next((found for each in self.pieces if (found := each.hashes(size))), None)
        origin = Origin(addresses=tuple(addresses), checksums=self._checksums(), pieces=pieces)
        return RemoteFile(WEB, "", clean(addresses[0]), safe_folders(self.name), size, origin=origin)

    def _addresses(self) -> list[str]:
        addresses: dict[str, None] = {}  # in order; a list of a million mirrors would be walked a million times
        for _, _, address in sorted(self.urls, key=lambda each: each[:2]):
            try:
                clean(address)
            except ProblemError:
                continue  # ftp, a torrent, or broken: the others may do
            addresses[address] = None
            if len(addresses) == _MOST_MIRRORS:
                break
        return list(addresses)

    def _checksums(self) -> tuple[Checksum, ...]:
        found: dict[Algorithm, Checksum] = {}
        for kind, digits in self.hashes:
            if algorithm := algorithm_of(kind):
                found.setdefault(algorithm, _checksum(algorithm, digits))
        return ranked(found.values())


@dataclass(slots=True)
class _Pieces:
    kind: str
    length: int
    values: list[tuple[int, str]] = field(default_factory=list)

    def hashes(self, size: SizeRange) -> PieceHashes | None:
        """None for hashes that are not reckoned here, or not as many as the file has pieces."""
        algorithm = algorithm_of(self.kind)
        whole = not size.is_unknown and len(self.values) == -(-size.high // self.length)
        if algorithm is None or not whole:
            return None
        values = [_checksum(algorithm, digits).value for _, digits in sorted(self.values, key=lambda each: each[0])]
        return PieceHashes(algorithm, self.length, values)


class _Reader:
    """Follows the elements of one document."""

    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._path: list[str] = []
        self._told: dict[str, str] = {}
        self._text = ""

    def read(self, data: bytes) -> list[_Draft]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._take
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError, LookupError):
            raise _bad("xml") from None
        return self._drafts

    def _begin(self, element: str, told: dict[str, str]) -> None:
        namespace, _, name = element.rpartition(" ")
        if not self._path and (name != "metalink" or namespace not in _NAMESPACES):
            raise _bad("xml")
        # Elements of others may stand anywhere, and mean nothing here.
        self._path.append(name if namespace in _NAMESPACES else "")
        self._text, self._told = "", told
        if len(self._path) > _DEEPEST or len(self._drafts) > _MOST_FILES or len(told.get("name", "")) > _LONGEST_TEXT:
            raise _bad("too-long")
        if self._path[-2:] in (["metalink", "file"], ["files", "file"]):
            self._drafts.append(_Draft(told.get("name", "")))
        elif name == "pieces" and self._drafts:
            length = _number(told.get("length", ""))
            if not length:
                raise _bad("number")
            self._drafts[-1].pieces.append(_Pieces(told.get("type", ""), length))

    def _end(self, element: str) -> None:
        where, text, told = self._path[-2:], self._text.strip(), self._told
        self._path.pop()
        self._text, self._told = "", {}
        if "file" not in self._path:
            return
        draft = self._drafts[-1]
        match where:
            case ["file", "size"]:
                draft.size = text
            case ["file" | "verification", "hash"]:
                draft.hashes.append((told.get("type", ""), text))
            case ["pieces", "hash"] if draft.pieces:
                values = draft.pieces[-1].values
                values.append((_number(told.get("piece", str(len(values)))), text))
            case ["file" | "resources", "url"]:
                draft.urls.append((_priority(told), told.get("location", "").lower() != _NEAR, text))

    def _take(self, text: str) -> None:
        self._text += text
        if len(self._text) > _LONGEST_TEXT:
            raise _bad("too-long")


def _priority(told: dict[str, str]) -> int:
    if "preference" in told:
        return _BEST - min(_number(told["preference"]), _BEST)
    return _number(told["priority"]) if "priority" in told else _LAST


def _number(text: str) -> int:
    if not text.isascii() or not _NUMBER.fullmatch(text.strip()) or int(text) > _LARGEST_FILE:
        raise _bad("number")
    return int(text)


def _checksum(algorithm: Algorithm, digits: str) -> Checksum:
    try:
        return checked(algorithm, "".join(digits.split()))
    except ValueError:
        raise _bad("checksum") from None


def _refuse(*_: object) -> NoReturn:
    # Entities can grow without bound and name files of this machine; no Metalink needs them.
    raise _bad("dtd")


def _bad(why: str) -> ProblemError:
    return ProblemError(Code.BAD_LIST, why=why)
