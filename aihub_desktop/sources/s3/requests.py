"""Requests to one storage: addressed, signed, and mended by what its answers teach (regions)."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.storage import S3Place
from aihub_desktop.sources.hosts import is_loopback, plain_host
from aihub_desktop.sources.s3.addressing import (
    USUAL_REGION,
    address,
    implied_region,
    is_region,
    regional_endpoint,
)
from aihub_desktop.sources.s3.listing import read_error
from aihub_desktop.sources.s3.signing import Signer

# The statuses with which storages answer a request that was signed for another region.
_WRONG_REGION: Final = frozenset({301, 302, 307, 308, 400, 403})
# Where no element says it: "… the region 'us-east-1' is wrong; expecting 'kr'".
_EXPECTING: Final = re.compile(r"expecting '([^']{1,64})'")
_MOST_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """`region`: that it was signed for. Headers hold the signature, never to be shown."""

    url: str
    headers: dict[str, str]
    region: str


class Requests:
    """Of one place; usable from several threads at once.

    Signed requests go to the endpoint's host, to the bucket below it, or with AWS to the same service in the bucket's
    region: never where an answer points.
    """

    def __init__(self, place: S3Place) -> None:
        self.place = place
        self.host = plain_host(place.endpoint)
        self._in_the_clear = urlsplit(place.endpoint).scheme != "https" and not is_loopback(self.host)
        self._implied = place.region or implied_region(place.endpoint) or USUAL_REGION
        self._signer = None if place.credentials is None else Signer(place.credentials)
        self._regions: dict[str, str] = {}  # of buckets, as their storage told
        self._lock = threading.Lock()

    def make(
        self,
        bucket: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        payload: str = "",
    ) -> Request:
        """`payload`: as `Signer.headers` has it.

        Raises `ProblemError`: BAD_ADDRESS for what is no bucket, INSECURE for a signature in plain http.
        """
        region = self.region(bucket)
        url = self.url(bucket, key, query)
        extra = dict(headers or {})
        if self._signer is None:
            return Request(url, extra, region)
        if self._in_the_clear:
            raise ProblemError(Code.INSECURE, address=self.place.endpoint, host=self.host)
        return Request(url, self._signer.headers(method, url, region, extra, payload), region)

    def presigned(self, bucket: str, key: str, seconds: int = 3600) -> str:
        """An address of this object for whoever has it. Raises `ProblemError` NO_CREDENTIALS without keys."""
        if self._signer is None:
            raise ProblemError(Code.NO_CREDENTIALS, host=self.host)
        return self._signer.presigned(self.url(bucket, key), self.region(bucket), seconds)

    def url(self, bucket: str, key: str = "", query: Mapping[str, str] | None = None) -> str:
        endpoint = self.place.endpoint
        if bucket in self._regions:
            endpoint = regional_endpoint(endpoint, self._regions[bucket])
        return address(endpoint, self.place.style, bucket, key, query)

    def region(self, bucket: str) -> str:
        return self._regions.get(bucket) or self._implied

    def learns(self, bucket: str, used: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether an answer to a request that was signed for the region `used` names another one."""
        if status not in _WRONG_REGION:
            return False
        told = headers.get("x-amz-bucket-region", "") or _told(body)
        if not told or told == used or not is_region(told):
            return False
        with self._lock:
            if len(self._regions) >= _MOST_BUCKETS:
                self._regions.clear()
            self._regions[bucket] = told
        return True


def _told(body: bytes) -> str:
    error = read_error(body)
    if error.region:
        return error.region
    found = _EXPECTING.search(error.message)
    return found[1] if found else ""
