"""What the hub says when it does not give what was asked for, as problems with a code.

The hub mostly answers with a sentence of Korean plain text and HTTP 502, whatever happened. The sentence is
judged first, by its distinctive words and without its blanks; the status only where the sentence is unknown.
"""

from __future__ import annotations

import codecs
import re
from enum import Enum
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Secret

SHOWN_SIGNS: Final = 300

# The hub's sentences are under 100 signs. A longer text is a list or a page that may hold these words by chance.
_LONGEST_SENTENCE: Final = 2_000

# All words of one row must occur. The first row that fits counts: the sentence on an expired approval speaks
# of applying again, so it stands before the one on a missing approval.
_SENTENCES: Final[tuple[tuple[tuple[str, ...], Code], ...]] = (
    (("유효기간", "만료"), Code.APPROVAL_EXPIRED),
    (("승인", "만료"), Code.APPROVAL_EXPIRED),
    (("재신청",), Code.APPROVAL_EXPIRED),
    (("해외", "제한"), Code.ABROAD),
    (("aihubshell", "버전"), Code.API_OUTDATED),
    (("파일이존재하지않습니다",), Code.UNKNOWN_FILE),
    (("페이지가존재하지않습니다",), Code.UNKNOWN_DATASET),
    (("신청및승인후",), Code.NOT_APPROVED),
    (("인증실패",), Code.KEY_REJECTED),
    (("권한이거부",), Code.KEY_REJECTED),
    # No text of the refusal of two starts at the same moment is public; these are the usual words for "later".
    (("동시",), Code.HUB_BUSY),
    (("잠시후",), Code.HUB_BUSY),
)

# Atomic: a comment may be read to the end of any later one, and there are 2**n ways to try for n of them.
_HTML: Final = re.compile(
    r"(?>(?:<\?xml[^>]*>|<!--.*?-->|\s+)*)<(?:!doctype|html|head|body|title|script|meta)\b", re.I | re.S
)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f]+")


class Wanted(Enum):
    """What had been asked for, hence what anything else is called."""

    STREAM = Code.NOT_A_TAR
    TEXT = Code.BAD_ANSWER


def of_answer(
    status: int,
    content_type: str,
    body: bytes,
    *,
    wanted: Wanted,
    key: Secret | None = None,
    retry_after: str | None = None,
) -> ProblemError:
    """The problem that an answer means, once it is known not to be what was wanted.

    `key` is the key that was sent, None for none: it tells NO_KEY from KEY_REJECTED, and is kept out of the
    facts should the hub repeat it. `retry_after` is the header of that name, given as a fact of HUB_BUSY.
    """
    text = decoded(body)
    html = "html" in content_type.lower() or is_html(text)
    code = None if html else sentence_code(text, key_sent=key is not None)
    if code is None:
        code = _code_of_status(status, html=html, wanted=wanted)
    return ProblemError(code, **_facts(code, status, shown(text, key), retry_after))


def of_stream_head(head: bytes) -> ProblemError:
    """The problem that the first bytes of a stream mean which is no tar: a known sentence, else NOT_A_TAR."""
    # Whoever reads a stream has sent a key, so a refusal is one of that key.
    return of_answer(200, "", head, wanted=Wanted.STREAM, key=Secret(""))


def sentence_code(text: str, *, key_sent: bool) -> Code | None:
    """The code of a sentence that the hub is known to say, else None."""
    if len(text) > _LONGEST_SENTENCE:
        return None
    dense = _BLANKS.sub("", text).lower()
    for words, code in _SENTENCES:
        if all(word in dense for word in words):
            return Code.NO_KEY if code is Code.KEY_REJECTED and not key_sent else code
    return None


def is_html(text: str) -> bool:
    return _HTML.match(text[:4096]) is not None


def decoded(body: bytes) -> str:
    """The hub writes UTF-8, here perhaps cut inside its last sign; a proxy on the way may write cp949."""
    for coding in ("utf-8-sig", "cp949"):
        try:
            return codecs.getincrementaldecoder(coding)().decode(body)
        except UnicodeDecodeError:
            continue
    return body.decode("utf-8", "replace")


def shown(text: str, key: Secret | None = None) -> str:
    """Text from outside as a fact: one line, at most 300 signs, without keys and without the uuid of a stream."""
    if key is not None and key.reveal():
        text = text.replace(key.reveal(), "…")
    return _UUID.sub("…", _BLANKS.sub(" ", text).strip())[:SHOWN_SIGNS]


def _code_of_status(status: int, *, html: bool, wanted: Wanted) -> Code:
    if status in (429, 503):
        return Code.HUB_BUSY
    if status == 403:
        return Code.FORBIDDEN
    if html or status < 400:
        return wanted.value
    return Code.UNKNOWN_DATASET if status == 404 else Code.HUB_ERROR


def _facts(code: Code, status: int, text: str, retry_after: str | None) -> dict[str, str | int]:
    match code:
        case Code.HUB_BUSY if retry_after:
            return {"status": status, "retry_after": shown(retry_after), "text": text}
        case Code.HUB_ERROR | Code.HUB_BUSY | Code.FORBIDDEN | Code.NOT_A_TAR | Code.BAD_ANSWER:
            return {"status": status, "text": text}
        case _:
            return {"text": text}
