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


def peak(size: SizeRange, unpacked: SizeRange | None) -> SizeRange | None:
    """About what files take up at most, with what comes out of their archives; None where nothing does."""
    if unpacked is None or not unpacked.high:
        return None
    return SizeRange(size.low + unpacked.low, size.high + unpacked.high, "")


def verdict(
    words: Words, space: DiskSpace, size: SizeRange, too_large: int = 0, peak: SizeRange | None = None
) -> Verdict:
    """`size` is what is to come; `too_large` files are longer than the file system allows.

    `peak`: what it will be once the archives are unpacked.
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
    if size.low > space.usable:
        missing = words.size(size.low - space.usable)
        return Verdict(words.say("room.too-much", free=free, usable=usable, missing=missing), warns=True, fails=True)
    if peak is not None and peak.high > space.usable:
        # The archives may come all the same: they can be unpacked elsewhere.
        surely = "room.not-unpacked" if peak.low > space.usable else "room.maybe-not-unpacked"
        return Verdict(words.say(surely, free=free, usable=usable), warns=True)
    if size.high > space.usable:
        return Verdict(words.say("room.maybe-too-much", free=free, usable=usable), warns=True)
    return Verdict(words.say("room.free", free=free, usable=usable))


def too_large(space: DiskSpace, files: Iterable[RemoteFile]) -> int:
    """How many of `files` surely are longer than the drive's file system can hold."""
    largest = space.largest
    return 0 if largest is None else sum(file.size.low > largest for file in files)
