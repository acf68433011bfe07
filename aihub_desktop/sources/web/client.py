"""Looks at web addresses before their files are fetched: names, sizes, validators, checksums; reads Metalinks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import msgspec

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import Inspected
from aihub_desktop.domain.model import UNKNOWN_SIZE, WEB, Algorithm, Checksum, Origin, RemoteFile, SizeRange
from aihub_desktop.sources.connection import Connections, OpenedBody, read_beginning, read_whole
from aihub_desktop.sources.hosts import plain_host
from aihub_desktop.sources.web import digests, metalink
from aihub_desktop.sources.web.addresses import MIRRORS, clean, spelt
from aihub_desktop.sources.web.answers import refusal
from aihub_desktop.sources.web.names import (
    extension,
    file_name,
    of_address,
    safe_folders,
    says_its_name,
    unique,
)
from aihub_desktop.sources.web.redirects import REDIRECTS, Road

AT_ONCE: Final = 8
_ERROR_BYTES: Final = 16 << 10
_ERROR_SECONDS: Final = 10.0
_LIST_SECONDS: Final = 120.0
_LARGEST_FILE: Final = 1 << 62
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_CONTENT_RANGE: Final = re.compile(r"\s*bytes\s+(?:[0-9]+-[0-9]+|\*)\s*/\s*([0-9]{1,19})\s*", re.IGNORECASE)
_STRONG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_PAGES: Final = (".html", ".htm", ".xhtml")
# To these a GET would be answered in the same way, and they ask not to be asked again.
_FINAL: Final = frozenset({407, 429, 503})

# How servers that know no HEAD end it.
_HEADLESS: Final = ("closed", "reset", "not-http")

_DISK: Final = "file://"

# Scheme, host, port and decoded path of an address: what a list of checksums beside it can name.
_Spot = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Wish:
    """One file that is asked for, at one or more addresses. `entry`: as it was given."""

    entry: str
    addresses: tuple[str, ...]
    name: str
    checksum: Checksum | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a wish came to. `sums`: checksums of files in the same folders, by spot."""

    files: tuple[RemoteFile, ...] = ()
    problem: Problem | None = None
    sums: Mapping[_Spot, Checksum] = field(default_factory=dict)


class Web:
    """Usable from several threads at once. `connect_timeout` in seconds."""

    def __init__(self, user_agent: str, connect_timeout: float, *, header_timeout: float = 60.0) -> None:
        self._connections = Connections(user_agent, connect_timeout, header_timeout=header_timeout)

    def use_user_agent(self, user_agent: str) -> None:
        """For every request from now on."""
        self._connections.use_user_agent(user_agent)

    def close(self) -> None:
        """From any thread: ends what waits."""
        self._connections.close()

    def inspect(
        self,
        addresses: Iterable[str],
        names: Mapping[str, str] | None = None,
        checksums: Mapping[str, Checksum] | None = None,
        *,
        ask_all: bool = False,
    ) -> Inspected:
        """As the command `Inspect` has it. Mirrors of one file are one entry of `addresses`, joined by tabs.

        Names are safe and differ within the answer. Raises nothing for what the world does: an entry that gives no
        file has its problem, and so has a list of checksums that cannot be read, or a Metalink of which files had
        to be left out, beside what they gave.
        """
        wishes = [(entry, *_wish(entry, names or {}, checksums or {})) for entry in dict.fromkeys(addresses)]
        found = self._all(wishes, ask_all=ask_all)
        sums: dict[_Spot, list[Checksum]] = {}
        for each in found.values():
            for spot, checksum in each.sums.items():
                sums.setdefault(spot, []).append(checksum)
        files = [_proved(file, sums) for each in found.values() for file in each.files]
        problems = {entry: each.problem for entry, each in found.items() if each.problem is not None}
        return Inspected(_apart(files), problems)

    def _all(self, wishes: list[tuple[str, _Wish | None, Problem | None]], *, ask_all: bool) -> dict[str, _Found]:
        found: dict[str, _Found] = {}
        asked: list[_Wish] = []
        for entry, wish, problem in wishes:
            found[entry] = _Found(problem=problem)
            if wish is None:
                continue
            if entry.startswith(_DISK):
                found[entry] = _on_disk(wish)
            elif ask_all or _needs_asking(wish):
                asked.append(wish)
            else:
                found[entry] = _Found((_file(wish, wish.addresses[0]),))
        if asked:
            with ThreadPoolExecutor(min(AT_ONCE, len(asked)), "inspect") as threads:
                found |= zip((wish.entry for wish in asked), threads.map(self._looked, asked), strict=True)
        return found

    def _looked(self, wish: _Wish) -> _Found:
        """What the first of its addresses that gives anything gives; else the first one's problem."""
        problem: Problem | None = None
        for address in wish.addresses:
            try:
                return self._look(wish, address)
            except ProblemError as error:
                problem = problem or _as_of_web(error.problem, wish)
        return _Found(problem=problem)

    def _look(self, wish: _Wish, address: str) -> _Found:
        name = of_address(address)
        if metalink.has_metalinks_name(name):
            return self._metalink(wish, address)
        if digests.is_list_of_sums(name):
            return self._sums(wish, address)
        return self._asked(wish, address)

    def _metalink(self, wish: _Wish, address: str) -> _Found:
        return _listed(wish, self._whole(address).body)

    def _sums(self, wish: _Wish, address: str) -> _Found:
        """The list is a file of its own as well: people keep it beside the data."""
        whole = self._whole(address)
        file = _file(wish, address, SizeRange.exactly(len(whole.body)), whole.etag)
        folder, name = _spot(address)[0], of_address(address)
        try:
            rows = digests.parse_sums(whole.body.decode("utf-8", "surrogateescape"), name)
        except ProblemError as error:
            return _Found((file,), error.problem)
        below = _spot(address)[1].rpartition("/")[0]
        return _Found((file,), sums={(folder, f"{below}/{row}"): checksum for row, checksum in rows.items()})

    def _asked(self, wish: _Wish, address: str) -> _Found:
        told = self._told(address)
        if metalink.is_metalink(told.kind):
            return self._metalink(wish, address)
        if told.is_page and not told.disposition and not _promises_page(address):
            raise ProblemError(Code.WRONG_ANSWER, why="html", host=plain_host(address))
        name = file_name(told.disposition, _naming(address, told.address))
        named = replace(wish, name=wish.name or name)
        return _Found((_file(named, address, told.size, told.etag, told.checksums),))

    def _told(self, address: str) -> _Told:
        """What the server tells of a file by HEAD; by a byte of it where HEAD is refused, or tells too little."""
        told = self._told_by_head(address)
        if told is not None:
            return told
        opened = self._followed(address, self._connections.open, {"Range": "bytes=0-0"})
        if opened.status in (200, 206, 416):
            opened.body.close()
            told = _Told.by(opened)
            if opened.status != 416 or told.size == SizeRange.exactly(0):
                return told
        raise self._refused(address, opened)

    def _told_by_head(self, address: str) -> _Told | None:
        try:
            opened = self._followed(address, partial(self._connections.open, method="HEAD"), {})
        except ProblemError as error:
            if error.problem.code is Code.HUB_ERROR or error.problem.facts.get("why") in _HEADLESS:
                return None
            raise
        opened.body.close()
        if opened.status in _FINAL:
            raise refusal(_road(address, opened), opened.status, opened.headers, b"")
        told = _Told.by(opened)
        # Some answer HEAD with a length of 0, or with the page of an error.
        enough = not told.is_page and (told.size.high or metalink.is_metalink(told.kind))
        return told if opened.status == 200 and enough else None

    def _whole(self, address: str) -> _Whole:
        opened = self._followed(address, self._connections.open, {})
        if opened.status != 200:
            raise self._refused(address, opened)
        told = _Told.by(opened)
        return _Whole(read_whole(opened, metalink.LARGEST, _LIST_SECONDS).body, told.etag)

    def _refused(self, address: str, opened: OpenedBody) -> ProblemError:
        body = read_beginning(opened, _ERROR_BYTES, _ERROR_SECONDS)
        return refusal(_road(address, opened), opened.status, opened.headers, body, of_address(address)[:80])

    def _followed(
        self, address: str, ask: Callable[[str, Mapping[str, str]], OpenedBody], headers: dict[str, str]
    ) -> OpenedBody:
        """The answer behind all redirects, its header read."""
        road = Road.to(address)
        while True:
            opened = ask(road.target, {**headers, **road.login()})
            opened.headers.encoding = "iso-8859-1"  # as the bytes are; httpx would guess
            if opened.status not in REDIRECTS:
                return opened
            opened.body.close()
            road = road.led(opened.headers.get("location", ""))


@dataclass(frozen=True, slots=True)
class _Whole:
    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class _Told:
    """What the header of an answer tells of the whole file; `address`: where it was given."""

    address: str
    kind: str
    disposition: str
    size: SizeRange
    etag: str
    checksums: tuple[Checksum, ...]

    @classmethod
    def by(cls, opened: OpenedBody) -> _Told:
        headers = opened.headers
        etag = headers.get("etag", "").strip()
        return cls(
            opened.url,
            headers.get("content-type", ""),
            headers.get("content-disposition", ""),
            _size(opened.status, headers),
            etag if _STRONG.fullmatch(etag) else "",
            digests.of_headers(headers),
        )

    @property
    def is_page(self) -> bool:
        return self.kind.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")


def _size(status: int, headers: Mapping[str, str]) -> SizeRange:
    if status in (206, 416):
        found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
        text = found[1] if found else ""
    else:
        text = headers.get("content-length", "").strip()
    known = _NUMBER.fullmatch(text) and int(text) <= _LARGEST_FILE
    return SizeRange.exactly(int(text)) if known else UNKNOWN_SIZE


def _wish(
    entry: str, names: Mapping[str, str], checksums: Mapping[str, Checksum]
) -> tuple[_Wish | None, Problem | None]:
    mirrors = tuple(dict.fromkeys(part.strip() for part in entry.split(MIRRORS) if part.strip()))
    try:
        for address in () if entry.startswith(_DISK) else mirrors or (entry,):
            spelt(address)
    except ProblemError as error:
        return None, error.problem
    name = names.get(entry, "")
    return _Wish(entry, mirrors, safe_folders(name) if name else "", checksums.get(entry)), None


def _listed(wish: _Wish, data: bytes) -> _Found:
    """What a Metalink lists. Raises `ProblemError` BAD_LIST."""
    listed = metalink.read_metalink(data)
    files = listed.files
    if len(files) == 1:
        files = [_as_wished(files[0], wish)]
    left_out = ", ".join(listed.left_out)[:160]
    problem = Problem(Code.BAD_LIST, {"name": left_out, "why": "no-addresses"}) if left_out else None
    return _Found(tuple(files), problem)


def _on_disk(wish: _Wish) -> _Found:
    """What a Metalink on this computer lists; its file:// address came from a person, never from a list."""
    path = Path(url2pathname(urlsplit(wish.entry).path))
    try:
        with path.open("rb") as file:
            return _listed(wish, file.read(metalink.LARGEST + 1))
    except OSError as error:
        return _Found(problem=Problem(Code.BAD_LIST, {"name": path.name[:80], "why": error.strerror or ""}))
    except ProblemError as error:
        return _Found(problem=Problem(error.problem.code, {**error.problem.facts, "name": path.name[:80]}))


def _needs_asking(wish: _Wish) -> bool:
    name = of_address(wish.addresses[0])
    if metalink.has_metalinks_name(name) or digests.is_list_of_sums(name):
        return True
    return not wish.name and not says_its_name(wish.addresses[0])


def _file(
    wish: _Wish,
    address: str,
    size: SizeRange = UNKNOWN_SIZE,
    etag: str = "",
    checksums: tuple[Checksum, ...] = (),
) -> RemoteFile:
    # What one mirror calls its copy says nothing of the others.
    origin = Origin(wish.addresses, etag if len(wish.addresses) == 1 else "", checksums)
    name = wish.name or file_name("", address)
    return _as_wished(RemoteFile(WEB, "", clean(wish.addresses[0]), name, size, origin=origin), wish)


def _as_wished(file: RemoteFile, wish: _Wish) -> RemoteFile:
    """With the name and the checksum that a person gave, which go before those of the place."""
    if wish.name:
        file = msgspec.structs.replace(file, path=wish.name)
    return file if wish.checksum is None else _with(file, [wish.checksum], first=True)


def _with(file: RemoteFile, more: list[Checksum], *, first: bool = False) -> RemoteFile:
    origin = file.origin or Origin()
    found: dict[Algorithm, Checksum] = {}
    for checksum in (*more, *origin.checksums) if first else (*origin.checksums, *more):
        found.setdefault(checksum.algorithm, checksum)
    return msgspec.structs.replace(
        file, origin=msgspec.structs.replace(origin, checksums=digests.ranked(found.values()))
    )


def _proved(file: RemoteFile, sums: Mapping[_Spot, list[Checksum]]) -> RemoteFile:
    """With what the lists beside it say: of its address, or of its name in the same folder."""
    if not sums:
        return file
    site, path = _spot(file.key)
    beside = (site, f"{path.rpartition('/')[0]}/{file.path}")
    more = sums.get((site, path)) or sums.get(beside) or []
    return _with(file, more) if more else file


def _apart(files: list[RemoteFile]) -> list[RemoteFile]:
    """With names and keys that differ."""
    apart: list[RemoteFile] = []
    keys: set[str] = set()
    for file, path in zip(files, unique([file.path for file in files]), strict=True):
        # Only what is secret in their addresses tells such files apart.
        key = f"{file.key}#{path}" if file.key in keys else file.key
        keys.add(key)
        apart.append(msgspec.structs.replace(file, key=key, path=path))
    return apart


def _spot(address: str) -> _Spot:
    parts = urlsplit(clean(address))
    return f"{parts.scheme}://{parts.netloc}", unquote(parts.path)


def _naming(address: str, last: str) -> str:
    """Of the first and the last address of a road the one that is called like a file; the first, if both are."""
    return last if not extension(of_address(address)) and extension(of_address(last)) else address


def _promises_page(address: str) -> bool:
    return of_address(address).lower().endswith(_PAGES)


def _road(address: str, opened: OpenedBody) -> Road:
    return Road(address, opened.url, frozenset({address, opened.url}))


def _as_of_web(problem: Problem, wish: _Wish) -> Problem:
    """The shared connections speak of the hub; and a list has the name of its address."""
    match problem.code:
        case Code.HUB_ERROR if int(problem.facts.get("status", 0)) >= 400:
            return refusal(Road.to(wish.addresses[0]), int(problem.facts["status"]), {}, b"").problem
        case Code.HUB_ERROR:
            return Problem(Code.WRONG_ANSWER, {"why": "coded-body", "host": plain_host(wish.addresses[0])})
        case Code.BAD_ANSWER:
            return Problem(Code.BAD_LIST, {"name": of_address(wish.addresses[0])[:80], "why": "too-long"})
        case Code.BAD_LIST:
            return Problem(Code.BAD_LIST, {"name": of_address(wish.addresses[0])[:80], **problem.facts})
    return problem
