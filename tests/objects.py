"""Puts objects into a real storage: signed by botocore itself, sent byte by byte as they are addressed."""

from __future__ import annotations

import http.client
import re
import ssl
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Pair
from servers import Storage

# What keys may hold, and some program on the way makes something else of.
ODD_KEYS: Final = (
    *("a b.txt", "a+b.txt", "a%2Fb.txt", "a%20b", "100%", "한글/감성 대화 [1] (가).zip", "~tilde", "-_.!~*'()"),
    *(
        "q?x=1&y=2",
        "h#ash",
        "semi;colon:at@comma,",
        "eq=ual$dollar",
        "é.txt",
        "e\u0301.txt",
        "😀.bin",
        "a\\b",
        "tab\tend",
    ),
)
# Beyond those, what storages on top of file systems fold or refuse.
FOLDED_KEYS: Final = ("a//b", "//lead", "x/../y", "./dot", "x/./z", "..", "trail/", "two//")


class Writer:
    """Of one storage; used by one thread. A refusal is an `AssertionError`."""

    def __init__(self, storage: Storage, trust: ssl.SSLContext | None = None) -> None:
        self._storage = storage
        host = urlsplit(storage.endpoint)
        assert host.hostname is not None
        self._connection = http.client.HTTPConnection(host.hostname, host.port, timeout=30)
        if trust is not None:
            trust.check_hostname = False  # the certificate is for names that lead nowhere
            self._connection = http.client.HTTPSConnection(host.hostname, host.port, timeout=30, context=trust)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def make_bucket(self, bucket: str) -> None:
        self.send("PUT", f"/{bucket}")

    def put(self, bucket: str, key: str, body: bytes, **headers: str) -> None:
        self.send("PUT", _target(bucket, key), body, {name.replace("_", "-"): value for name, value in headers.items()})

    def put_parts(self, bucket: str, key: str, parts: list[bytes]) -> None:
        target = _target(bucket, key)
        begun = re.search(rb"<UploadId>([^<]+)</UploadId>", self.send("POST", f"{target}?uploads="))
        assert begun is not None
        upload = quote(begun[1].decode(), safe="")
        rows = ""
        for number, part in enumerate(parts, 1):
            self.send("PUT", f"{target}?partNumber={number}&uploadId={upload}", part)
            rows += f"<Part><PartNumber>{number}</PartNumber><ETag>{self.etag}</ETag></Part>"
        whole = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>"
        self.send("POST", f"{target}?uploadId={upload}", whole.encode())

    def get(self, bucket: str, key: str) -> bytes:
        return self.send("GET", _target(bucket, key))

    def send(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        request = AWSRequest(method=method, url=self._storage.endpoint + target, data=body, headers=headers or {})
        keys = self._storage.credentials
        S3SigV4Auth(Pair(keys.access_key, keys.secret_key.reveal()), "s3", self._storage.region).add_auth(request)
        self._connection.request(method, target, body, dict(request.headers.items()))
        answer = self._connection.getresponse()
        told = answer.read()
        self.etag = answer.headers.get("ETag", "")
        assert answer.status < 300, (answer.status, target, told[:500])
        return told


def _target(bucket: str, key: str) -> str:
    return f"/{bucket}/{quote(key, safe='-_.~/')}"
