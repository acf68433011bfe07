"""Checksums that places give: in the headers of an answer, and in lists beside the data. Pure.

Repr-Digest, Content-Digest   sha-256=:BASE64:          RFC 9530
Digest                        SHA-256=BASE64            RFC 3230
Content-MD5                   BASE64                    RFC 1864
x-goog-hash                   crc32c=BASE64,md5=BASE64
x-amz-checksum-NAME           BASE64, with "-N" behind it for a checksum of N parts' checksums
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Algorithm, Checksum

# Bytes of each; the order is that in which they are worth having: SHA-256 is reckoned of every file anyway.
_BYTES: Final = {
    Algorithm.SHA256: 32,
    Algorithm.SHA512: 64,
    Algorithm.SHA1: 20,
    Algorithm.MD5: 16,
    Algorithm.CRC64NVME: 8,
    Algorithm.CRC32C: 4,
    Algorithm.CRC32: 4,
}
_RANK: Final = {algorithm: at for at, algorithm in enumerate(_BYTES)}
_SPELLINGS: Final = {
    **{str(algorithm): algorithm for algorithm in _BYTES},
    **{"sha256": Algorithm.SHA256, "sha512": Algorithm.SHA512, "sha1": Algorithm.SHA1, "sha": Algorithm.SHA1},
}
# Of the 32-bit sums the old header holds hex or decimal, as each server likes.
_OLD: Final = (Algorithm.SHA256, Algorithm.SHA512, Algorithm.SHA1, Algorithm.MD5)
_AMZ: Final = "x-amz-checksum-"
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_STRUCTURED: Final = re.compile(r"\s*([a-z0-9*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*(?:;.*)?")

# By the number of hex digits, where a list names no algorithm.
_BY_LENGTH: Final = {2 * length: algorithm for algorithm, length in _BYTES.items() if algorithm in _OLD}
# Lists whose lines look like those of SHA, but are of another kind.
_FOREIGN: Final = re.compile(r"b2sum|b3sum|blake|sha-?3|sha-?512[-_/](?:224|256)|shake|sm3", re.IGNORECASE)
_GNU: Final = re.compile(r"(?P<escaped>\\?)(?P<hex>[0-9A-Fa-f]{32,128})(?: [ *]|[ \t]+\*?)(?P<name>.+)")
_BSD: Final = re.compile(r"(?P<escaped>\\?)(?P<kind>[A-Za-z0-9-]+) \((?P<name>.+)\) ?= ?(?P<hex>[0-9A-Fa-f]{8,128})")
_BARE: Final = re.compile(r"[0-9A-Fa-f]{32,128}")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r"}
_SIGNED: Final = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE: Final = "-----BEGIN PGP SIGNATURE-----"
_LIST_NAME: Final = re.compile(
    r"(?:.*[._-])?(?:md5|sha-?(?:1|256|512))(?:-?sums?)?(?:\.txt)?|checksums?(?:\.txt)?", re.IGNORECASE
)
_LIST_END: Final = re.compile(r"[._-](?:md5|sha-?(?:1|256|512))(?:-?sums?)?(?:\.txt)?$", re.IGNORECASE)


def of_headers(headers: Mapping[str, str]) -> tuple[Checksum, ...]:
    """Checksums of the whole file from the header of an answer (200 or 206), the best first, one an algorithm.

    `headers`: names in lower case. What is malformed, or of a part only, is passed over.
    """
    found: dict[Algorithm, Checksum] = {}
    for name, text in _told(headers):
        checksum = _decoded(name, text)
        if checksum is not None:
            found.setdefault(checksum.algorithm, checksum)
    return ranked(found.values())


def ranked(checksums: Iterable[Checksum]) -> tuple[Checksum, ...]:
    """The best first."""
    return tuple(sorted(checksums, key=lambda each: _RANK.get(each.algorithm, len(_RANK))))


def parse_checksum(text: str) -> Checksum:
    """ "sha-256:HEX", "sha256:HEX", "md5=HEX", …; raises `ValueError` for what is none."""
    kind, _, value = text.strip().replace("=", ":", 1).partition(":")
    algorithm = algorithm_of(kind)
    if algorithm is None:
        raise ValueError("an unknown kind of checksum")
    return checked(algorithm, value.strip())


def checked(algorithm: Algorithm, digits: str) -> Checksum:
    """The checksum with these hex digits; raises `ValueError` for digits that cannot be one."""
    if not _HEX.fullmatch(digits) or len(digits) != 2 * _BYTES.get(algorithm, 0):
        raise ValueError(f"no {algorithm} in hex")
    return Checksum(algorithm, digits.lower())


def algorithm_of(kind: str) -> Algorithm | None:
    """By any of its usual names, such as "SHA256" and "sha-256"; None for one that is not reckoned here."""
    return _SPELLINGS.get(kind.strip().lower())


def is_list_of_sums(name: str) -> bool:
    """Whether a file of this name is one of checksums: SHA256SUMS, md5sums.txt, a.zip.sha256, …"""
    return _LIST_NAME.fullmatch(name) is not None


def parse_sums(text: str, name_of_list: str) -> dict[str, Checksum]:
    """The checksums of a list, by the names in it ("sub/a.zip"); GNU's and BSD's lines, or one bare checksum.

    A bare one is of the file that the list is called after (a.zip.sha256). Raises `ProblemError` BAD_LIST for text
    that holds none, or anything else beside them.
    """
    if _FOREIGN.search(name_of_list):
        raise _bad(name_of_list, "algorithm")
    lines = [line for line in _payload(text) if line.strip() and not line.startswith("#")]
    if len(lines) == 1 and _BARE.fullmatch(lines[0].strip()):
        lines = [f"{lines[0].strip()}  {_LIST_END.sub('', name_of_list)}"]
    sums: dict[str, Checksum] = {}
    for line in lines:
        row = _GNU.fullmatch(line) or _BSD.fullmatch(line)
        if row is None:
            raise _bad(name_of_list, "line")
        checksum = _of_row(row.groupdict())
        if checksum is not None:
            sums[_name_of(row)] = checksum
    if not sums:
        raise _bad(name_of_list, "empty")
    return sums


def _told(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(algorithm, base64) of all headers that tell of the whole file, the surest kind of header first."""
    whole = "content-range" not in headers
    yield from _structured(headers.get("repr-digest", ""))
    if whole:
        yield from _structured(headers.get("content-digest", ""))
    kind = headers.get("x-amz-checksum-type", "").strip().upper()
    # Some storages give the checksum of the part that was asked for, where it says nothing else.
    if kind == "FULL_OBJECT" or (whole and kind != "COMPOSITE"):
        yield from ((name.removeprefix(_AMZ), text) for name, text in headers.items() if name.startswith(_AMZ))
    # The hash is of what is stored, so it proves nothing where that is sent unpacked.
    if headers.get("x-goog-stored-content-encoding", "identity").strip().lower() == "identity":
        yield from _listed(headers.get("x-goog-hash", ""))
    yield from ((name, text) for name, text in _listed(headers.get("digest", "")) if algorithm_of(name) in _OLD)
    yield "md5", headers.get("x-ms-blob-content-md5", "")
    if whole:
        yield "md5", headers.get("content-md5", "")


def _structured(text: str) -> Iterator[tuple[str, str]]:
    for member in text.split(","):
        if found := _STRUCTURED.fullmatch(member):
            yield found[1], found[2]


def _listed(text: str) -> Iterator[tuple[str, str]]:
    for member in text.split(","):
        name, _, value = member.partition("=")
        yield name, value


def _decoded(name: str, text: str) -> Checksum | None:
    algorithm = algorithm_of(name)
    if algorithm is None:
        return None
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        return checked(algorithm, raw.hex())
    except (binascii.Error, ValueError):
        return None


def _payload(text: str) -> list[str]:
    """The lines of a list, without the armour of a signature around them."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    if lines[0].strip() != _SIGNED:
        return lines
    start = next((at for at, line in enumerate(lines) if not line.strip()), len(lines))
    stop = next((at for at, line in enumerate(lines) if line.strip() == _SIGNATURE), len(lines))
    return [line.removeprefix("- ") for line in lines[start:stop]]


def _of_row(row: dict[str, str]) -> Checksum | None:
    """None for a checksum of a kind that is not reckoned here: a list may hold several kinds."""
    digits = row["hex"]
    algorithm = algorithm_of(row["kind"]) if "kind" in row else _BY_LENGTH.get(len(digits))
    try:
        return None if algorithm is None else checked(algorithm, digits)
    except ValueError:
        return None


def _name_of(row: re.Match[str]) -> str:
    name = row["name"]
    if row["escaped"]:
        name = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), name)
    return name.removeprefix("./")


def _bad(name: str, why: str) -> ProblemError:
    return ProblemError(Code.BAD_LIST, name=name[:80], why=why)
