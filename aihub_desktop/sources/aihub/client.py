"""The hub at a url: its lists and trees, the check of a key, and streams of files."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from aihub_desktop.domain.faults import Code, Fault, ProblemError
from aihub_desktop.domain.model import Dataset, Secret
from aihub_desktop.sources.aihub.errors import Wanted, decoded, of_answer
from aihub_desktop.sources.aihub.listing import parse_datasets, parse_tree
from aihub_desktop.sources.connection import Answer, Connections, OpenedBody, read_beginning, read_whole
from aihub_desktop.sources.hosts import is_insecure, may_have_key, plain_host, plain_origin
from aihub_desktop.sources.place import Body, Listing

API_VERSION: Final = "0.6"
MOST_REDIRECTS: Final = 5

# An error text is short. What is longer is judged by its beginning.
ERROR_BYTES: Final = 64 << 10
ERROR_SECONDS: Final = 20.0
# Two zero blocks and a member's header: no tar with anything in it is shorter.
_SHORTEST_TAR: Final = 3 * 512
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]+")

# How long the hub's addresses live is not known; beyond this a new one costs little beside what was received.
_ADDRESS_SECONDS: Final = 1800.0
_MOST_ADDRESSES: Final = 256

_log = logging.getLogger(__name__)
T = TypeVar("T")


class AIHub:
    """`sources.place.Source` for a hub; usable from several threads at once. Times in seconds.

    The key goes to hosts for which `hosts.may_have_key` is true, and nowhere else. A hub url that is plain http
    beyond loopback is refused (INSECURE) before anything is sent.

    `stream_key` and `address_again` are what was learned of the hub, and may be wrong: without `stream_key` the key
    goes to the api alone, until the stream host asks for it; with `address_again` the address of a stream is asked
    a second time when the same files are wanted again, and the hub only if that fails.
    """

    def __init__(
        self,
        hub: str,
        *,
        user_agent: str,
        connect_timeout: float = 20.0,
        tick: float = 1.0,
        header_timeout: float = 60.0,
        stream_key: bool = True,
        address_again: bool = False,
    ) -> None:
        self._hub = hub.rstrip("/")
        self._connections = Connections(user_agent, connect_timeout, header_timeout=header_timeout, tick=tick)
        self._stream_key = stream_key
        self._addresses = Addresses() if address_again else None

    def use_user_agent(self, user_agent: str) -> None:
        """For every request from now on."""
        self._connections.use_user_agent(user_agent)

    def datasets(self) -> list[Dataset]:
        """Datasets, then data packages. Packages that cannot be had hide no dataset: that is logged only."""
        datasets = self._listed("/info/dataset.do", parse_datasets)
        try:
            return datasets + self._listed("/info/datapckage.do", parse_datasets)
        except ProblemError as error:
            _log.warning("no list of data packages: %s", error.problem.code)
            return datasets

    def files(self, dataset: Dataset) -> Listing:
        folder = "/info/pckage/" if dataset.package else "/info/"
        return self._listed(f"{folder}{_quoted(dataset.key)}.do", lambda text: parse_tree(text, dataset))

    def check_key(self, key: Secret) -> bool | None:
        """As `Source` has it. A hub out of reach is told (UNREACHABLE), for that is no word on the key either way."""
        if not _HEADER_VALUE.fullmatch(key.reveal()):
            return False
        url = self._checked(f"{self._hub}/api/keyValidate.do")
        if not may_have_key(self._hub, url):
            return None
        return _verdict(self._connections.post(url, {"apikey": key.reveal()}))

    def open_stream(self, dataset: Dataset, file_keys: list[str], key: Secret) -> Body:
        """The tar of pieces of these files. An empty key is not sent, and the hub says what it thinks of that."""
        path = stream_path(dataset, file_keys)
        sent = key if key.reveal() else None
        if (again := self._again(path, key, sent)) is not None:
            return again
        opened = self._followed(path, sent, beyond=self._stream_key)
        if sent is not None and self._misses_key(opened):
            opened.body.close()
            self._stream_key = True
            opened = self._followed(path, sent)
        if may_be_tar(opened):
            if self._addresses is not None:
                self._addresses.keep(path, key, opened.url)
            return opened.body
        beginning = read_beginning(opened, ERROR_BYTES, ERROR_SECONDS)
        error = error_of(opened, beginning, Wanted.STREAM, sent)
        if error.problem.fault is Fault.GONE and opened.url != f"{self._hub}{path}":
            # The hub has just granted the files: what is gone is the address behind the redirect, which lives briefly.
            raise ProblemError(Code.HUB_ERROR, status=opened.status, text=error.problem.facts.get("text", ""))
        raise error

    def close(self) -> None:
        self._connections.close()

    def _misses_key(self, opened: OpenedBody) -> bool:
        """Whether a stream host refused what came without the key: then what was learned of it does not hold."""
        busy = opened.status in (429, 503)
        refused = not busy and not may_be_tar(opened)
        return refused and not self._stream_key and plain_origin(opened.url) != plain_origin(self._hub)

    def _again(self, path: str, key: Secret, sent: Secret | None) -> Body | None:
        """The stream from the address that served it before; None where there is none, or it serves no more."""
        address = self._addresses.take(path, key) if self._addresses is not None else None
        if address is None:
            return None
        opened = self._open(address, sent if self._stream_key else None)
        if may_be_tar(opened):
            return opened.body
        opened.body.close()
        return None

    def _listed(self, path: str, parse: Callable[[str], T]) -> T:
        """What `parse` makes of an answer. The status means nothing here: the hub sends right lists with a 502."""
        opened = self._followed(path, None)
        answer = read_whole(opened)
        try:
            return parse(decoded(answer.body))
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ANSWER or "why" in error.problem.facts:
                raise
        raise error_of(opened, answer.body, Wanted.TEXT, None)

    def _followed(self, path: str, key: Secret | None, *, beyond: bool = True) -> OpenedBody:
        """The answer behind the hub's redirects, its header read. `beyond`: the key goes along on redirects."""
        url = self._url(path)
        for hop in range(MOST_REDIRECTS + 1):
            opened = self._open(url, key if beyond or not hop else None)
            if opened.status not in REDIRECTS:
                return opened
            opened.body.close()
            url = next_url(opened)
        raise ProblemError(Code.HUB_ERROR, status=opened.status, why="redirects", text="")

    def _open(self, url: str, key: Secret | None) -> OpenedBody:
        return self._connections.open(self._checked(url), key_header(self._hub, url, key))

    def _url(self, path: str) -> str:
        return f"{self._hub}{path}"

    def _checked(self, url: str) -> str:
        if is_insecure(self._hub, url):
            raise ProblemError(Code.INSECURE, host=plain_host(url))
        return url


class Addresses:
    """Addresses of streams that served once, each for one more request of the same files with the same key.

    Once, because what comes from an address may turn out to be no tar only while it is read: the try after that
    asks the hub. Held in memory alone: an address opens the stream to whoever has it. Safe from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, Secret], tuple[str, float]] = {}

    def keep(self, path: str, key: Secret, address: str) -> None:
        with self._lock:
            while len(self._kept) >= _MOST_ADDRESSES:
                del self._kept[next(iter(self._kept))]
            self._kept[path, key] = (address, time.monotonic())

    def take(self, path: str, key: Secret) -> str | None:
        with self._lock:
            address, kept_at = self._kept.pop((path, key), ("", 0.0))
        return address if address and time.monotonic() - kept_at < _ADDRESS_SECONDS else None


def stream_path(dataset: Dataset, file_keys: list[str]) -> str:
    """Where the hub is asked for a stream of these files; at least one."""
    if not file_keys:
        raise ValueError("no file keys")
    folder = "/down/pckage" if dataset.package else "/down"
    named = ",".join(_quoted(file_key) for file_key in file_keys)
    return f"{folder}/{API_VERSION}/{_quoted(dataset.key)}.do?fileSn={named}"


def key_header(hub: str, url: str, key: Secret | None) -> dict[str, str]:
    """The header with the key, for a request to `url`; none where the key must not go.

    Raises `ProblemError` KEY_REJECTED for what no header can hold: the hub cannot have given it out.
    """
    if key is None or not may_have_key(hub, url):
        return {}
    if not _HEADER_VALUE.fullmatch(key.reveal()):
        raise ProblemError(Code.KEY_REJECTED)
    return {"apikey": key.reveal()}


def _quoted(key: str) -> str:
    return quote(key, safe="")


def next_url(opened: OpenedBody) -> str:
    """Where a redirect leads. Raises `ProblemError` HUB_ERROR for one that leads nowhere."""
    try:
        return str(httpx.URL(opened.url).join(opened.headers["location"]))
    except (KeyError, ValueError, httpx.InvalidURL):
        raise ProblemError(Code.HUB_ERROR, status=opened.status, why="redirect", text="") from None


def may_be_tar(opened: OpenedBody) -> bool:
    """Whether the body is worth feeding to a `TarReader`, which knows an error text from a tar as well."""
    if opened.status != 200:
        return False
    kind = opened.headers.get("content-type", "").lower()
    length = opened.headers.get("content-length")
    return "html" not in kind and not (kind.startswith("text/") and length and int(length) < _SHORTEST_TAR)


def error_of(opened: OpenedBody, body: bytes, wanted: Wanted, key: Secret | None) -> ProblemError:
    """The problem that an answer with this body means, as `errors.of_answer` has it."""
    headers = opened.headers
    return of_answer(
        opened.status,
        headers.get("content-type", ""),
        body,
        wanted=wanted,
        key=key,
        retry_after=headers.get("retry-after"),
    )


class _KeyAnswer(msgspec.Struct):
    code: int | str
    msg: str = ""


def _verdict(answer: Answer) -> bool | None:
    try:
        said = msgspec.json.decode(answer.body, type=_KeyAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    match str(said.code), "success" in said.msg.lower(), "fail" in said.msg.lower():
        case "200", True, False:
            return True
        case "401", False, _:
            return False
        case _:
            return None
