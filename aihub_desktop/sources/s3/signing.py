"""Signatures (AWS Signature Version 4), made by botocore alone; times in seconds.

What is signed is the address as it is written: nothing in it is encoded anew or folded.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final, NamedTuple

from aihub_desktop.domain.storage import Credentials

_SERVICE: Final = "s3"
LONGEST_PRESIGNED: Final = 7 * 24 * 3600  # what the storages allow


class _Botocore(NamedTuple):
    auth: ModuleType
    awsrequest: ModuleType
    credentials: ModuleType


@functools.cache
def _botocore() -> _Botocore:
    """Loaded with the first signature: it takes 0.2 s, which no start without object storage should pay."""
    # At its finest it logs what it signs, and with that the token of temporary credentials.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    import botocore.auth  # noqa: PLC0415
    import botocore.awsrequest  # noqa: PLC0415
    import botocore.credentials  # noqa: PLC0415

    return _Botocore(botocore.auth, botocore.awsrequest, botocore.credentials)


class Signer:
    """With one pair of keys; usable from several threads at once."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._kept: Any = None

    def headers(
        self, method: str, url: str, region: str, extra: Mapping[str, str], payload: str = ""
    ) -> dict[str, str]:
        """`extra` and what makes it a signed request, names in lower case.

        Of `extra`, `x-amz-*` is signed and the rest is not, so that a proxy may touch it. `payload`: the SHA-256 of the
        request's body in hex, which the storage then has to find in what came; "" for a request without one.
        """
        botocore = _botocore()
        signed = {name: value for name, value in extra.items() if name.lower().startswith("x-amz-")}
        request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=signed)
        auth = botocore.auth.S3SigV4Auth(self._pair(), _SERVICE, region)
        if payload:
            auth.payload = lambda request: payload  # else it would hash the body once more
        auth.add_auth(request)
        made = {name.lower(): str(value) for name, value in request.headers.items()}
        return {**{name.lower(): value for name, value in extra.items()}, **made}

    def presigned(self, url: str, region: str, seconds: int = 3600, method: str = "GET") -> str:
        """An address that grants this request to whoever has it, for `seconds`. It is a secret."""
        botocore = _botocore()
        request = botocore.awsrequest.AWSRequest(method=method, url=url)
        expires = min(seconds, LONGEST_PRESIGNED)
        botocore.auth.S3SigV4QueryAuth(self._pair(), _SERVICE, region, expires=expires).add_auth(request)
        return str(request.url)

    def _pair(self) -> Any:
        if self._kept is None:
            token = self._credentials.token.reveal() or None
            self._kept = _botocore().credentials.Credentials(
                self._credentials.access_key, self._credentials.secret_key.reveal(), token
            )
        return self._kept
