"""Objects put into one storage, whole or in parts, each proved by what the storage says it has.

a body ──▶ SHA-256 in the signature, and as a checksum where the storage knows them, else Content-MD5
its answer ◀── the same checksum, or an ETag that is the MD5: the storage has these very bytes
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Algorithm, Checksum
from aihub_desktop.domain.storage import S3Place
from aihub_desktop.sources.connection import Answer
from aihub_desktop.sources.kept import Allowance, KeptLine
from aihub_desktop.sources.s3 import checksums
from aihub_desktop.sources.s3.addressing import tells_checksums
from aihub_desktop.sources.s3.errors import refusal
from aihub_desktop.sources.s3.listing import quoted_etag, read_error
from aihub_desktop.sources.s3.multipart import (
    SentPart,
    Unfinished,
    as_base64,
    as_hex,
    completion,
    read_completed,
    read_parts,
    read_upload,
    read_uploads,
)
from aihub_desktop.sources.s3.requests import Requests
from aihub_desktop.sources.s3.terms import CHECKSUM_MODE

OWN_SHA256: Final = "x-amz-meta-sha256"  # of the whole object, for whoever has it later
_SHA256: Final = "x-amz-checksum-sha256"
_MOST_LESSONS: Final = 3
# A storage may be busy for minutes until an object of many parts is one, and until then says nothing, or blanks.
_ANSWER_SECONDS: Final = 600.0
_LONGEST_ANSWER: Final = 16 << 20
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_MD5: Final = re.compile(r'"[0-9a-f]{32}"', re.IGNORECASE)


class Stored(NamedTuple):
    """An object as its header tells. `sha256` in hex: of the whole, told by the storage or noted by who put it there.

    `composite`: the checksum of its parts' SHA-256, as S3 writes it; "" for none.
    """

    size: int
    etag: str
    sha256: str
    checksums: tuple[Checksum, ...]
    composite: str


class Receipt(NamedTuple):
    """`proof`: by which checksum the storage is known to have what was sent; None where it tells none."""

    etag: str
    proof: Algorithm | None


class Ways:
    """What is known of one storage; shared by all that put something there."""

    def __init__(self, place: S3Place) -> None:
        self.place = place
        self.requests = Requests(place)
        self.sends_checksums = tells_checksums(place.endpoint)
        self.needs_md5 = not self.sends_checksums  # an MD5 costs more than twice a SHA-256: only where nothing else is


class Uploads:
    """Used by one thread; `shut` from any. `allowance` heeds the limit of what is sent.

    Every method may block, and raises only `ProblemError`: what `errors.refusal` makes of a refusal, WRONG_CHECKSUM
    where the storage has other bytes than were sent, WRONG_ANSWER for a document that is none, and what the line does.
    """

    def __init__(
        self, ways: Ways, bucket: str, user_agent: str, connect_timeout: float, allowance: Allowance | None = None
    ) -> None:
        self._ways = ways
        self._bucket = bucket
        self._allowance = allowance
        self._line = KeptLine(user_agent, connect_timeout, _ANSWER_SECONDS, 1.0)

    # ---- what is there ----

    def region(self) -> str:
        """Where the bucket lies, as the storage tells it; else what is known beforehand.

        To be asked first: an answer to HEAD says no reasons, so that of all requests only others can learn from them.
        Raises NOT_THERE for a bucket that is none, NO_ACCESS … for keys that are none.
        """
        answer = self._answer("HEAD")
        told = answer.headers.get("x-amz-bucket-region", "")
        if answer.status != 200:
            told_why = self._answer("GET", query={"location": ""})
            answer = self._answer("HEAD")
            told = answer.headers.get("x-amz-bucket-region", told)
            if answer.status != 200 and told_why.status != 200:
                raise self._refusal(told_why)
        return told or self._ways.requests.region(self._bucket)

    def stored(self, key: str) -> Stored | None:
        """None where there is no such object."""
        mode = CHECKSUM_MODE if self._ways.sends_checksums else {}
        answer = self._answer("HEAD", key, headers=mode)
        if answer.status == 404:
            return None
        length = answer.headers.get("content-length", "")
        if answer.status != 200 or not (length.isascii() and length.isdecimal()):
            raise self._refusal(answer)
        told = checksums.of_headers(answer.headers)
        noted = answer.headers.get(OWN_SHA256, "").strip().lower()
        declared = next((one.value for one in told if one.algorithm is Algorithm.SHA256), "")
        composite = answer.headers.get(_SHA256, "").strip()
        return Stored(
            int(length),
            quoted_etag(answer.headers.get("etag", "")),
            declared or (noted if _HEX.fullmatch(noted) else ""),
            told,
            composite if "-" in composite else "",
        )

    def content(self, key: str, most: int) -> bytes | None:
        """Of a small object; None where there is none. Raises WRONG_ANSWER for more than `most` bytes, and for others
        than whoever put them there noted.
        """
        answer = self._answer("GET", key, most=most + 1)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._refusal(answer)
        length = answer.headers.get("content-length", str(len(answer.body)))
        if len(answer.body) > most or str(len(answer.body)) != length:
            raise ProblemError(Code.WRONG_ANSWER, why="length")
        if answer.headers.get(OWN_SHA256, "") not in ("", hashlib.sha256(answer.body).hexdigest()):
            raise ProblemError(Code.WRONG_ANSWER, why="sha-256")
        return answer.body

    # ---- putting ----

    def put(self, key: str, body: memoryview, sha256: str, headers: Mapping[str, str]) -> Receipt:
        """In one piece, with SHA-256 `sha256` in hex."""
        return self._sent(key, {}, body, sha256, headers)

    def begin(self, key: str, headers: Mapping[str, str]) -> str:
        """An upload in parts; its name. Until it is completed or aborted its parts cost money."""
        kind = {"x-amz-checksum-algorithm": "SHA256"} if self._ways.sends_checksums else {}
        return read_upload(self._done("POST", key, {"uploads": ""}, {**headers, **kind}).body)

    def send_part(self, key: str, upload: str, number: int, body: memoryview, sha256: str) -> Receipt:
        """`number` from 1 to 10,000."""
        return self._sent(key, {"partNumber": str(number), "uploadId": upload}, body, sha256, {})

    def complete(self, key: str, upload: str, parts: Sequence[SentPart], *, checksums: bool) -> str:
        """The parts, in order, become the object: its ETag. `checksums`: the storage knows the SHA-256 of each.

        Raises NOT_THERE where there is no such upload: it may have been completed before.
        """
        sums = [as_base64(part.sha256) for part in parts] if checksums else []
        body = completion(parts, sums)
        payload = hashlib.sha256(body).hexdigest()
        kind = {"content-type": "application/xml"}
        answer = self._answer("POST", key, {"uploadId": upload}, kind, body=memoryview(body), payload=payload)
        if answer.status != 200:
            raise self._refusal(answer)
        document = answer.body.lstrip()
        if read_error(document).code:
            raise self._refusal(Answer(500, answer.headers, document))
        return read_completed(document)

    def abort(self, key: str, upload: str) -> None:
        """The upload and its parts are gone; nothing happens where it is gone already."""
        answer = self._answer("DELETE", key, {"uploadId": upload})
        if answer.status not in (200, 204, 404):
            raise self._refusal(answer)

    def parts(self, key: str, upload: str) -> list[SentPart]:
        """Those that the storage has. Raises NOT_THERE where there is no such upload."""
        found: list[SentPart] = []
        after = 0
        while True:
            query = {"uploadId": upload, **({"part-number-marker": str(after)} if after else {})}
            page = read_parts(self._done("GET", key, query).body)
            found += page.parts
            if page.next <= after:
                return found
            after = page.next

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Every upload below `prefix` that was begun and not completed."""
        markers: tuple[str, str] | None = None
        while True:
            query = {"uploads": "", "encoding-type": "url", "prefix": prefix}
            if markers is not None:
                query |= {"key-marker": markers[0], "upload-id-marker": markers[1]}
            page = read_uploads(self._done("GET", "", query).body)
            yield from page.uploads
            if page.next is None or page.next == markers:
                return
            markers = page.next

    def shut(self) -> None:
        self._line.shut()

    def close(self) -> None:
        self._line.close()

    def _sent(
        self, key: str, query: Mapping[str, str], body: memoryview, sha256: str, headers: Mapping[str, str]
    ) -> Receipt:
        sums: dict[str, str] = {}
        if self._ways.sends_checksums:
            sums[_SHA256] = as_base64(sha256)
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest() if self._ways.needs_md5 else ""
        if md5:
            sums["content-md5"] = as_base64(md5)
        answer = self._answer("PUT", key, query, {**headers, **sums}, body=body, payload=sha256)
        if answer.status != 200:
            refused = self._refusal(answer)
            # It may be the lack of an MD5 that it minds.
            self._ways.needs_md5 |= refused.problem.code is Code.WRONG_CHECKSUM
            raise refused
        etag = quoted_etag(answer.headers.get("etag", ""))
        if as_hex(answer.headers.get(_SHA256, "")) == sha256:
            return Receipt(etag, Algorithm.SHA256)
        self._ways.needs_md5 = True
        return Receipt(etag, self._proved(answer.headers, etag, body, md5))

    def _proved(self, headers: Mapping[str, str], etag: str, body: memoryview, md5: str) -> Algorithm | None:
        """By an ETag that is an MD5. Raises WRONG_CHECKSUM for that of other bytes."""
        told = [one for one in checksums.of_headers(headers) if one.algorithm is Algorithm.MD5]
        if not told or not _MD5.fullmatch(etag):
            return None
        if told[0].value != (md5 or hashlib.md5(body, usedforsecurity=False).hexdigest()):
            raise ProblemError(Code.WRONG_CHECKSUM, algorithm=Algorithm.MD5.value)
        return Algorithm.MD5

    # ---- one request ----

    def _done(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        answer = self._answer(method, key, query, headers)
        if answer.status != 200:
            raise self._refusal(answer)
        return answer

    def _answer(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: memoryview | None = None,
        payload: str = "",
        most: int = _LONGEST_ANSWER,
    ) -> Answer:
        """The answer, once nothing more is to be learned from it."""
        extra = dict(headers or {})
        if method in ("PUT", "POST"):
            extra["content-length"] = str(len(body or b""))
        requests = self._ways.requests
        for _ in range(_MOST_LESSONS):
            made = requests.make(self._bucket, key, query, extra, method=method, payload=payload)
            status, told, came = self._line.ask(made.url, made.headers, method, body or b"", self._allowance)
            answer = Answer(status, told, self._line.beginning(came, most, _ANSWER_SECONDS))
            if not requests.learns(self._bucket, made.region, status, told, answer.body):
                break
        return answer

    def _refusal(self, answer: Answer) -> ProblemError:
        credentials = self._ways.place.credentials
        host = self._ways.requests.host
        return refusal(answer.status, answer.headers, answer.body, host=host, credentials=credentials)
