"""What web servers say when they do not give what was asked for, as problems with a code. Pure but for the clock."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.hosts import plain_host
from aihub_desktop.sources.web.addresses import is_signed, secrets_of
from aihub_desktop.sources.web.redirects import REDIRECTS, Road

_SHOWN_SIGNS: Final = 160
# So much of a body is looked at for words: some patterns below take the square of its length.
_READ_SIGNS: Final = 4096
_LONGEST_WAIT: Final = 86_400  # seconds: what is asked for beyond a day is no number to reckon with
_CODES: Final = {
    401: Code.NO_ACCESS,
    402: Code.NO_ACCESS,
    403: Code.NO_ACCESS,
    404: Code.NOT_THERE,
    407: Code.UNREACHABLE,
    410: Code.NOT_THERE,
    429: Code.SERVER_BUSY,
    451: Code.NO_ACCESS,
    503: Code.SERVER_BUSY,
    509: Code.SERVER_BUSY,  # "bandwidth limit exceeded", of hosted sites
}
_MAY_BE_OLD: Final = (400, 401, 403)
_EXPIRED: Final = re.compile(
    rb"(?:request|url|link|address|signature)(?: has| is)? expired|ExpiredToken|not valid in the specified time ?frame",
    re.IGNORECASE,
)
_MISSIGNED: Final = re.compile(rb"SignatureDoesNotMatch|InvalidAccessKeyId", re.IGNORECASE)

# Of a page or an XML error only these parts speak to people; the others may repeat what was signed with.
_MARKED: Final = re.compile(r"\s*<")
_TELLING: Final = re.compile(r"<(Code|Message|title)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_OPAQUE: Final = re.compile(r"[A-Za-z0-9+/=_%.~-]{24,}")  # signatures, tokens, ids of requests


def refusal(road: Road, status: int, headers: Mapping[str, str], body: bytes, name: str = "") -> ProblemError:
    """The problem that an answer means which is neither data nor a redirect that could be followed.

    `headers`: names in lower case. `name`: of the file, as a fact of NOT_THERE.
    """
    host = plain_host(road.last)
    if status in REDIRECTS:
        return _of_redirect(road, headers)
    code = _code(road, status, body)
    facts: dict[str, str | int] = {"host": host, "status": status}
    if text := shown(road, body):
        facts["text"] = text
    match code:
        case Code.UNREACHABLE:
            return ProblemError(code, why="proxy", host=host)
        case Code.SERVER_BUSY:
            facts["retry_after"] = seconds_asked(headers)
        case Code.NOT_THERE if name:
            facts["name"] = name
        case Code.WRONG_ANSWER:
            facts["why"] = "status"
    return ProblemError(code, **facts)


def seconds_asked(headers: Mapping[str, str]) -> int:
    """How long the server asks to wait, in seconds; 0 where it does not say. A date is taken by its own clock."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) if int(text[:9]) < _LONGEST_WAIT else _LONGEST_WAIT
    then = _moment(text)
    if then is None:
        return 0
    now = _moment(headers.get("date", ""))
    return round(min(max(0.0, then - (time.time() if now is None else now)), _LONGEST_WAIT))


def shown(road: Road, body: bytes) -> str:
    """What the body says, as a fact: one short line without addresses, signatures, and what was signed with."""
    text = _beginning(_decoded(body))
    if _MARKED.match(text):
        text = ": ".join(found[2] for found in _TELLING.finditer(text))
    text = html.unescape(text)
    # The longest first: a secret may hold another one.
    for secret in sorted(secrets_of(road.first) | secrets_of(road.last), key=len, reverse=True):
        text = text.replace(secret, "…")
    text = _OPAQUE.sub("…", _ADDRESS.sub("…", text))
    return _BLANKS.sub(" ", text).strip()[:_SHOWN_SIGNS]


def _of_redirect(road: Road, headers: Mapping[str, str]) -> ProblemError:
    try:
        road.led(headers.get("location", ""))
    except ProblemError as error:
        return error
    return ProblemError(Code.WRONG_ANSWER, why="redirects", host=plain_host(road.last))


def _code(road: Road, status: int, body: bytes) -> Code:
    if status in _MAY_BE_OLD and _is_expired(road, status, body):
        return Code.ADDRESS_EXPIRED
    if status in _CODES:
        return _CODES[status]
    return Code.SERVER_ERROR if status >= 400 else Code.WRONG_ANSWER


def _is_expired(road: Road, status: int, body: bytes) -> bool:
    if _EXPIRED.search(body):
        return True
    signed = is_signed(road.first) or is_signed(road.last)
    return signed and status != 400 and not _MISSIGNED.search(body)


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _beginning(text: str) -> str:
    """Whole words of it: of a secret that is cut in two, the first half would not be known for one."""
    if len(text) <= _READ_SIGNS:
        return text
    words = text[:_READ_SIGNS].split()
    return " ".join(words[:-1])


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp949", "ignore")
