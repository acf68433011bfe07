"""Where buckets and objects are asked for, and what an endpoint's name tells beforehand. Pure.

Addresses made here are exact: every sign of a key but letters, digits and "-_.~/" is percent-encoded, and nothing is
folded (`//`, `..`), for the signature is of this very text.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import quote, urlsplit

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.storage import Style
from aihub_desktop.sources.hosts import is_loopback

USUAL_REGION: Final = "us-east-1"  # what is signed for where nothing else is known; many storages take any

# Naver Cloud's Object Storage: kr.object.ncloudstorage.com, krs.object.gov-ncloudstorage.com, jp.object.ncpstorage.com.
_NAVER: Final = re.compile(r"([a-z]+)\.object\.(?:(gov|fin)-)?(?:ncloudstorage|ncpstorage)\.com")
# Of the government's and the banks' zones; elsewhere it is the first word of the host and "-standard".
_NAVER_REGIONS: Final = {("gov", "kr"): "gov-standard", ("gov", "krs"): "gov2-standard", ("fin", "kr"): "fin-standard"}
# Its newer Ncloud Storage: {bucket}.{region}.ncloudstorage.com.
_NCLOUD: Final = re.compile(r"([a-z0-9-]+)\.(?:gov-|fin-)?ncloudstorage\.com")
_AWS: Final = re.compile(r"s3(?:[.-]dualstack)?(?:[.-]([a-z0-9-]+))?\.amazonaws\.com(\.cn)?")
# Most other clouds name their hosts as AWS does: s3.eu-central-2.example.com.
_REGIONAL: Final = re.compile(r"(?:s3[.-])?([a-z]{2,}-[a-z]+-[0-9]+)\..+")
_REGION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_AWS_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")
_HOST_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")

# Where AI Hub's data may lie: storages of Korea, as far as their names tell.
_KOREAN_HOSTS: Final = re.compile(
    r"krs?\.object\.(?:(?:gov|fin)-)?(?:ncloudstorage|ncpstorage)\.com"
    r"|(?:.+\.)?kr[a-z0-9-]*\.(?:gov-|fin-)?ncloudstorage\.com"
    r"|kr[0-9]+-api-object-storage\.nhncloudservice\.com"
    r"|objectstorage\.kr-[a-z0-9-]+\.kakaocloud\.com"
    r"|(?:.+\.)?ap-(?:seoul|chuncheon)-1\.oraclecloud\.com"
)
_KOREAN_AWS: Final = "ap-northeast-2"


class Land(StrEnum):
    """Where a storage lies, as far as its name tells."""

    HERE = "here"  # this machine, or a network of one's own
    KOREA = "korea"
    ELSEWHERE = "elsewhere"  # or nobody knows


def land_of(endpoint: str, region: str = "") -> Land:
    """`region`: of the bucket, which counts where the endpoint is AWS's: there one name leads to every land."""
    host = _host(endpoint)
    if is_loopback(host) or _is_private(host):
        return Land.HERE
    if _AWS.fullmatch(host):
        return Land.KOREA if (region or implied_region(endpoint)) == _KOREAN_AWS else Land.ELSEWHERE
    return Land.KOREA if _KOREAN_HOSTS.fullmatch(host) else Land.ELSEWHERE


def implied_region(endpoint: str) -> str:
    """The region that an endpoint's host tells; "" for none."""
    host = _host(endpoint)
    if found := _NAVER.fullmatch(host):
        return _NAVER_REGIONS.get((found[2], found[1]), f"{found[1]}-standard")
    if found := _NCLOUD.fullmatch(host) or _AWS.fullmatch(host) or _REGIONAL.fullmatch(host):
        return found[1] or ""
    return ""


def lists_by_marker(endpoint: str) -> bool:
    """Whether the storage is known to refuse ListObjectsV2."""
    return _NAVER.fullmatch(_host(endpoint)) is not None


def tells_checksums(endpoint: str) -> bool:
    """Whether asking for `x-amz-checksum-*` can be of use: Naver's Object Storage has none."""
    return _NAVER.fullmatch(_host(endpoint)) is None


def is_region(text: str) -> bool:
    """Whether a text from outside may be signed for as a region."""
    return _REGION.fullmatch(text) is not None


def regional_endpoint(endpoint: str, region: str) -> str:
    """The endpoint that has the buckets of `region`: another one with AWS alone, and of AWS's own names alone."""
    found = _AWS.fullmatch(_host(endpoint))
    if found is None or found[1] == region or not _AWS_REGION.fullmatch(region):
        return endpoint
    return f"{urlsplit(endpoint).scheme}://s3.{region}.amazonaws.com{found[2] or ''}"


def is_virtual(endpoint: str, style: Style, bucket: str) -> bool:
    """Whether the bucket's name goes into the host: never where that gives no host, or none that a certificate fits."""
    host = _host(endpoint)
    if not bucket or not _HOST_LABEL.fullmatch(bucket) or ".." in bucket or _is_number(host):
        return False
    if style is Style.PATH or ("." in bucket and endpoint.startswith("https:")):
        return False
    return style is Style.VIRTUAL or (_AWS.fullmatch(host) or _NCLOUD.fullmatch(host)) is not None


def address(endpoint: str, style: Style, bucket: str, key: str = "", query: Mapping[str, str] | None = None) -> str:
    """The address of the storage itself (no bucket), of a bucket (no key), or of an object.

    Raises `ProblemError` BAD_ADDRESS for what is no bucket's name.
    """
    if bucket in (".", "..") or "/" in bucket or (key and not bucket):
        raise ProblemError(Code.BAD_ADDRESS, address=f"{endpoint}/{bucket}"[:300])
    base = _base(endpoint, style, bucket)
    if key:
        base += ("" if base.endswith("/") else "/") + quote(key, safe="-_.~/")
    if not query:
        return base
    parts = (f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query.items())
    return f"{base}?{'&'.join(parts)}"


@functools.lru_cache(maxsize=256)
def _base(endpoint: str, style: Style, bucket: str) -> str:
    """The address without a key; it ends with a slash where no bucket stands in its path. Asked for each object."""
    if is_virtual(endpoint, style, bucket):
        scheme, _, authority = endpoint.partition("://")
        return f"{scheme}://{bucket}.{authority}/"
    return f"{endpoint}/{quote(bucket, safe='-_.~')}"


def _host(endpoint: str) -> str:
    return urlsplit(endpoint).hostname or ""


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa"))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
