"""What differs between places that serve ranges: how one is asked, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Checksum, RemoteFile

LEARNS_AT_MOST: int = 10  # times in a row that one request is asked anew because something was learned


class Terms(Protocol):
    """Of one place; usable from several threads at once. Header names are given and told in lower case.

    `lanes.Lane` drives it: `request` → the answer's header → 200 and 206 are read on by the lane itself; of any other
    status the beginning of the body is read and `learns` is asked, then `refusal`.
    """

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """(absolute address, every header to send beside host, user-agent and accept-encoding) for a GET.

        `headers`: what the lane wants to send (range, if-match …); signatures are added here. Raises `ProblemError`
        BAD_ADDRESS, INSECURE for an address that must not be asked.
        """
        ...

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the same request is worth another try at once, for something was learned of the place: a redirect,
        another region, an address behind a redirect that has expired. Called for every status but 200 and 206.
        """
        ...

    def refusal(
        self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes
    ) -> ProblemError:
        """What an answer means that is neither data nor worth another try. 412 and 416 are the lane's own business.

        Facts: "host", "status", "text" (short, without secrets), "retry_after" with SERVER_BUSY.
        """
        ...

    def checksums(self, headers: Mapping[str, str]) -> tuple[Checksum, ...]:
        """Of the whole file, from the header of an answer with status 200 or 206."""
        ...
