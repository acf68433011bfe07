"""Addresses of files as people write them, alone and in lists. Pure: nothing is asked, nothing is opened.

A list has one address a line; further addresses of the same file follow after tabs. Blank lines and lines that
begin with "#" are passed over. Lines that begin with a blank give options of the address above, as aria2 reads them:

    https://example.org/a.zip	https://mirror.example.org/a.zip
      out=data/a.zip
      checksum=sha-256=HEX
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec

from aihub_desktop.domain.model import Algorithm, Checksum

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Blanks and control signs end an address, or smuggle a header into a request.
_NO_ADDRESS: Final = re.compile(r"[\x00-\x20\x7f]")
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_SIGNS: Final = {
    Algorithm.MD5: 32, Algorithm.SHA1: 40, Algorithm.SHA256: 64, Algorithm.SHA512: 128,
    Algorithm.CRC32: 8, Algorithm.CRC32C: 8, Algorithm.CRC64NVME: 16,
}  # fmt: skip
_HEX: Final = re.compile(r"[0-9a-f]+")


class AddressError(ValueError):
    """No address that could be fetched. Its text holds nothing of the address, for a secret may be in it."""


class ListError(ValueError):
    """A list that cannot be read. `line` counts from 1; 0 is the list as a whole."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class ObjectAddress(msgspec.Struct, frozen=True):
    """s3://BUCKET/KEY: one object; with a slash at its end, or without a key, everything below."""

    bucket: str
    key: str

    @property
    def is_prefix(self) -> bool:
        return not self.key or self.key.endswith("/")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Wish(msgspec.Struct, frozen=True):
    """A file that somebody wants: `address`, the same file elsewhere, its name on disk, its checksum."""

    address: str
    mirrors: tuple[str, ...] = ()
    out: str = ""
    checksum: Checksum | None = None


def has_scheme(text: str) -> bool:
    """Whether `text` is meant as an address rather than a path."""
    return _SCHEME.match(text) is not None


def is_object(text: str) -> bool:
    return text[:5].casefold() == "s3://"


def object_address(text: str) -> ObjectAddress:
    """Reads s3://BUCKET[/KEY]; the key is taken as it stands. Raises `AddressError`."""
    bucket, _, key = text[5:].partition("/")
    # Keys of 1,024 bytes are the longest anywhere.
    if not is_object(text) or _BUCKET.fullmatch(bucket) is None or len(key.encode()) > 1024 or "\0" in key:
        raise AddressError
    return ObjectAddress(bucket, key)


def web_address(text: str) -> str:
    """An http or https address in the form to be asked for: without its fragment. Raises `AddressError`."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressError
    return urlunsplit(parts._replace(fragment=""))


def host(address: str) -> str:
    """The host and port of an address, "" for none."""
    parts = _split(address)
    return "" if parts is None else parts.netloc.rpartition("@")[2]


def shown(address: str) -> str:
    """An address without what may be secret: neither login nor the values of its query."""
    text = re.sub(r"(?<=://)[^/?#]*@", "", address)
    before, mark, _ = text.partition("?")
    return f"{before.partition('#')[0]}{'?…' if mark else ''}"


def checksum(text: str) -> Checksum:
    """Reads "ALGO:HEX" or "ALGO=HEX", however it is written: sha256, SHA-256. Raises `ValueError`."""
    name, _, value = re.sub("[:=]", " ", text.strip(), count=1).partition(" ")
    value = value.strip().lower()
    algorithm = next((one for one in _SIGNS if _plain(one) == _plain(name)), None)
    if algorithm is None or len(value) != _SIGNS[algorithm] or _HEX.fullmatch(value) is None:
        raise ValueError("no checksum")
    return Checksum(algorithm, value)


def parse_list(text: str) -> list[Wish]:
    """The wishes of a list, in order. Addresses are not judged here. Raises `ListError`, for an empty list too."""
    wishes: list[Wish] = []
    for number, line in _lines(text):
        if line[0] in " \t":
            if not wishes:
                raise ListError(number)
            wishes[-1] = _with_option(wishes[-1], line.strip(), number)
        else:
            address, *mirrors = filter(None, map(str.strip, line.split("\t")))
            wishes.append(Wish(address, tuple(mirrors)))
    if not wishes:
        raise ListError(0)
    return wishes


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            if "\0" in line:
                raise ListError(number)
            yield number, line


def _with_option(wish: Wish, text: str, number: int) -> Wish:
    name, _, value = text.partition("=")
    match name.strip():
        case "out":
            return msgspec.structs.replace(wish, out=value.strip())
        case "checksum":
            try:
                return msgspec.structs.replace(wish, checksum=checksum(value))
            except ValueError:
                raise ListError(number) from None
    # Lists that were made for aria2 hold much that is its own business, such as split= or header=.
    return wish


def _plain(name: str) -> str:
    return name.strip().replace("-", "").lower()


def _split(text: str) -> SplitResult | None:
    if _NO_ADDRESS.search(text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts
