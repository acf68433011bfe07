"""Where an archive stops being believable. Labels and masks shrink well: a hundredfold is nothing special."""

from __future__ import annotations

from typing import Final

from aihub_desktop.archives.entry import Item

FLOOR: Final = 256 << 20  # bytes of a drive that unpacking leaves alone
DEEPEST: Final = 3  # archives in archives in archives
# Deflate shrinks at most 1,032-fold, and comes near that for one value repeated alone.
_ENTRY_FREE: Final = 256 << 20
_ENTRY_RATIO: Final = 250
_ARCHIVE_FREE: Final = 4 << 30
_ARCHIVE_RATIO: Final = 150


def is_bomb(item: Item) -> bool:
    """Whether an entry grows more than anything real does."""
    return item.size > _ENTRY_FREE and item.size > _ENTRY_RATIO * max(1, item.packed)


def are_bomb(size: int, packed: int) -> bool:
    """The same of everything in an archive that is `packed` long."""
    return size > _ARCHIVE_FREE and size > _ARCHIVE_RATIO * max(1, packed)
