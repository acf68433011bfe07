"""What a look at a target folder finds out about its files. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Depth(StrEnum):
    """How closely is looked."""

    QUICK = "quick"  # size and time of each file: seconds, and what it says holds unless somebody hid a change
    DEEP = "deep"  # every byte is read


class Finding(StrEnum):
    """What became of one file."""

    OK = "ok"
    MISSING = "missing"
    CHANGED = "changed"
    UNPROVED = "unproved"  # the size is right, but not the time, or none is known: only a deep look can tell
    UNREADABLE = "unreadable"
    UNSAFE = "unsafe"  # a path of the manifest that leads out of the folder, or through a link: never opened
    EXTRA = "extra"  # on disk, in no line
    UNFINISHED = "unfinished"  # a NAME.part or its journal
    SKIPPED = "skipped"  # the look was stopped before it came to this one


class Standing(StrEnum):
    """How a file that a folder is to have stands there, as far as is known without reading it."""

    THERE = "there"  # also an archive that was deleted once everything in it stood
    UNPROVED = "unproved"  # another time than when it was proved
    BROKEN = "broken"  # not as it was received
    OLDER = "older"  # of another release
    MISSING = "missing"


# What has to come.
LACKING: Final = frozenset({Standing.BROKEN, Standing.OLDER, Standing.MISSING})

# What is wrong comes first, wherever findings are listed.
IN_ORDER: Final = (
    Finding.CHANGED, Finding.MISSING, Finding.UNREADABLE, Finding.UNSAFE, Finding.UNPROVED, Finding.SKIPPED,
    Finding.UNFINISHED, Finding.EXTRA, Finding.OK,
)  # fmt: skip
# Other files may well lie in the folder, and a download may not be over.
HARMLESS: Final = frozenset({Finding.OK, Finding.EXTRA, Finding.UNFINISHED})
# What fetching the file again mends.
BROKEN: Final = frozenset({Finding.CHANGED, Finding.MISSING, Finding.UNREADABLE})
