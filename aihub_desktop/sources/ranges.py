"""What the header of an answer to a request for a range means. Pure.

A 206 is trusted with the exact Content-Range that was asked for, and with nothing else. A place that knows no ranges
answers 200 from the first byte, whatever was asked. Some answer 200 and send the range all the same: where their
Content-Range and Content-Length say just what was asked, that is what they sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

_CONTENT_RANGE: Final = re.compile(r"bytes (?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})/(?P<size>[0-9]{1,19}|\*)")
_LARGEST: Final = 1 << 62  # what claims to be longer is no file: neither a journal nor a disk could hold it
_UNSATISFIED: Final = re.compile(r"bytes \*/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes start ≤ i < stop of a file of `size` come; None: nobody told. `ranges`: parts can be asked for."""

    start: int
    stop: int | None
    size: int | None
    etag: str
    ranges: bool


def asked_headers(start: int, stop: int | None, validator: str, *, match: bool) -> dict[str, str]:
    """Header lines that ask for these bytes of the content with this validator.

    `match`: refuse other content (If-Match) instead of sending it whole (If-Range).
    """
    headers: dict[str, str] = {}
    if start or stop is not None:
        headers["range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        if validator and not (match and is_etag(validator)):
            headers["if-range"] = validator
    if match and is_etag(validator):
        headers["if-match"] = validator
    return headers


def is_etag(validator: str) -> bool:
    """Whether a validator is a strong ETag; otherwise it is a date, or nothing."""
    return validator.startswith('"')


def validator_of(headers: Mapping[str, str]) -> str:
    """What tells this content from another one: a strong ETag, else the date, else ""."""
    etag = headers.get("etag", "").strip()
    return etag if etag.startswith('"') and len(etag) > 2 else headers.get("last-modified", "").strip()


def extent(status: int, headers: Mapping[str, str], start: int, stop: int | None, validator: str) -> Extent:
    """What comes with a 200 or 206 to a request for start ≤ i < stop of the content with `validator` ("": any).

    Raises `ProblemError`: CHANGED for other content, WRONG_ANSWER (fact "why") for what was not asked for.
    """
    found = validator_of(headers)
    if validator and _differs(validator, headers):
        raise ProblemError(Code.CHANGED, why="validator")
    if headers.get("content-type", "").lower().startswith("multipart/byteranges"):
        raise ProblemError(Code.WRONG_ANSWER, why="multipart")
    length = _length(headers)
    span = headers.get("content-range")
    if status == 206 or (span is not None and (start or stop is not None)):
        first, last, size = _span(span)
        exact = first == start and last == _last(stop, size, last) and length in (None, last - first + 1)
        if not exact or (status != 206 and length is None):
            raise ProblemError(Code.WRONG_ANSWER, why="range")
        return Extent(first, last + 1, size, found, True)
    ranges = headers.get("accept-ranges", "").strip().lower() == "bytes" and not (start or stop is not None)
    return Extent(0, length, length, found, ranges)


def unsatisfied_size(headers: Mapping[str, str]) -> int | None:
    """The size of the file as a 416 tells it."""
    told = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    return int(told[1]) if told else None


def _differs(wanted: str, headers: Mapping[str, str]) -> bool:
    # One server of many may tell the ETag, another only the date: what cannot be compared is no difference.
    found = validator_of(headers) if is_etag(wanted) else headers.get("last-modified", "").strip()
    return bool(found) and is_etag(wanted) == is_etag(found) and wanted != found


def _last(stop: int | None, size: int | None, last: int) -> int:
    if stop is None:
        return last if size is None else size - 1
    return stop - 1 if size is None else min(stop, size) - 1


def _span(text: str | None) -> tuple[int, int, int | None]:
    told = _CONTENT_RANGE.fullmatch((text or "").strip())
    if told is None:
        raise ProblemError(Code.WRONG_ANSWER, why="range")
    first, last, size = int(told["first"]), int(told["last"]), None if told["size"] == "*" else int(told["size"])
    if first > last or (size is not None and last >= size) or max(last, size or 0) > _LARGEST:
        raise ProblemError(Code.WRONG_ANSWER, why="range")
    return first, last, size


def _length(headers: Mapping[str, str]) -> int | None:
    if "transfer-encoding" in headers:
        return None
    text = headers.get("content-length", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > len(str(_LARGEST)) or int(text) > _LARGEST:
        raise ProblemError(Code.WRONG_ANSWER, why="length")
    return int(text)
