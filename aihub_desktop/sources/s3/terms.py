"""A placeholder."""

from __future__ import annotations

from collections.abc import Mapping

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Checksum, RemoteFile
from aihub_desktop.domain.storage import S3Place


class S3Terms:
    """A placeholder."""

    def __init__(self, place: S3Place) -> None: ...

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        raise NotImplementedError

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        raise NotImplementedError

    def refusal(
        self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes
    ) -> ProblemError:
        raise NotImplementedError

    def checksums(self, headers: Mapping[str, str]) -> tuple[Checksum, ...]:
        raise NotImplementedError
