"""How the files of any web address are asked for, and what refusals mean there: `sources.terms.Terms`.

A redirect is followed once and remembered, so that each range is asked where the data lies. Addresses behind
redirects often live for minutes: where one is refused, the address that a person gave is asked anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Checksum, RemoteFile
from aihub_desktop.domain.storage import WebPlace
from aihub_desktop.sources.web import digests
from aihub_desktop.sources.web.addresses import parsed
from aihub_desktop.sources.web.answers import refusal
from aihub_desktop.sources.web.redirects import REDIRECTS, Road

# An address that cannot be reached at all says nothing here, so none is believed in for longer than this. One more
# request a minute costs nothing beside what comes meanwhile.
_REMEMBERED_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 4096
_OUTLIVED: Final = frozenset({400, 401, 403, 404, 410})


class WebTerms:
    """Of all web addresses; usable from several threads, of which each asks for one file after the other."""

    def __init__(self, place: WebPlace) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._ends: dict[str, tuple[Road, float]] = {}  # by first address: where it led, and when
        self._asking = _Asking()

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        first = _address(file, mirror)
        road = self._asking.next.pop(first, None) or self._remembered(first)
        self._asking.road = road
        return road.target, {"accept": "*/*", **headers, **road.login()}

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        road = self._road(file, mirror)
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
        return digests.of_headers(headers)

    def _follows(self, road: Road, location: str) -> bool:
        try:
            led = road.led(location)
        except ProblemError:
            return False  # `refusal` says why
        with self._lock:
            while len(self._ends) >= _MOST_REMEMBERED:
                del self._ends[next(iter(self._ends))]
            self._ends[road.first] = (led, time.monotonic())
        self._asking.next = {road.first: led}
        return True

    def _remembered(self, first: str) -> Road:
        with self._lock:
            road, at = self._ends.get(first, (None, 0.0))
        if road is None or time.monotonic() - at > _REMEMBERED_SECONDS:
            return Road.to(first)
        # It begins here: what led to it was another request's way.
        return Road(first, road.last, frozenset({road.last}))

    def _forget(self, road: Road) -> None:
        """Unless another thread knows a newer one already."""
        with self._lock:
            known = self._ends.get(road.first)
            if known is not None and known[0].last == road.last:
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
        self.next: dict[str, Road] = {}


def _address(file: RemoteFile, mirror: int) -> str:
    """Raises `ProblemError` BAD_ADDRESS where there is none, or none that can be asked."""
    addresses = file.origin.addresses if file.origin is not None else ()
    if not addresses:
        raise ProblemError(Code.BAD_ADDRESS, address="")
    address = addresses[mirror % len(addresses)]
    parsed(address)
    return address
