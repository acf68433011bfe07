"""Who issued a certificate, to whom, and until when: read from its DER bytes. Pure.

Python tells this of verified connections alone, and on Windows and macOS, where the system verifies, of none. What
is read here decides nothing: it is shown to people.

    Certificate ─▶ tbsCertificate ─▶ [0] version?, serial, algorithm, issuer, validity, subject, …
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

_NAMED: Final = {b"\x55\x04\x0a": "organisation", b"\x55\x04\x03": "name"}  # 2.5.4.10 and 2.5.4.3
_VERSION, _SEQUENCE, _UTC_TIME, _UTF16 = 0xA0, 0x30, 0x17, 0x1E
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_LONGEST: Final = 120


class Certificate(msgspec.Struct, frozen=True):
    """Names are "Organisation, Common Name" as far as there are any; times are in seconds since 1970."""

    subject: str
    issuer: str
    since: float
    until: float


def read_certificate(der: bytes) -> Certificate | None:
    """None for what is no certificate."""
    try:
        fields = list(_below(_only(_only(der))))
        if fields[0][0] == _VERSION:
            del fields[0]
        since, until = (_time(tag, text) for tag, text in _below(fields[3][1]))
        return Certificate(_name(fields[4][1]), _name(fields[2][1]), since, until)
    except (IndexError, ValueError):
        return None


def _only(data: bytes) -> bytes:
    tag, inside = next(_below(data), (0, b""))
    if tag != _SEQUENCE:
        raise ValueError("no sequence")
    return inside


def _below(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of the values that stand one behind the other in `data`."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("an impossible length")
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + length]
        at += length


def _name(data: bytes) -> str:
    parts: dict[str, str] = {}
    for _, group in _below(data):
        for _, pair in _below(group):
            (_, kind), (tag, text) = list(_below(pair))[:2]
            if kind in _NAMED:
                decoded = text.decode("utf-16-be" if tag == _UTF16 else "utf-8", "replace")
                parts.setdefault(_NAMED[kind], _CONTROL.sub(" ", decoded)[:_LONGEST])
    return ", ".join(parts[part] for part in ("organisation", "name") if part in parts)


def _time(tag: int, text: bytes) -> float:
    # Two digits of a year mean 1950 to 2049, where Python takes them for 1969 to 2068.
    written = text.decode("ascii")
    if tag == _UTC_TIME:
        written = f"{'19' if written[:2] >= '50' else '20'}{written}"
    return datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
