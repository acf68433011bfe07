"""A strict double of Naver Cloud's Object Storage: its limits over real HTTP, signatures checked for real.

Uploads: Content-MD5 is looked at, parts are numbered 1 to 10,000 and have 5 MiB at least but for the last.
One region, lists by marker alone, a thousand keys a page at most, ETags of parts, Range and If-Match; no checksums.
What it is asked is kept, so that a test can see that nothing was asked in vain.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Pair
from servers import ACCESS_KEY, SECRET_KEY

from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials, S3Place, Style

REGION: Final = "kr-standard"
PAGE: Final = 1000
_SKEW: Final = datetime.timedelta(minutes=15)
_CREDENTIAL: Final = re.compile(r"(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/s3/aws4_request")
_HEADER: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,]+), ?SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<sign>\w{64})"
)


_PART: Final = re.compile(r'<PartNumber>(\d+)</PartNumber><ETag>"([0-9a-f]{32})"</ETag>')


class _UnheardError(Exception):
    """It was done; nobody hears of it."""


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str = "", more: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.more = status, code, message, more


@dataclass(frozen=True, slots=True)
class Kept:
    """An object. `part`: the length of the parts that it was put in, 0 for one piece. `noted`: x-amz-meta-sha256."""

    body: bytes
    part: int = 0
    noted: str = ""

    @property
    def etag(self) -> str:
        if not self.part:
            return f'"{hashlib.md5(self.body).hexdigest()}"'
        parts = [self.body[start : start + self.part] for start in range(0, len(self.body), self.part)]
        whole = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
        return f'"{whole}-{len(parts)}"'


@dataclass
class Upload:
    """`parts` by their numbers."""

    bucket: str
    key: str
    headers: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Naver:
    """`buckets`: what it holds, which a test may change at any time. `asked`: (method, target) of each request."""

    endpoint: str
    buckets: dict[str, dict[str, Kept]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    archived: set[str] = field(default_factory=set)
    busy: int = 0  # so many requests are refused before the next one is served
    retry_after: str = "7"
    uploads: dict[str, Upload] = field(default_factory=dict)  # by name; those that were not completed
    spoils: int = 0  # of so many bodies that come a bit is flipped before it is stored, and nobody is told
    completes_badly: int = 0  # so many completions are answered by 200 and an error
    completes_unheard: int = 0  # so many are done and never answered
    least_part: int = 5 << 20
    lists_nothing: bool = False  # its keys may not list

    def place(self, **changes: Any) -> S3Place:
        credentials = Credentials(ACCESS_KEY, Secret(SECRET_KEY), Secret(""))
        fields = {"region": REGION, "style": Style.PATH, "credentials": credentials, **changes}
        return S3Place(self.endpoint, **fields)


@contextlib.contextmanager
def naver(buckets: dict[str, dict[str, Kept]] | None = None) -> Iterator[Naver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    double = Naver(f"http://127.0.0.1:{server.server_address[1]}", buckets if buckets is not None else {})
    server.double = double  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    @property
    def _double(self) -> Naver:
        double: Naver = self.server.double  # type: ignore[attr-defined]
        return double

    def _serve(self) -> None:
        # Not `self.path`, of which Python's server folds the slashes at the beginning.
        target = self.requestline.split(" ")[1]
        self._double.asked.append((self.command, target))
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, headers, body = self._answer(target)
        except _UnheardError:
            self.close_connection = True
            return
        except Refusal as refusal:
            words = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>{refusal.more}"
            body = f'<?xml version="1.0"?><Error>{words}<RequestId>tx1</RequestId></Error>'.encode()
            status, headers = refusal.status, {"Content-Type": "application/xml"}
            if status == 503:
                headers["Retry-After"] = self._double.retry_after
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(body)

    def _answer(self, target: str) -> tuple[int, dict[str, str], bytes]:
        if self._double.busy:
            self._double.busy -= 1
            raise Refusal(503, "SlowDown", "Please reduce your request rate.")
        check_signature(self.command, self._double.endpoint, target, dict(self.headers.items()), self._body)
        parts = urlsplit(f"//host{target}")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        name, _, key = parts.path[1:].partition("/")
        if not name:
            return 200, {}, _buckets(self._double.buckets)
        bucket = self._double.buckets.get(unquote(name))
        if bucket is None:
            raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist.")
        xml = {"Content-Type": "application/xml"}
        if not key and (self.command == "HEAD" or "location" in query):
            return 200, xml, b"<LocationConstraint>kr-standard</LocationConstraint>"
        if not key and "uploads" in query:
            return 200, xml, self._unfinished(unquote(name), query.get("prefix", ""))
        if not key:
            return 200, xml, self._listed(unquote(name), bucket, query)
        if self.command in ("GET", "HEAD") and "uploadId" not in query:
            return self._object(bucket, unquote(key))
        return self._written(unquote(name), unquote(key), query)

    def _listed(self, name: str, bucket: Mapping[str, Kept], query: Mapping[str, str]) -> bytes:
        if self._double.lists_nothing:
            raise Refusal(403, "AccessDenied", "Access Denied")
        return listed(name, bucket, query)

    def _written(self, bucket: str, key: str, query: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        double, upload = self._double, self._double.uploads.get(query.get("uploadId", ""))
        if "uploadId" in query and (upload is None or (upload.bucket, upload.key) != (bucket, key)):
            raise Refusal(404, "NoSuchUpload", "The specified multipart upload does not exist.")
        match self.command:
            case "POST" if "uploads" in query:
                name = f"upload-{len(double.asked)}"
                double.uploads[name] = Upload(bucket, key, dict(self.headers.items()))
                return 200, {}, _document("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>")
            case "POST" if upload is not None:
                return self._completed(query["uploadId"], upload)
            case "PUT" if upload is not None:
                return self._part(upload, int(query["partNumber"]))
            case "PUT":
                kept = double.buckets[bucket][key] = Kept(self._came(), 0, _noted(dict(self.headers.items())))
                return 200, {"ETag": kept.etag}, b""
            case "DELETE" if upload is not None:
                del double.uploads[query["uploadId"]]
                return 204, {}, b""
            case "GET" if upload is not None:
                return 200, {}, _document("ListPartsResult", "".join(map(_row, sorted(upload.parts.items()))))
        raise Refusal(405, "MethodNotAllowed")

    def _came(self) -> bytes:
        """The body, as it is stored. Raises for one that is not what its Content-MD5 says, or has none."""
        told = base64.b64encode(hashlib.md5(self._body).digest()).decode()
        if self.headers.get("Content-MD5") != told:
            raise Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
        if self._double.spoils and self._body:
            self._double.spoils -= 1
            return bytes([self._body[0] ^ 1]) + self._body[1:]
        return self._body

    def _part(self, upload: Upload, number: int) -> tuple[int, dict[str, str], bytes]:
        if not 1 <= number <= 10_000:
            raise Refusal(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        upload.parts[number] = self._came()
        return 200, {"ETag": f'"{hashlib.md5(upload.parts[number]).hexdigest()}"'}, b""

    def _completed(self, name: str, upload: Upload) -> tuple[int, dict[str, str], bytes]:
        double, told = self._double, self._body.decode()
        if double.completes_badly:
            double.completes_badly -= 1
            return 200, {}, b"   \n<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>"
        if "Checksum" in told:
            raise Refusal(400, "MalformedXML")
        wanted = [(int(number), etag) for number, etag in _PART.findall(told)]
        bodies = [upload.parts.get(number, b"") for number, _ in wanted]
        if any(hashlib.md5(body).hexdigest() != etag for body, (_, etag) in zip(bodies, wanted, strict=True)):
            raise Refusal(400, "InvalidPart")
        if any(len(body) < double.least_part for body in bodies[:-1]):
            raise Refusal(400, "EntityTooSmall")
        kept = double.buckets[upload.bucket][upload.key] = Kept(
            b"".join(bodies), len(bodies[0]), _noted(upload.headers)
        )
        del double.uploads[name]
        if double.completes_unheard:
            double.completes_unheard -= 1
            raise _UnheardError
        return 200, {}, _document("CompleteMultipartUploadResult", f"<ETag>{escape(kept.etag)}</ETag>")

    def _unfinished(self, bucket: str, prefix: str) -> bytes:
        rows = "".join(
            f"<Upload><Key>{quote_plus(one.key, safe='/')}</Key><UploadId>{name}</UploadId>"
            "<Initiated>2026-11-27T00:00:00.000Z</Initiated></Upload>"
            for name, one in self._double.uploads.items()
            if one.bucket == bucket and one.key.startswith(prefix)
        )
        return _document("ListMultipartUploadsResult", f"<EncodingType>url</EncodingType>{rows}")

    def _object(self, bucket: dict[str, Kept], key: str) -> tuple[int, dict[str, str], bytes]:
        if key not in bucket:
            raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
        if key in self._double.archived:
            raise Refusal(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
        kept = bucket[key]
        if self.headers.get("If-Match", kept.etag) != kept.etag:
            raise Refusal(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold.")
        headers = {"ETag": kept.etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        if kept.noted:
            headers["x-amz-meta-sha256"] = kept.noted
        return part_of(kept.body, self.headers.get("Range"), headers)


def _document(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'.encode()


def _row(part: tuple[int, bytes]) -> str:
    number, body = part
    etag = escape(f'"{hashlib.md5(body).hexdigest()}"')
    return f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Size>{len(body)}</Size></Part>"


def _noted(headers: Mapping[str, str]) -> str:
    return {name.lower(): value for name, value in headers.items()}.get("x-amz-meta-sha256", "")


def part_of(body: bytes, wanted: str | None, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
    if found is None:
        return 200, headers, body
    start, stop = int(found[1]), min(int(found[2] or len(body)) + 1, len(body))
    if start >= len(body):
        raise Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
    return 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}, body[start:stop]


def _buckets(buckets: Mapping[str, object]) -> bytes:
    rows = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in sorted(buckets))
    return f'<?xml version="1.0"?><ListAllMyBucketsResult><Buckets>{rows}</Buckets></ListAllMyBucketsResult>'.encode()


def listed(name: str, bucket: Mapping[str, Kept], query: Mapping[str, str]) -> bytes:
    """ListObjects by marker, in the order of bytes. NextMarker comes with a delimiter only."""
    if "list-type" in query:
        raise Refusal(501, "NotImplemented", "A header you provided implies functionality that is not implemented.")
    limit = int(query.get("max-keys", PAGE))
    if limit > PAGE:
        raise Refusal(400, "InvalidArgument", "max-keys")
    names = _names(bucket, query.get("prefix", ""), query.get("delimiter", ""), query.get("marker", ""))
    shown, rest = names[:limit], names[limit:]
    coded = query.get("encoding-type") == "url"

    def spelled(text: str) -> str:
        return quote_plus(text, safe="/") if coded else escape(text)

    rows = "".join(
        f"<CommonPrefixes><Prefix>{spelled(text)}</Prefix></CommonPrefixes>"
        if folded
        else f"<Contents><Key>{spelled(text)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>{escape(bucket[text].etag)}</ETag><Size>{len(bucket[text].body)}</Size>"
        "<Owner><ID>o</ID><DisplayName>o</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>"
        for text, folded in shown
    )
    following = f"<NextMarker>{spelled(shown[-1][0])}</NextMarker>" if rest and query.get("delimiter") else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{name}</Name><Prefix>{spelled(query.get('prefix', ''))}</Prefix>"
        f"<Marker>{spelled(query.get('marker', ''))}</Marker>{following}<MaxKeys>{limit}</MaxKeys>"
        f"{'<EncodingType>url</EncodingType>' if coded else ''}"
        f"<IsTruncated>{'true' if rest else 'false'}</IsTruncated>{rows}</ListBucketResult>"
    ).encode()


def _names(bucket: Mapping[str, Kept], prefix: str, delimiter: str, marker: str) -> list[tuple[str, bool]]:
    """(key, False), or (what several keys begin with, True), each once."""
    names: dict[str, bool] = {}
    for key in sorted(bucket, key=str.encode):
        if key.startswith(prefix):
            stop = key.find(delimiter, len(prefix)) if delimiter else -1
            names[key if stop < 0 else key[: stop + len(delimiter)]] = stop >= 0
    return [(name, folded) for name, folded in names.items() if not marker or name.encode() > marker.encode()]


def check_signature(method: str, endpoint: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> None:
    """Signature V4 of one known pair of keys, by header or in the address. Raises `Refusal`."""
    headers = {name.lower(): value for name, value in headers.items()}
    authorization = headers.get("authorization")
    query = dict(parse_qsl(urlsplit(f"//host{target}").query, keep_blank_values=True))
    if authorization is None and "X-Amz-Signature" not in query:
        raise Refusal(403, "AccessDenied", "Access Denied.")
    signed = _parsed(authorization) if authorization is not None else _presigned(query)
    at = datetime.datetime.strptime(signed["at"] or headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    _check_scope(signed["credential"])
    if authorization is not None and abs(now - at) > _SKEW:
        raise Refusal(403, "RequestTimeTooSkewed", "The difference between the request time and now is too large.")
    if authorization is None and now > at + datetime.timedelta(seconds=int(signed["expires"])):
        raise Refusal(403, "AccessDenied", "Request has expired")
    right = hashlib.sha256(body).hexdigest()
    if authorization is not None and headers.get("x-amz-content-sha256") not in (right, "UNSIGNED-PAYLOAD"):
        raise Refusal(400, "XAmzContentSHA256Mismatch")
    # What botocore makes of exactly what came over the wire.
    own = {name: headers.get(name, "") for name in signed["signed"].split(";")}
    url = endpoint + re.sub(r"&X-Amz-Signature=\w+", "", target)
    request = AWSRequest(method=method, url=url, headers=own)
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    kind = S3SigV4QueryAuth if authorization is None else S3SigV4Auth
    signer = kind(Pair(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    if signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request) != signed["sign"]:
        raise Refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")


def _parsed(authorization: str) -> dict[str, str]:
    found = _HEADER.fullmatch(authorization)
    if found is None:
        raise Refusal(400, "AuthorizationHeaderMalformed")
    return {**found.groupdict(), "at": "", "expires": "0"}


def _presigned(query: Mapping[str, str]) -> dict[str, str]:
    names = {"credential": "Credential", "signed": "SignedHeaders", "sign": "Signature", "at": "Date"}
    named = {own: query.get(f"X-Amz-{name}", "") for own, name in names.items()}
    return {**named, "expires": query.get("X-Amz-Expires", "0")}


def _check_scope(credential: str) -> None:
    scope = _CREDENTIAL.fullmatch(credential)
    if scope is None:
        raise Refusal(400, "AuthorizationHeaderMalformed")
    if scope["region"] != REGION:
        raise Refusal(400, "AuthorizationHeaderMalformed", "The authorization header is malformed; wrong region.")
    if scope["key"] != ACCESS_KEY:
        raise Refusal(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")
