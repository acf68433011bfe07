"""What a machine of the lab has, as files that can be asked for there."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

import msgspec

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import HUB, Algorithm, Checksum, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.sharing import LIST, LabFile, file_url
from aihub_desktop.domain.storage import LabPlace
from aihub_desktop.sources.connection import Connections, read_beginning, read_whole
from aihub_desktop.sources.hosts import plain_host
from aihub_desktop.sources.lab.terms import authorised, refused

# A list has 300 to 600 bytes a file; a dataset has a few hundred thousand at most.
_LARGEST_LIST: Final = 512 << 20
_LIST_SECONDS: Final = 1200.0
_ERROR_BYTES: Final = 16 << 10
_ERROR_SECONDS: Final = 10.0
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def lab_files(
    place: LabPlace, dataset: str, user_agent: str, connect_timeout: float, *, alone: bool = False
) -> list[RemoteFile]:
    """The files of one dataset of the hub. `alone`: as `Origin` has it. Blocks.

    Raises `ProblemError`: UNREACHABLE, NO_ACCESS for a wrong token, WRONG_ANSWER for what is no list, and what else
    servers say.
    """
    connections = Connections(user_agent, connect_timeout, direct=True)
    opened = connections.open(f"{place.address}{LIST}?{urlencode({'dataset': dataset})}", authorised(place))
    if opened.status != 200:
        body = read_beginning(opened, _ERROR_BYTES, _ERROR_SECONDS)
        raise refused(place, opened.status, opened.headers, body, LIST)
    body = read_whole(opened, _LARGEST_LIST, _LIST_SECONDS).body
    try:
        listed = msgspec.json.decode(body, type=list[LabFile])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError(Code.WRONG_ANSWER, why="no-list", host=plain_host(place.address)) from None
    wanted = (one for one in listed if one.source == HUB and one.dataset == dataset and one.file_key and one.path)
    # Where a file is follows from its place: an address in the list could lead anywhere.
    return [_file(place, one, alone) for one in wanted if _SHA256.fullmatch(one.sha256)]


def _file(place: LabPlace, told: LabFile, alone: bool) -> RemoteFile:
    origin = Origin(
        (f"{place.address}{file_url(told.place)}",), f'"{told.sha256}"', (Checksum(Algorithm.SHA256, told.sha256),),
        alone=alone,
    )  # fmt: skip
    size = SizeRange.exactly(told.size)
    return RemoteFile(HUB, told.dataset, told.file_key, told.path, size, told.package, origin)
