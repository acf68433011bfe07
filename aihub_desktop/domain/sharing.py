"""What one machine of a lab tells another of the files that it shares: the contract of both ends."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

import msgspec

from aihub_desktop.domain.model import Count, Secret
from aihub_desktop.domain.storage import plain_endpoint

LIST: Final = "/files.json"
MANIFEST: Final = "/manifest-sha256.txt"
FILES: Final = "/files/"
PORT: Final = 8717

# What a header can hold and nobody has to quote; short ones could be guessed.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}")


class LabFile(msgspec.Struct, frozen=True, gc=False):
    """One finished file, as `LIST` has it: a JSON array with an object a line.

    `dataset`, `package` and `file_key` are the hub's where `source` is "aihub". `path` is the source's own spelling,
    `place` where the file lies below the folder. `proof` and `at` (ISO 8601, UTC): how it was proved there, and when.
    `url`: where it is served, below the machine's address.
    """

    place: str
    size: Count
    sha256: str
    source: str = ""
    dataset: str = ""
    package: bool = False
    file_key: str = ""
    path: str = ""
    proof: str = ""
    at: str = ""
    url: str = ""


def file_url(place: str) -> str:
    """Where a file is served, below the address of its machine."""
    return f"{FILES}{quote(place, safe='/')}"


def lab_token(text: str) -> Secret:
    """The token that `text` holds, without blanks around it. Raises `ValueError` for what is none."""
    text = text.strip()
    if not _TOKEN.fullmatch(text):
        raise ValueError("no token")
    return Secret(text)


def lab_address(text: str) -> str:
    """The address of a machine that shares, as it is named everywhere: without a path; "HOST:PORT" means http.

    Raises `ValueError`.
    """
    return plain_endpoint(text if "://" in text else f"http://{text}")
