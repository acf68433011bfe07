"""How the files of any web address are asked for, and what refusals mean there: `sources.terms.Terms`.

Where a redirect led is remembered once data came from there, so that each range is asked where the data lies. Such
addresses often live for minutes, or for a few requests: where one is refused or not heard of again, the address that
a person gave is asked anew.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Checksum, RemoteFile
from aihub_desktop.domain.storage import WebPlace
from aihub_desktop.sources.web import digests
from aihub_desktop.sources.web.answers import refusal
from aihub_desktop.sources.web.redirects import REDIRECTS, Road

_MOST_REMEMBERED: Final = 4096
_OUTLIVED: Final = frozenset({400, 401, 403, 404, 410})


class WebTerms:
    """Of all web addresses; usable from several threads, of which each asks for one file after the other.

    An answer with data is told by `checksums`, in the thread of its `request`: only then its address is remembered.
    """

    def __init__(self, place: WebPlace) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._ends: dict[str, str] = {}  # by first address: the one behind its redirects
        self._asking = _Asking()

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        first = _address(file, mirror)
        asking = self._asking
        if asking.road is not None and not asking.heard:
            self._forget(asking.road)  # nobody answered there, and of that nothing is told here
        asking.road = asking.next.pop(first, None) or self._remembered(first)
        asking.heard = False
        return asking.road.target, {**headers, **asking.road.login()}

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        road = self._road(file, mirror)
        self._asking.heard = True
        if status in REDIRECTS:
            return self._follows(road, headers.get("location", ""))
        if road.last == road.first:
            return False
        if status in _OUTLIVED or status >= 500:
            self._forget(road)
        # Who has just been led here by the first address itself gains nothing by asking it again.
        if status not in _OUTLIVED or road.first in road.seen:
            return False
        self._asking.next = {road.first: Road.to(road.first)}
        return True

    def refusal(
        self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes
    ) -> ProblemError:
        return refusal(self._road(file, mirror), status, headers, body, file.path)

    def checksums(self, headers: Mapping[str, str]) -> tuple[Checksum, ...]:
        road = self._asking.road
        if road is not None and not self._asking.heard:
            self._asking.heard = True
            self._remember(road)
        return digests.of_headers(headers)

    def _follows(self, road: Road, location: str) -> bool:
        try:
            self._asking.next = {road.first: road.led(location)}
        except ProblemError:
            return False  # `refusal` says why
        return True

    def _remember(self, road: Road) -> None:
        if road.last == road.first:
            return
        with self._lock:
            while len(self._ends) >= _MOST_REMEMBERED:
                del self._ends[next(iter(self._ends))]
            self._ends[road.first] = road.last

    def _remembered(self, first: str) -> Road:
        with self._lock:
            last = self._ends.get(first)
        # It begins where it led: the first address is not among those that this request has seen.
        return Road.to(first) if last is None else Road(first, last, frozenset({last}))

    def _forget(self, road: Road) -> None:
        """Unless another thread knows a newer one already."""
        with self._lock:
            if self._ends.get(road.first) == road.last:
                del self._ends[road.first]

    def _road(self, file: RemoteFile, mirror: int) -> Road:
        """That of the request which this thread sent last for the file."""
        first = _address(file, mirror)
        road = self._asking.road
        return road if road is not None and road.first == first else self._remembered(first)


class _Asking(threading.local):
    """What one thread has asked last, and what it is to ask next, by first address."""

    def __init__(self) -> None:
        self.road: Road | None = None
        self.heard = False
        self.next: dict[str, Road] = {}


def _address(file: RemoteFile, mirror: int) -> str:
    """Raises `ProblemError` BAD_ADDRESS where there is none."""
    addresses = file.origin.addresses if file.origin is not None else ()
    if not addresses:
        raise ProblemError(Code.BAD_ADDRESS, address="")
    return addresses[mirror % len(addresses)]
