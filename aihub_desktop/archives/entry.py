"""An entry of an archive, whatever the archive's kind."""

from __future__ import annotations

from enum import StrEnum

import msgspec

UNKNOWN_CRC = -1


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"  # a device, a pipe


class Item(msgspec.Struct, frozen=True, gc=False):
    """`number` counts from 0 in the archive's order; `raw` is the name as the archive has it, `name` as text.

    `place`: where its header (zip) or its data (tar) begin. `crc` is -1 where the archive has none. `opens`: its
    bytes can be had, which those of encrypted entries and of rare methods cannot. `says`: its name says by itself what
    its bytes mean. `modified`: nanoseconds since 1970, 0 for unknown.
    """

    number: int
    raw: bytes
    name: str
    kind: Kind
    size: int
    packed: int
    place: int
    crc: int = UNKNOWN_CRC
    encrypted: bool = False
    method: int = 0
    opens: bool = True
    says: bool = False
    modified: int = 0
