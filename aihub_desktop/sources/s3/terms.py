"""How a worker asks object storage for ranges of its objects, and what its refusals mean."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import Checksum, RemoteFile
from aihub_desktop.domain.storage import S3Place, split_container
from aihub_desktop.sources.s3 import checksums, errors
from aihub_desktop.sources.s3.addressing import tells_checksums
from aihub_desktop.sources.s3.requests import Requests

# Without it the storages keep the checksums that they know to themselves.
CHECKSUM_MODE: Final = {"x-amz-checksum-mode": "ENABLED"}


class S3Terms:
    """`sources.terms.Terms` of object storage. Each request is signed anew, for signatures live for minutes only."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._requests = Requests(place)
        self._mode = CHECKSUM_MODE if tells_checksums(place.endpoint) else {}
        self._last = threading.local()  # a lane is used by one thread: its last request is the one that is judged

    def request(self, file: RemoteFile, mirror: int, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        bucket = self._bucket(file)
        made = self._requests.make(bucket, file.key, headers={**headers, **self._mode})
        self._last.region = made.region
        return made.url, made.headers

    def learns(self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        used = getattr(self._last, "region", "")
        return self._requests.learns(self._bucket(file), used, status, headers, body)

    def refusal(
        self, file: RemoteFile, mirror: int, status: int, headers: Mapping[str, str], body: bytes
    ) -> ProblemError:
        credentials = self._place.credentials
        return errors.refusal(status, headers, body, host=self._requests.host, credentials=credentials)

    def checksums(self, headers: Mapping[str, str]) -> tuple[Checksum, ...]:
        return checksums.of_headers(headers)

    def _bucket(self, file: RemoteFile) -> str:
        """Raises `ProblemError` BAD_ADDRESS for an object of another storage: these keys are not for it."""
        endpoint, bucket = split_container(file.dataset)
        if endpoint != self._place.endpoint or not bucket or not file.key:
            raise ProblemError(Code.BAD_ADDRESS, address=f"{file.dataset}/{file.key}"[:300])
        return bucket
