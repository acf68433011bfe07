"""What a request is answered with, decided from its words alone. Pure: nothing is opened, nothing is sent."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, unquote_to_bytes

from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.sharing import FILES, LIST, MANIFEST
from aihub_desktop.sharing.token import is_let_in

Headers = Sequence[tuple[bytes, bytes]]
_Lines = tuple[tuple[bytes, bytes], ...]

_METHODS: Final = (b"GET", b"HEAD")
_RANGE: Final = re.compile(rb"bytes[ \t]*=[ \t]*([0-9]{0,18})[ \t]*-[ \t]*([0-9]{0,18})[ \t]*", re.IGNORECASE)
_ORIGIN: Final = re.compile(rb"[a-z]+://[^/?]*", re.IGNORECASE)
_ALWAYS: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"private, no-cache"))


class Thing(Enum):
    """What can be had."""

    GREETING = auto()
    LIST = auto()
    MANIFEST = auto()
    FILE = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one. Names of headers are in lower case, as h11 tells them."""

    method: bytes
    target: bytes
    headers: Headers

    def value(self, name: bytes) -> bytes | None:
        """Of the header `name`; values of one that is repeated are joined, as they may be."""
        found = [value for known, value in self.headers if known == name]
        return b", ".join(found) if found else None

    @property
    def has_body(self) -> bool:
        length = self.value(b"content-length")
        return self.value(b"transfer-encoding") is not None or (length is not None and length.strip(b"0") != b"")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that may be answered. `place` of a FILE; `dataset` for a LIST of one alone."""

    thing: Thing
    place: str = ""
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """`ends`: the connection is of no more use."""

    status: HTTPStatus
    headers: _Lines = ()
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes start ≤ i < stop of a file, and the head that goes before them."""

    status: HTTPStatus
    headers: _Lines
    start: int = 0
    stop: int = 0


def judged(request: Request, token: Secret) -> Wanted | Refused:
    """The token comes first: who has none learns nothing, not even which paths there are."""
    if not is_let_in(request.value(b"authorization") or b"", token):
        return Refused(HTTPStatus.UNAUTHORIZED, ((b"www-authenticate", b'Bearer realm="aihub"'),), ends=True)
    if request.method not in _METHODS:
        return Refused(HTTPStatus.METHOD_NOT_ALLOWED, ((b"allow", b"GET, HEAD"),), ends=True)
    if request.has_body:
        return Refused(HTTPStatus.BAD_REQUEST, ends=True)
    return _wanted(request.target) or Refused(HTTPStatus.NOT_FOUND)


def _wanted(target: bytes) -> Wanted | None:
    path, _, query = _ORIGIN.sub(b"", target, count=1).partition(b"?")
    fixed = {b"/": Thing.GREETING, LIST.encode(): Thing.LIST, MANIFEST.encode(): Thing.MANIFEST}
    if path in fixed:
        return Wanted(fixed[path], dataset=_dataset(query))
    if not path.startswith(FILES.encode()):
        return None
    try:
        # Decoded once: what is found must be spelt in the ledger just so. Nothing is folded, nothing is looked for.
        place = unquote_to_bytes(path[len(FILES) :]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return Wanted(Thing.FILE, unicodedata.normalize("NFC", place))


def _dataset(query: bytes) -> str:
    return parse_qs(query.decode("ascii", "replace")).get("dataset", [""])[0]


def part_of(request: Request, size: int, sha256: str) -> Part:
    """What of a file of `size` bytes is sent, by RFC 9110: one range at most, and only of the content that is meant."""
    etag = f'"{sha256}"'.encode()
    usual: _Lines = ((b"etag", etag), (b"accept-ranges", b"bytes"), *_ALWAYS)
    if (wanted := request.value(b"if-match")) is not None and not _names(wanted, etag):
        return Part(HTTPStatus.PRECONDITION_FAILED, (*usual, _length(0)))
    if (known := request.value(b"if-none-match")) is not None and _names(known.replace(b"W/", b""), etag):
        return Part(HTTPStatus.NOT_MODIFIED, usual)
    digest = base64.b64encode(bytes.fromhex(sha256))
    usual += ((b"content-type", b"application/octet-stream"), (b"repr-digest", b"sha-256=:" + digest + b":"))
    span = _span(request, size, etag)
    if span is None:
        return Part(HTTPStatus.OK, (*usual, _length(size)), 0, size)
    start, stop = span
    if start >= stop:
        told = (b"content-range", f"bytes */{size}".encode())
        return Part(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, (told, *_ALWAYS, _length(0)))
    told = (b"content-range", f"bytes {start}-{stop - 1}/{size}".encode())
    return Part(HTTPStatus.PARTIAL_CONTENT, (*usual, told, _length(stop - start)), start, stop)


def plain_headers(kind: bytes) -> _Lines:
    """Of what is written while it is sent."""
    return (b"content-type", kind), *_ALWAYS


def _span(request: Request, size: int, etag: bytes) -> tuple[int, int] | None:
    """The bytes asked for; empty where there are none such, None for the whole. Several ranges are the whole, too."""
    asked, condition = request.value(b"range"), request.value(b"if-range")
    counts = request.method == b"GET" and condition in (None, etag)
    found = _RANGE.fullmatch(asked) if asked is not None and counts else None
    if found is None or found.groups() == (b"", b""):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


def _names(value: bytes, etag: bytes) -> bool:
    return value.strip() == b"*" or etag in _listed(value)


def _listed(value: bytes) -> Iterable[bytes]:
    return (one.strip() for one in value.split(b","))


def _length(count: int) -> tuple[bytes, bytes]:
    return b"content-length", str(count).encode()
