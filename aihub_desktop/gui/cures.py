"""What a person can do about a problem, as buttons."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.model import Dataset

SITE: Final = "https://aihub.or.kr"


class Cure(StrEnum):
    """Each has its words under gui.cure."""

    ENTER_KEY = "enter-key"
    OPEN_PAGE = "open-page"
    OPEN_FOLDER = "open-folder"
    TRY_AGAIN = "try-again"
    TRY_NOW = "try-now"
    BEGIN_ANEW = "begin-anew"


_CURES: Final[dict[Code, tuple[Cure, ...]]] = {
    Code.NO_KEY: (Cure.ENTER_KEY,),
    Code.KEYCHAIN_LOCKED: (Cure.TRY_AGAIN, Cure.ENTER_KEY),
    Code.KEYCHAIN_NONE: (Cure.ENTER_KEY,),
    # The hub says the same words for a wrong key and for a dataset that is not approved.
    Code.KEY_REJECTED: (Cure.ENTER_KEY, Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.NOT_APPROVED: (Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.APPROVAL_EXPIRED: (Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.FORBIDDEN: (Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.UNKNOWN_DATASET: (Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.UNKNOWN_FILE: (Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.SOURCE_BROKEN: (Cure.OPEN_PAGE, Cure.TRY_AGAIN),
    Code.CHANGED: (Cure.TRY_AGAIN,),
    Code.NO_ROOM: (Cure.TRY_NOW, Cure.OPEN_FOLDER),
    Code.DISK_FULL: (Cure.TRY_NOW, Cure.OPEN_FOLDER),
    Code.DRIVE_MISSING: (Cure.TRY_NOW,),
    # Whoever presses this wants a new folder; the old one is waited for in any case.
    Code.TARGET_MISSING: (Cure.BEGIN_ANEW,),
}


def cures_of(problem: Problem) -> tuple[Cure, ...]:
    """The things to do, the likeliest first. Never empty."""
    if problem.code in _CURES:
        return _CURES[problem.code]
    return (Cure.TRY_AGAIN, Cure.OPEN_FOLDER) if problem.fault is Fault.LOCAL else (Cure.TRY_AGAIN,)


def page_of(dataset: Dataset) -> str:
    """Where the hub tells about a dataset and takes applications for it. Packages have no page of that form."""
    return SITE if dataset.package else f"{SITE}/aihubdata/data/view.do?dataSetSn={dataset.key}"
