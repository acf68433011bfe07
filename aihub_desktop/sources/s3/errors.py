"""What a storage says when it does not give what was asked for, as problems with a code. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.storage import Credentials
from aihub_desktop.sources.s3.listing import StorageError, read_error

ERROR_BYTES: Final = 64 << 10  # no error's document is longer
ERROR_SECONDS: Final = 20.0
_SHOWN_SIGNS: Final = 300

_OF_WORD: Final[dict[str, Code]] = {
    **dict.fromkeys(
        (
            *("AccessDenied", "AccessDeniedException", "AccountProblem", "AllAccessDisabled", "InvalidAccessKeyId"),
            *("SignatureDoesNotMatch", "InvalidSecurity", "NotSignedUp", "InvalidPayer", "AccountSuspended"),
            *("AuthorizationHeaderMalformed", "InvalidToken", "InvalidClientTokenId", "UnauthorizedAccess"),
            # What is said of a request without a signature, which in `code_of` becomes NO_CREDENTIALS.
            *("MissingSecurityHeader", "MissingAuthenticationToken", "MissingFields", "UnsupportedAlgorithm"),
        ),
        Code.NO_ACCESS,
    ),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestInTheFuture"), Code.CLOCK_WRONG),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"), Code.ADDRESS_EXPIRED),
    "InvalidObjectState": Code.ARCHIVED,
    **dict.fromkeys(("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NoSuchUpload", "NotFound"), Code.NOT_THERE),
    **dict.fromkeys(("InvalidBucketName", "InvalidURI", "KeyTooLongError"), Code.BAD_ADDRESS),
    **dict.fromkeys(
        (
            *("SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "TooManyRequests"),
            *("RequestLimitExceeded", "BandwidthLimitExceeded", "Busy", "SlowDownRead", "XMinioServerNotInitialized"),
        ),
        Code.SERVER_BUSY,
    ),
    **dict.fromkeys(("InternalError", "RequestTimeout"), Code.SERVER_ERROR),
    # What was sent is not what came; to be sent once more.
    **dict.fromkeys(
        ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"),
        Code.WRONG_CHECKSUM,
    ),
}
_OF_STATUS: Final = {
    **dict.fromkeys((401, 403), Code.NO_ACCESS),
    **dict.fromkeys((404, 410), Code.NOT_THERE),
    **dict.fromkeys((429, 503), Code.SERVER_BUSY),
}
_EXPIRED: Final = re.compile(r"\bexpired\b", re.IGNORECASE)
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f]+")
# Signatures and hashes of requests are repeated in some messages, keys of AWS in others.
_SECRETS: Final = re.compile(r"\b(?:[0-9a-fA-F]{40,}|(?:AKIA|ASIA)[A-Z0-9]{12,})\b|(?<=Signature=)\S+")


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, host: str, credentials: Credentials | None
) -> ProblemError:
    """The problem that an answer means; header names in lower case, `credentials` those it was signed with."""
    error = read_error(body)
    code = code_of(status, headers, error, signed=credentials is not None)
    facts: dict[str, str | int] = {"host": host, "status": status}
    if text := _shown(": ".join(filter(None, (error.code, error.message))), credentials):
        facts["text"] = text
    if code is Code.SERVER_BUSY and (later := headers.get("retry-after", "").strip()):
        facts["retry_after"] = later[:40]
    if code is Code.BAD_ADDRESS:
        facts["address"] = f"{host}: {_shown(error.code, credentials)[:80] or 'redirect'}"
    return ProblemError(code, **facts)


def code_of(status: int, headers: Mapping[str, str], error: StorageError, *, signed: bool) -> Code:
    code = _OF_WORD.get(error.code) or _OF_STATUS.get(status)
    if code is Code.NO_ACCESS and _EXPIRED.search(error.message):
        return Code.ADDRESS_EXPIRED
    if code is Code.NO_ACCESS and not signed:
        return Code.NO_CREDENTIALS
    if headers.get("x-amz-delete-marker") == "true":
        return Code.NOT_THERE
    if code is None and 300 <= status < 400:
        return Code.BAD_ADDRESS  # another endpoint is named, and keys do not go where a redirect points
    return code or Code.SERVER_ERROR


def _shown(text: str, credentials: Credentials | None) -> str:
    if credentials is not None:
        secrets = (credentials.access_key, credentials.secret_key.reveal(), credentials.token.reveal())
        for secret in filter(None, secrets):
            text = text.replace(secret, "…")
    return _BLANKS.sub(" ", _SECRETS.sub("…", text)).strip()[:_SHOWN_SIGNS]
