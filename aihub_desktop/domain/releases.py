"""The project's word about its newest version: a small document, mistrusted like everything from outside. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

_VERSION: Final = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(-[0-9A-Za-z.-]{1,40})?")
_PAGE: Final = re.compile(r"https://[!-~]{1,500}")


class Release(msgspec.Struct, frozen=True):
    version: str
    page: str  # where people read of it and fetch it

    def is_newer_than(self, version: str) -> bool:
        """False for a prerelease too: nobody is led to what is still being tried."""
        ours, theirs = _VERSION.match(version), _VERSION.fullmatch(self.version)
        if ours is None or theirs is None or theirs[4]:
            return False
        return _order(theirs) > _order(ours)


def release_of(document: bytes, address: str) -> Release:
    """What `document`, that lies at `address`, tells. Raises `ValueError` for what no release is.

    The page has to be https and of the same host: who can change the document alone can lead nobody away.
    """
    try:
        release = msgspec.json.decode(document, type=Release)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("no release") from None
    if not _VERSION.fullmatch(release.version) or not _PAGE.fullmatch(release.page):
        raise ValueError("no release")
    page = urlsplit(release.page)
    if page.username is not None or page.hostname != urlsplit(address).hostname:
        raise ValueError("another host")
    return release


def _order(found: re.Match[str]) -> tuple[int, int, int, bool]:
    return int(found[1]), int(found[2]), int(found[3]), not found[4]
