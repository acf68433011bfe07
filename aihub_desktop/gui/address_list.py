"""Addresses and checksums out of what a person pastes, drops, or opens as a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from aihub_desktop.domain.model import Algorithm, Checksum

METALINKS: Final = (".meta4", ".metalink")
LONGEST_LIST: Final = 16 << 20  # bytes; a longer file is no list of addresses

_ADDRESS: Final = re.compile(r"(?:https?|s3|file)://\S+", re.IGNORECASE)
_SUM: Final = re.compile(r"\\?([0-9A-Fa-f]{32,128})[ \t]+[*]?(.+)")
_TAGGED: Final = re.compile(r"(MD5|SHA1|SHA256|SHA512) \((.+)\) = ([0-9A-Fa-f]+)")
_BY_LENGTH: Final = {32: Algorithm.MD5, 40: Algorithm.SHA1, 64: Algorithm.SHA256, 128: Algorithm.SHA512}


@dataclass(slots=True)
class AddressList:
    """`addresses` in their order, none twice; `sums`: checksums by the name of the file that they are of."""

    addresses: list[str] = field(default_factory=list)
    sums: dict[str, Checksum] = field(default_factory=dict)

    def add(self, other: AddressList) -> None:
        self.addresses = list(dict.fromkeys([*self.addresses, *other.addresses]))
        self.sums.update(other.sums)

    def under(self, base: str) -> AddressList:
        """The files of a list of checksums, as addresses below `base`."""
        folder = base if base.endswith("/") else f"{base}/"
        return AddressList([folder + quote(name) for name in self.sums], dict(self.sums))

    def checksums(self, addresses: list[str]) -> dict[str, Checksum]:
        """By address, for those whose name a sum was given for."""
        found = {address: next(filter(None, map(self.sums.get, _tails(address))), None) for address in addresses}
        return {address: checksum for address, checksum in found.items() if checksum is not None}


def read(text: str) -> AddressList:
    """Lines with an address, and lines of `sha256sum` and its kin. What is neither is passed over."""
    found, seen = AddressList(), dict[str, None]()
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("#"):
            continue
        if addresses := _ADDRESS.findall(line):
            seen.update(dict.fromkeys(addresses))
        elif entry := _sum_of(line):
            found.sums[entry[0]] = entry[1]
    found.addresses = list(seen)
    return found


def read_file(path: Path) -> AddressList:
    """A list on disk. A Metalink is named by its own address: the engine reads it. Raises OSError, ValueError."""
    if path.suffix.lower() in METALINKS:
        return AddressList([path.absolute().as_uri()])
    if path.stat().st_size > LONGEST_LIST:
        raise ValueError(path.name)
    found = read(path.read_text(encoding="utf-8-sig"))
    if not found.addresses and not found.sums:
        raise ValueError(path.name)
    return found


def host_of(address: str) -> str:
    """ "" for what has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def shown(address: str) -> str:
    """An address without what may be secret in it: for tables, which others may see."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return address[:80]
    return f"{parts.scheme}://{host}{unquote(parts.path)}" + ("?…" if parts.query else "")


def _path_of(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _tails(address: str) -> list[str]:
    """ "a/b/c", "b/c", "c": what a list of checksums may call the file of an address."""
    parts = unquote(_path_of(address)).strip("/").split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _sum_of(line: str) -> tuple[str, Checksum] | None:
    if tagged := _TAGGED.fullmatch(line):
        name, value = tagged[2], tagged[3]
    elif plain := _SUM.fullmatch(line):
        name, value = plain[2], plain[1]
    else:
        return None
    algorithm = _BY_LENGTH.get(len(value))
    return None if algorithm is None else (name.removeprefix("./"), Checksum(algorithm, value.lower()))
