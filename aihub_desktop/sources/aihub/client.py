"""The hub at a url: its lists and trees, the check of a key, and streams of files."""

from __future__ import annotations

import logging
import re
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
from aihub_desktop.sources.hosts import is_insecure, may_have_key, plain_host
from aihub_desktop.sources.place import Body, Listing

API_VERSION: Final = "0.6"
MOST_REDIRECTS: Final = 5

# An error text is short. What is longer is judged by its beginning.
_ERROR_BYTES: Final = 64 << 10
_ERROR_SECONDS: Final = 20.0
# Two zero blocks and a member's header: no tar with anything in it is shorter.
_SHORTEST_TAR: Final = 3 * 512
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]+")

_log = logging.getLogger(__name__)
T = TypeVar("T")


class AIHub:
    """`sources.place.Source` for a hub; usable from several threads at once. Times in seconds.

    The key goes to hosts for which `hosts.may_have_key` is true, and nowhere else. A hub url that is plain http
    beyond loopback is refused (INSECURE) before anything is sent.
    """

    def __init__(
        self,
        hub: str,
        *,
        user_agent: str,
        connect_timeout: float = 20.0,
        tick: float = 1.0,
        header_timeout: float = 60.0,
    ) -> None:
        self._hub = hub.rstrip("/")
        self._connections = Connections(user_agent, connect_timeout, header_timeout=header_timeout, tick=tick)

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
        if not file_keys:
            raise ValueError("no file keys")
        folder = "/down/pckage" if dataset.package else "/down"
        named = ",".join(_quoted(file_key) for file_key in file_keys)
        path = f"{folder}/{API_VERSION}/{_quoted(dataset.key)}.do?fileSn={named}"
        sent = key if key.reveal() else None
        if sent is not None and not _HEADER_VALUE.fullmatch(sent.reveal()):
            raise ProblemError(Code.KEY_REJECTED)
        opened = self._followed(path, sent)
        if _may_be_tar(opened):
            return opened.body
        beginning = read_beginning(opened, _ERROR_BYTES, _ERROR_SECONDS)
        error = _error_of(opened, beginning, Wanted.STREAM, sent)
        if error.problem.fault is Fault.GONE and opened.url != f"{self._hub}{path}":
            # The hub has just granted the files: what is gone is the address behind the redirect, which lives briefly.
            raise ProblemError(Code.HUB_ERROR, status=opened.status, text=error.problem.facts.get("text", ""))
        raise error

    def close(self) -> None:
        self._connections.close()

    def _listed(self, path: str, parse: Callable[[str], T]) -> T:
        """What `parse` makes of an answer. The status means nothing here: the hub sends right lists with a 502."""
        opened = self._followed(path, None)
        answer = read_whole(opened)
        try:
            return parse(decoded(answer.body))
        except ProblemError as error:
            if error.problem.code is not Code.BAD_ANSWER or "why" in error.problem.facts:
                raise
        raise _error_of(opened, answer.body, Wanted.TEXT, None)

    def _followed(self, path: str, key: Secret | None) -> OpenedBody:
        """The answer behind the hub's redirects, its header read."""
        url = f"{self._hub}{path}"
        for _ in range(MOST_REDIRECTS + 1):
            headers = {"apikey": key.reveal()} if key is not None and may_have_key(self._hub, url) else {}
            opened = self._connections.open(self._checked(url), headers)
            if opened.status not in _REDIRECTS:
                return opened
            opened.body.close()
            url = _next_url(opened)
        raise ProblemError(Code.HUB_ERROR, status=opened.status, why="redirects", text="")

    def _checked(self, url: str) -> str:
        if is_insecure(self._hub, url):
            raise ProblemError(Code.INSECURE, host=plain_host(url))
        return url


def _quoted(key: str) -> str:
    return quote(key, safe="")


def _next_url(opened: OpenedBody) -> str:
    try:
        return str(httpx.URL(opened.url).join(opened.headers["location"]))
    except (KeyError, ValueError, httpx.InvalidURL):
        raise ProblemError(Code.HUB_ERROR, status=opened.status, why="redirect", text="") from None


def _may_be_tar(opened: OpenedBody) -> bool:
    """Whether the body is worth feeding to a `TarReader`, which knows an error text from a tar as well."""
    if opened.status != 200:
        return False
    kind = opened.headers.get("content-type", "").lower()
    length = opened.headers.get("content-length")
    return "html" not in kind and not (kind.startswith("text/") and length and int(length) < _SHORTEST_TAR)


def _error_of(opened: OpenedBody, body: bytes, wanted: Wanted, key: Secret | None) -> ProblemError:
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
