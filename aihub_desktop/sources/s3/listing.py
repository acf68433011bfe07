"""The XML of object storage, read: buckets, pages of objects, errors. Pure.

Documents are untrusted: one with a document type is refused, for entities are declared there. Names of elements are
taken without their namespace, which storages spell in several ways.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn
from urllib.parse import unquote_plus
from xml.parsers import expat

from aihub_desktop.domain.faults import Code, ProblemError

_RECORDS: Final = frozenset({"Contents", "CommonPrefixes", "Bucket", "Error", "Part", "Upload"})
_SIZE: Final = re.compile(r"0*(?P<number>[0-9]{1,19})")
_LARGEST_SIZE: Final = 1 << 62
# A name has 1,024 bytes at most, each of which may be written as three signs; no document has more levels than these.
_LONGEST_TEXT: Final = 64 << 10
_DEEPEST: Final = 16
# What expat raises, and Python for a text in a coding that it does not know, or whose signs are several bytes.
_UNREADABLE: Final = (expat.ExpatError, ValueError, LookupError)
_ETAG: Final = re.compile(r"[\x21\x23-\x7e]+")


class Entry(NamedTuple):
    """An object. `etag` with its quotes, "" for none or a weak one."""

    key: str
    size: int
    etag: str


class Page(NamedTuple):
    """One answer to a list. `next`: the marker or token of the page after it, "" at the end.

    `version`: 1 or 2, of the answer and not of the question: some storages do not know the newer one and answer by
    the older.
    """

    entries: list[Entry]
    prefixes: list[str]
    next: str
    version: int


class StorageError(NamedTuple):
    """What an error's document says; each "" where it says nothing."""

    code: str = ""
    message: str = ""
    region: str = ""


class Document(NamedTuple):
    root: str
    top: dict[str, str]
    records: list[tuple[str, dict[str, str]]]


class _UnwantedError(ValueError):
    """The document holds what no storage sends."""


class _Reader:
    """Collects the leaves right below the root, and those of each record."""

    def __init__(self) -> None:
        self.root = ""
        self.top: dict[str, str] = {}
        self.records: list[tuple[str, dict[str, str]]] = []
        self._record: dict[str, str] | None = None
        self._record_depth = 0
        self._depth = 0
        self._text = ""

    def read(self, document: bytes) -> Document:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _unwanted
        parser.EntityDeclHandler = _unwanted
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.Parse(document, True)
        return Document(self.root, self.top, self.records)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnwantedError("depth")
        self._text = ""
        if self._record is None:
            local = name.rpartition(":")[2]
            if self._depth == 1:
                self.root = local
            if local in _RECORDS:
                self._record, self._record_depth = {}, self._depth
                self.records.append((local, self._record))

    def _data(self, data: str) -> None:
        self._text += data
        if len(self._text) > _LONGEST_TEXT:
            raise _UnwantedError("length")

    def _end(self, name: str) -> None:
        depth, self._depth = self._depth, self._depth - 1
        if self._record is None:
            if depth == 2:
                self.top[name.rpartition(":")[2]] = self._text
        elif depth == self._record_depth + 1:
            self._record[name.rpartition(":")[2]] = self._text
        elif depth == self._record_depth:
            self._record = None
        self._text = ""


def _unwanted(*declared: object) -> NoReturn:
    raise _UnwantedError("document type")


def read_buckets(document: bytes) -> list[str]:
    """The names of an answer to ListBuckets. Raises `ProblemError` WRONG_ANSWER for another document."""
    read = read_document(document, "ListAllMyBucketsResult")
    return [record["Name"] for kind, record in read.records if kind == "Bucket" and record.get("Name")]


def read_page(document: bytes) -> Page:
    """An answer to ListObjects, of either version. Raises `ProblemError` WRONG_ANSWER for another document."""
    read = read_document(document, "ListBucketResult")
    decoded = read.top.get("EncodingType") == "url"
    entries: list[Entry] = []
    prefixes: list[str] = []
    for kind, record in read.records:
        if kind == "Contents":
            entries.append(_entry(record, decoded))
        elif kind == "CommonPrefixes":
            prefixes.append(plain_text(record.get("Prefix", ""), decoded))
    version = 1 if "Marker" in read.top or "KeyCount" not in read.top else 2
    return Page(entries, prefixes, _next(read.top, entries, prefixes, version, decoded), version)


def read_error(document: bytes) -> StorageError:
    """What an error's document says. A text that is none gives an empty error: error bodies may be cut, or be pages."""
    try:
        read = _Reader().read(document)
    except _UNREADABLE:
        return StorageError()
    found = next((record for kind, record in read.records if kind == "Error"), {})
    return StorageError(found.get("Code", ""), found.get("Message", ""), found.get("Region", ""))


def read_document(document: bytes, *roots: str) -> Document:
    """Raises `ProblemError` WRONG_ANSWER for another document than one of these roots."""
    try:
        read = _Reader().read(document)
    except _UNREADABLE:
        raise ProblemError(Code.WRONG_ANSWER, why="xml") from None
    if read.root not in roots:
        raise ProblemError(Code.WRONG_ANSWER, why="xml", text=read.root[:80])
    return read


def _entry(record: dict[str, str], decoded: bool) -> Entry:
    found = _SIZE.fullmatch(record.get("Size", ""))
    if "Key" not in record or found is None or (size := int(found["number"])) > _LARGEST_SIZE:
        raise ProblemError(Code.WRONG_ANSWER, why="entry")
    return Entry(plain_text(record["Key"], decoded), size, quoted_etag(record.get("ETag", "")))


def _next(top: dict[str, str], entries: list[Entry], prefixes: list[str], version: int, decoded: bool) -> str:
    if top.get("IsTruncated") != "true":
        return ""
    if version == 2:
        following = top.get("NextContinuationToken", "")  # opaque, and so never encoded
    else:
        # Without a delimiter there is no NextMarker: then the last name of the page is the marker.
        last = max([entry.key for entry in entries[-1:]] + prefixes[-1:], default="", key=str.encode)
        following = plain_text(top.get("NextMarker", ""), decoded) or last
    if not following:
        raise ProblemError(Code.WRONG_ANSWER, why="no-marker")
    return following


def plain_text(text: str, decoded: bool) -> str:
    return unquote_plus(text) if decoded and ("%" in text or "+" in text) else text


def quoted_etag(text: str) -> str:
    """An ETag with its quotes, also where a storage leaves them out; "" for a weak one, or none."""
    bare = text.strip()
    bare = bare[1:-1] if len(bare) > 2 and bare[0] == bare[-1] == '"' else bare
    return f'"{bare}"' if _ETAG.fullmatch(bare) and not text.startswith("W/") else ""
