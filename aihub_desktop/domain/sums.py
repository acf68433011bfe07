"""Lists of checksums, as sha256sum and its kin write them: SHA256SUMS, md5sums and the like. Pure.

HEX  NAME              GNU; "*" before the name of a binary file, "\\" before HEX of an escaped name
SHA256 (NAME) = HEX    BSD, and `--tag`
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from aihub_desktop.domain.model import Algorithm, Checksum

_BY_LENGTH: Final = {32: Algorithm.MD5, 40: Algorithm.SHA1, 64: Algorithm.SHA256, 128: Algorithm.SHA512}
_BY_NAME: Final = {
    "MD5": Algorithm.MD5, "SHA1": Algorithm.SHA1, "SHA256": Algorithm.SHA256, "SHA512": Algorithm.SHA512,
}  # fmt: skip
_GNU: Final = re.compile(r"(?P<escaped>\\?)(?P<hex>[0-9A-Fa-f]+) [ *]?(?P<name>.+)")
_BSD: Final = re.compile(r"(?P<escaped>\\?)(?P<algorithm>[A-Z0-9-]+) \((?P<name>.+)\) = (?P<hex>[0-9A-Fa-f]+)")
_ESCAPES: Final = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


class SumsError(ValueError):
    """A text that gives no checksum of any file."""


def parse(text: str) -> dict[str, Checksum]:
    """Checksums by name, as it stands there but for "./" at its beginning; the last of several of one name.

    Comments, signatures around the list and algorithms that are not known are passed over. Raises `SumsError` where
    nothing is left.
    """
    found = dict(_entries(text))
    if not found:
        raise SumsError("no checksums")
    return found


def matched(sums: Mapping[str, Checksum], paths: Iterable[str]) -> dict[str, Checksum]:
    """The checksum of each of `paths` that has one: by the whole path, else by a name that only one line has."""
    counts = Counter(_name(listed) for listed in sums)
    by_name = {_name(listed): checksum for listed, checksum in sums.items() if counts[_name(listed)] == 1}
    paths = list(paths)
    # Two files of one name cannot both be the one that a bare name means.
    alone = Counter(map(_name, paths))
    found = {path: sums.get(path) or (by_name.get(_name(path)) if alone[_name(path)] == 1 else None) for path in paths}
    return {path: checksum for path, checksum in found.items() if checksum is not None}


def _entries(text: str) -> Iterator[tuple[str, Checksum]]:
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        found = _BSD.fullmatch(line) or _GNU.fullmatch(line)
        if found is None:
            continue
        value = found["hex"].lower()
        named = found.groupdict().get("algorithm")
        algorithm = _BY_LENGTH.get(len(value))
        if algorithm is None or (named is not None and _BY_NAME.get(named.replace("-", "")) is not algorithm):
            continue
        yield _plain(found["name"], bool(found["escaped"])), Checksum(algorithm, value)


def _plain(name: str, escaped: bool) -> str:
    if escaped:
        name = re.sub(r"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], name)
    return name.removeprefix("./")


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
