"""Where redirects lead, and who may see a login on the way. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

import httpx

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.hosts import plain_host, plain_origin
from aihub_desktop.sources.web.addresses import parsed, spelt

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS: Final = 10


@dataclass(frozen=True, slots=True)
class Road:
    """The way from an address (`first`) over its redirects to the one to be asked now (`last`)."""

    first: str
    last: str
    seen: frozenset[str]

    @classmethod
    def to(cls, address: str) -> Self:
        """Raises `ProblemError` BAD_ADDRESS for what cannot be asked."""
        spelt(address)
        return cls(address, address, frozenset({address}))

    def led(self, location: str) -> Self:
        """The road after a redirect. Raises `ProblemError`: INSECURE for https that leads to http, WRONG_ANSWER (why
        "redirects") for a circle, for more than ten, and for a place that cannot be asked.
        """
        target = _joined(self.last, location)
        if parsed(self.last).scheme == "https" and target.scheme != "https":
            raise ProblemError(Code.INSECURE, host=plain_host(self.last))
        address = str(target)
        if address in self.seen or len(self.seen) > MOST_REDIRECTS:
            raise _astray(self.last)
        return type(self)(self.first, address, self.seen | {address})

    @property
    def target(self) -> str:
        """The address to be asked, as a request spells it: without login and fragment, in ASCII."""
        return spelt(self.last)

    def login(self) -> dict[str, str]:
        """The header for who is named in the address to be asked, or in the first one where that is of one origin."""
        if "@" not in self.first + self.last:
            return {}
        url = parsed(self.last)
        if not url.userinfo and plain_origin(self.first) == plain_origin(self.last):
            url = parsed(self.first)
        if not url.userinfo:
            return {}
        pair = f"{url.username}:{url.password}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


def _joined(address: str, location: str) -> httpx.URL:
    # Bytes that no address may hold come as latin-1 here; a server that sends them means them as they are.
    spelt = "".join(sign if sign.isascii() or ord(sign) > 0xFF else quote(sign.encode("latin-1")) for sign in location)
    try:
        return parsed(str(httpx.URL(address).join(spelt.strip())))
    except (httpx.InvalidURL, ValueError, ProblemError):
        raise _astray(address) from None


def _astray(address: str) -> ProblemError:
    return ProblemError(Code.WRONG_ANSWER, why="redirects", host=plain_host(address))
