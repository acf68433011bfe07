"""A batch file: what one or more machines are to hold, chosen once. JSON that a person can read and edit."""

from __future__ import annotations

from typing import Final

import msgspec

SUFFIX: Final = ".aihubbatch"
VERSION: Final = 1


class DatasetWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Files of one dataset of the hub: those with one of the keys `files` (all, if none is named) that fit a pattern
    of `include` (if there are any) and none of `exclude`, as `aihub get` has them.
    """

    key: str
    title: str = ""
    package: bool = False
    files: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class AddressWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A web address, a Metalink's, an object or a prefix (`s3://bucket/key`). `mirrors`: web addresses of the same
    file; `checksum`: "ALGORITHM:HEX".
    """

    address: str
    mirrors: tuple[str, ...] = ()
    out: str = ""
    checksum: str = ""


class BatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`to`: the folder, which the command line's --to overrides. `endpoint`: which storage `s3://` means."""

    aihubbatch: int
    name: str = ""
    to: str = ""
    datasets: tuple[DatasetWish, ...] = ()
    addresses: tuple[AddressWish, ...] = ()
    endpoint: str = ""
    unpack: bool = False
    delete_archives: bool = False
