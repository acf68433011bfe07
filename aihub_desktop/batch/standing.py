"""How a file that is carried stands in the folder that it comes to."""

from __future__ import annotations

from enum import StrEnum

from aihub_desktop.batch.values import Story
from aihub_desktop.disk.files import hashed, plain_file
from aihub_desktop.disk.target import Spot, Target
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.names import JOURNAL, PART, UnsafeNameError, safe_path
from aihub_desktop.transport.ledger import Entry, Stamp
from aihub_desktop.transport.reconcile import is_broken


class Standing(StrEnum):
    ABSENT = "absent"
    THERE = "there"  # and the ledger says so
    UNRECORDED = "unrecorded"  # the very bytes, of which the ledger tells nothing, or something else
    OLDER = "older"  # ours, untouched, and of an older release; or found broken since
    NEWER = "newer"  # ours, untouched, and proved later than what is carried
    STRANGE = "strange"  # other bytes, that somebody put there


def safe_place(place: str) -> str:
    """The place, as its ledger may have it. Raises `ProblemError` UNSAFE_NAME: what is carried may have any name."""
    try:
        text = str(safe_path(place))
    except UnsafeNameError as error:
        raise ProblemError(Code.UNSAFE_NAME, name=error.name[:300], why=error.why) from error
    # A journal from outside would claim bytes of a download to come.
    if text.casefold().endswith((PART, JOURNAL)):
        raise ProblemError(Code.UNSAFE_NAME, name=place[:300], why="reserved")
    return text


def standing(target: Target, spot: Spot, story: Story, entry: Entry | None) -> Standing:
    """Reads the file that is there where nothing else can tell. Raises `ProblemError`."""
    state = plain_file(spot.final) if target.check_parents(spot) else None
    if state is None:
        return Standing.ABSENT
    found = Stamp.of(state)
    is_ours = entry is not None and entry.stamp.fits(found)
    broken = entry is not None and is_broken(entry, state)
    if entry is not None and is_ours and not broken and entry.sha256 == story.sha256:
        return Standing.THERE
    if state.st_size == story.size and hashed(spot.final) == story.sha256:
        return Standing.UNRECORDED
    if entry is None or not (is_ours or broken):
        return Standing.STRANGE
    return Standing.NEWER if not broken and entry.at > story.at else Standing.OLDER
