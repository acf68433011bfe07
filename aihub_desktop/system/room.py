"""Whether files will fit onto a drive, as a sentence: before a start, in the window and at the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aihub_desktop.domain.messages import DiskSpace
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.system.words import Words


class Verdict(NamedTuple):
    """What is said of the drive, whether it is a warning, and whether it surely does not fit."""

    text: str
    warns: bool = False
    fails: bool = False


def verdict(
    words: Words, space: DiskSpace, size: SizeRange, too_large: int = 0, unpacked: SizeRange | None = None
) -> Verdict:
    """`size` is what is to come; `too_large` files are longer than the file system allows.

    `unpacked`: about what comes on top of it when the archives are unpacked beside themselves.
    """
    if not space.writable:
        return Verdict(words.say("room.not-writable"), warns=True, fails=True)
    if too_large and space.largest is not None:
        text = words.say(
            "room.too-large", file_system=space.file_system or "FAT32", n=too_large, largest=space.largest + 1
        )
        return Verdict(text, warns=True)
    # The rest stays free, or is for other downloads.
    free, usable = words.size(space.free), words.size(space.usable) if space.usable < space.free else ""
    peak = SizeRange(size.low + unpacked.low, size.high + unpacked.high, "") if unpacked and unpacked.high else None
    need = peak or size
    said = words.say("room.peak", peak=words.size_range(peak)) if peak else ""
    if need.low > space.usable:
        text = words.say(
            "room.too-much", free=free, usable=usable, missing=words.size(need.low - space.usable), peak=said
        )
        # Archives that fit can be fetched, and unpacked elsewhere.
        return Verdict(text, warns=True, fails=size.low > space.usable)
    if need.high > space.usable:
        return Verdict(words.say("room.maybe-too-much", free=free, usable=usable, peak=said), warns=True)
    return Verdict(words.say("room.free", free=free, usable=usable, peak=said))


def too_large(space: DiskSpace, files: Iterable[RemoteFile]) -> int:
    """How many of `files` surely are longer than the drive's file system can hold."""
    largest = space.largest
    return 0 if largest is None else sum(file.size.low > largest for file in files)
