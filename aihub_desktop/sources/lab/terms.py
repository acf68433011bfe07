"""How a machine of the lab is asked for the files that it shares: `sources.terms.Terms`.

The token goes to the address that a person named and to no other: no redirect is followed, and whatever else a file
may say of where it is, is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Checksum, RemoteFile
from aihub_desktop.domain.storage import LabPlace
from aihub_desktop.sources.hosts import plain_host
from aihub_desktop.sources.web.answers import refusal
from aihub_desktop.sources.web.redirects import REDIRECTS, Road


class LabTerms:
    """Of one machine; usable from several threads."""

    def __init__(self, place: LabPlace) -> None:
        self.place = place

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        address = file.origin.addresses[0] if file.origin is not None and file.origin.addresses else ""
        if not address.startswith(f"{self.place.address}/"):
            raise ProblemError(Code.BAD_ADDRESS, address=plain_host(address))
        return address, {**headers, **authorised(self.place)}

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        return False

    def refusal(
        self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes
    ) -> ProblemError:
        return refused(self.place, status, headers, body, file.path)

    def checksums(self, headers: Mapping[str, str]) -> tuple[Checksum, ...]:
        # The list told SHA-256 of each file, and nothing that is said later counts against it.
        return ()


def authorised(place: LabPlace) -> dict[str, str]:
    return {"authorization": f"Bearer {place.token.reveal()}"}


def refused(place: LabPlace, status: int, headers: Mapping[str, str], body: bytes, name: str = "") -> ProblemError:
    """What an answer means that is neither data nor a list."""
    if status in REDIRECTS:
        return ProblemError(Code.WRONG_ANSWER, why="redirects", host=plain_host(place.address))
    error = refusal(Road.to(f"{place.address}/"), status, headers, body, name)
    if error.problem.code is Code.NO_ACCESS:
        return ProblemError(Code.NO_ACCESS, **{**error.problem.facts, "what": "lab"})
    return error
