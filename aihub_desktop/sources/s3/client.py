"""One object storage: its buckets, pages of a bucket, and everything below a prefix."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import Shelf
from aihub_desktop.domain.model import S3 as SOURCE
from aihub_desktop.domain.model import Algorithm, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.storage import S3Place, container, split_container
from aihub_desktop.sources.connection import Answer, Connections, read_beginning, read_whole
from aihub_desktop.sources.s3 import checksums
from aihub_desktop.sources.s3.addressing import lists_by_marker, tells_checksums
from aihub_desktop.sources.s3.errors import ERROR_BYTES, ERROR_SECONDS, code_of, refusal
from aihub_desktop.sources.s3.listing import Entry, Page, quoted_etag, read_buckets, read_error, read_page
from aihub_desktop.sources.s3.requests import Request, Requests
from aihub_desktop.sources.s3.terms import CHECKSUM_MODE

PAGE: Final = 1000  # the most that any storage gives
_MOST_LESSONS: Final = 3  # regions that one request may learn: one, and one more after a redirect

_log = logging.getLogger(__name__)


class S3:
    """Usable from several threads at once; times in seconds. Every method may block and raises only `ProblemError`:
    what `errors.refusal` makes of a refusal, WRONG_ANSWER for a document that is none, and those of `Connections`.

    Whether the storage knows ListObjectsV2 and in which regions its buckets lie is learned once.
    """

    def __init__(self, place: S3Place, user_agent: str, connect_timeout: float = 20.0) -> None:
        self._place = place
        self._requests = Requests(place)
        self._connections = Connections(user_agent, connect_timeout)
        self._by_marker = lists_by_marker(place.endpoint)

    def buckets(self) -> list[str]:
        return read_buckets(self._asked("", {}).body)

    def test(self) -> bool:
        """True: the keys are good and buckets may be listed. False: good, but not for that. Raises for bad keys."""
        answer = self._answer("", "", {})
        if answer.status == 200:
            read_buckets(answer.body)
            return True
        if self._place.credentials is not None and read_error(answer.body).code == "AccessDenied":
            return False
        raise self._refusal(answer)

    def page(self, bucket: str, prefix: str = "", after: str = "") -> Shelf:
        """At most a thousand of what lies right below `prefix`, which ends with "/" or is empty.

        A file's `path` is its name below `prefix`. `after`: `Shelf.next` of the page before. The name of a folder is
        "" where two slashes follow each other.
        """
        page, following = self._page(bucket, prefix, "/", after)
        folders = [name.removeprefix(prefix).removesuffix("/") for name in page.prefixes]
        return Shelf(folders, [*self._files(bucket, page.entries, prefix)], following)

    def expand(
        self, bucket: str, prefixes: list[str], base: str = "", *, each_page: Callable[[int], None] | None = None
    ) -> list[RemoteFile]:
        """Every object whose key begins with one of `prefixes`, each once; `path` is its key below `base`.

        Prefixes are texts, not folders: "a" has "a.txt" and "ab/c" too. `each_page` hears how many there are so far,
        and may raise to end it.
        """
        files: list[RemoteFile] = []
        for prefix in _outermost(prefixes):
            for page in self._pages(bucket, prefix):
                files.extend(self._files(bucket, page.entries, base))
                if each_page is not None:
                    each_page(len(files))
        return files

    def file(self, bucket: str, key: str, base: str = "") -> RemoteFile:
        """One object as its own header describes it, checksums and all. Raises `ProblemError` NOT_THERE …."""
        headers = self._headers(bucket, key, {})
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            raise ProblemError(Code.WRONG_ANSWER, why="length", host=self._requests.host)
        origin = Origin(etag=quoted_etag(headers.get("etag", "")), checksums=checksums.of_headers(headers))
        return self._file(bucket, key, int(length), origin, base)

    def part_lengths(self, file: RemoteFile) -> list[int]:
        """Lengths in bytes of the parts that the object may have been put in, the likeliest first.

        One alone where the storage tells it; [] where it has no ETAG_PARTS, or no usual length fits.
        """
        known = file.origin.checksums if file.origin is not None else ()
        parts = next((checksum for checksum in known if checksum.algorithm is Algorithm.ETAG_PARTS), None)
        if parts is None:
            return []
        count = checksums.parts_of(parts)
        told = self._probed(file, count)
        return [told] if told else checksums.likely_part_lengths(file.size.high, count)

    def presigned(self, bucket: str, key: str, seconds: int = 3600) -> str:
        """An address that grants the object to whoever has it: a secret."""
        return self._requests.presigned(bucket, key, seconds)

    def close(self) -> None:
        self._connections.close()

    def _probed(self, file: RemoteFile, count: int) -> int:
        """The length of the first part, where the storage knows parts; 0 otherwise."""
        _, bucket = split_container(file.dataset)
        try:
            headers = self._headers(bucket, file.key, {"partNumber": "1"})
        except ProblemError as error:
            _log.info("no word of parts: %s", error.problem.code)
            return 0
        length = headers.get("content-length", "")
        first = int(length) if length.isascii() and length.isdecimal() else 0
        # A storage that knows no parts answers with the whole object.
        fits = first > 0 and -(-file.size.high // first) == count
        return first if fits and headers.get("x-amz-mp-parts-count", str(count)) == str(count) else 0

    def _pages(self, bucket: str, prefix: str) -> Iterator[Page]:
        after = ""
        asked = set()
        while True:
            page, following = self._page(bucket, prefix, "", after)
            yield page
            if not following:
                return
            asked.add(after)
            if following in asked:  # it leads round in a circle, which has no end
                raise ProblemError(Code.WRONG_ANSWER, why="same-page", host=self._requests.host)
            after = following

    def _page(self, bucket: str, prefix: str, delimiter: str, after: str) -> tuple[Page, str]:
        """A page and what to ask for the next: "VERSION:MARKER", "" at the end."""
        version, _, marker = after.partition(":")
        by_marker = version == "1" or (not version and self._by_marker)
        query = _query(prefix, delimiter, marker, by_marker)
        answer = self._answer(bucket, "", query)
        if not by_marker and not after and _refuses_v2(answer):
            _log.info("the storage lists by markers only")
            self._by_marker = True
            answer = self._answer(bucket, "", _query(prefix, delimiter, "", True))
        if answer.status != 200:
            raise self._refusal(answer)
        page = read_page(answer.body)
        if page.version == 1 and version == "2":
            raise ProblemError(Code.WRONG_ANSWER, why="version", host=self._requests.host)
        return page, f"{page.version}:{page.next}" if page.next else ""

    def _files(self, bucket: str, entries: list[Entry], base: str) -> Iterator[RemoteFile]:
        for key, size, etag in entries:
            if size or not key.endswith("/"):  # else the mark of a folder
                yield self._file(bucket, key, size, Origin(etag=etag, checksums=checksums.of_listing(etag)), base)

    def _file(self, bucket: str, key: str, size: int, origin: Origin, base: str) -> RemoteFile:
        return RemoteFile(
            SOURCE,
            container(self._place.endpoint, bucket),
            key,
            key.removeprefix(base),
            SizeRange.exactly(size),
            origin=origin,
        )

    def _asked(self, bucket: str, query: Mapping[str, str]) -> Answer:
        answer = self._answer(bucket, "", query)
        if answer.status != 200:
            raise self._refusal(answer)
        return answer

    def _headers(self, bucket: str, key: str, query: Mapping[str, str]) -> Mapping[str, str]:
        """The header of an answer to HEAD. Such an answer says no reasons, so GET is asked for them."""
        mode = CHECKSUM_MODE if tells_checksums(self._place.endpoint) else {}
        answer = self._answer(bucket, key, query, mode, method="HEAD")
        if answer.status in (200, 206):
            return answer.headers
        told = self._answer(bucket, key, query, {**mode, "range": "bytes=0-0"})
        if told.status in (200, 206, 416):  # it learned the region; 416 is what an object without a byte answers
            told = self._answer(bucket, key, query, mode, method="HEAD")
        if told.status not in (200, 206):
            raise self._refusal(told)
        return told.headers

    def _answer(
        self,
        bucket: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
    ) -> Answer:
        """The answer, once nothing more is to be learned from it; that of an object only as far as an error goes."""
        for _ in range(_MOST_LESSONS):
            request = self._requests.make(bucket, key, query, headers, method=method)
            answer = self._sent(request, method, whole=not key)
            if not self._requests.learns(bucket, request.region, answer.status, answer.headers, answer.body):
                break
        return answer

    def _sent(self, request: Request, method: str, *, whole: bool) -> Answer:
        opened = self._connections.open(request.url, request.headers, method=method)
        if opened.status == 200 and whole:
            return read_whole(opened)
        limit = 0 if opened.status in (200, 206) else ERROR_BYTES
        return Answer(opened.status, opened.headers, read_beginning(opened, limit, ERROR_SECONDS))

    def _refusal(self, answer: Answer) -> ProblemError:
        credentials = self._place.credentials
        return refusal(answer.status, answer.headers, answer.body, host=self._requests.host, credentials=credentials)


def _query(prefix: str, delimiter: str, marker: str, by_marker: bool) -> dict[str, str]:
    # Encoded, for a key may hold signs that XML cannot.
    query = {"encoding-type": "url", "max-keys": str(PAGE), "prefix": prefix, "delimiter": delimiter}
    if by_marker:
        query["marker"] = marker
    else:
        query.update({"list-type": "2", "continuation-token": marker})
    return {name: value for name, value in query.items() if value or name == "prefix"}


def _refuses_v2(answer: Answer) -> bool:
    """Whether an answer says that this way of asking is not known, rather than anything of bucket or keys."""
    if answer.status not in (400, 405, 501):
        return False
    error = read_error(answer.body)
    return code_of(answer.status, answer.headers, error, signed=True) is Code.SERVER_ERROR


def _outermost(prefixes: list[str]) -> list[str]:
    """Without those that begin with another one, in their order."""
    kept = set(prefixes)
    return [
        prefix
        for prefix in dict.fromkeys(prefixes)
        if not any(prefix[:length] in kept for length in range(len(prefix)))
    ]
