"""By which of this machine's addresses the hub is reached now. No packet is sent for the answer."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from typing import Final
from urllib.parse import urlsplit

_PREFIX: Final = 8  # bytes of an IPv6 address: the rest of it changes by itself, and connections outlive that
_NAME_SECONDS: Final = 600.0  # for so long an address of the hub is good enough to ask for the way to it


class Route:
    """`way` may block while a name is looked up, so it is asked off the loop; by one thread at a time.

    A hub on this very machine has one way for ever, which costs nothing to ask for.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (80 if parts.scheme == "http" else 443)
        self._address: tuple[socket.AddressFamily, str] | None = None
        self._asked_at = float("-inf")

    def way(self) -> str | None:
        """The local address towards the hub (of IPv6 its network); None where no way leads there."""
        self._look_up()
        if self._address is None:
            return None
        family, address = self._address
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, self._port))
            except OSError:
                return None
            local = str(probe.getsockname()[0])
        return local if family == socket.AF_INET else _network(local)

    def _look_up(self) -> None:
        """Keeps the old address where the name cannot be looked up: the way to it is what is asked for."""
        if self._address is not None and time.monotonic() - self._asked_at < _NAME_SECONDS:
            return
        with contextlib.suppress(OSError):
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            # The same kind each time, or two kinds taken in turn would look like a change.
            found.sort(key=lambda one: (one[0] != socket.AF_INET, str(one[4][0])))
            known = {(one[0], str(one[4][0])) for one in found}
            if found and self._address not in known:
                self._address = (found[0][0], str(found[0][4][0]))
            self._asked_at = time.monotonic()


def _network(address: str) -> str:
    packed = ipaddress.IPv6Address(address.split("%", maxsplit=1)[0]).packed
    return str(ipaddress.IPv6Address(packed[:_PREFIX].ljust(len(packed), b"\0")))
