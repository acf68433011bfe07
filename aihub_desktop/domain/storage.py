"""Object storages as a person knows them, and the places that a worker may ask for ranges."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import msgspec

from aihub_desktop.domain.model import Secret

# `urlsplit` drops or keeps these at its whim.
_NO_HOST: Final = re.compile(r"[\x00-\x20\x7f\\]")


class Style(StrEnum):
    """Where the bucket's name stands in an address."""

    AUTO = "auto"  # virtual where the endpoint is known to have it, else path
    PATH = "path"  # https://ENDPOINT/BUCKET/KEY
    VIRTUAL = "virtual"  # https://BUCKET.ENDPOINT/KEY


class Access(StrEnum):
    """Where its credentials come from."""

    KEYCHAIN = "keychain"  # entered by a person, kept in the system's keychain
    PROFILE = "profile"  # the usual AWS variables, profiles and files
    ANONYMOUS = "anonymous"  # requests are not signed


class Storage(msgspec.Struct, frozen=True):
    """One object storage. `endpoint` (scheme, host, port; no path, no slash at its end) names it.

    `region` "": what the endpoint implies, or what the storage itself says. `profile` "": the usual chain.
    """

    endpoint: str
    name: str = ""
    region: str = ""
    style: Style = Style.AUTO
    access: Access = Access.PROFILE
    profile: str = ""


class Credentials(msgspec.Struct, frozen=True):
    """`token` of temporary ones, else empty."""

    access_key: str
    secret_key: Secret
    token: Secret


class S3Place(msgspec.Struct, frozen=True, tag="s3", tag_field="place"):
    """`credentials` None: requests are not signed. `region` "": see `Storage`."""

    endpoint: str
    region: str
    style: Style
    credentials: Credentials | None


class WebPlace(msgspec.Struct, frozen=True, tag="web", tag_field="place"):
    """Any http or https addresses; the files bring theirs along."""


class LabPlace(msgspec.Struct, frozen=True, tag="lab", tag_field="place"):
    """A machine of the lab that shares its library. The token is for `address` and for nobody else."""

    address: str
    token: Secret


AnyPlace = S3Place | WebPlace | LabPlace


def container(endpoint: str, bucket: str) -> str:
    """`RemoteFile.dataset` of the objects in a bucket."""
    return f"{endpoint}/{bucket}"


def split_container(dataset: str) -> tuple[str, str]:
    """(endpoint, bucket). A bucket's name holds no slash."""
    endpoint, _, bucket = dataset.rpartition("/")
    return endpoint, bucket


def plain_endpoint(text: str) -> str:
    """The endpoint in the form that names it: "HOST" means https. Raises ValueError for what is none."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if _NO_HOST.search(text):
        raise ValueError(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(text)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(text)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
