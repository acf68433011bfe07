"""What a person can do about a problem, as buttons."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.model import HUB, S3, Dataset

SITE: Final = "https://aihub.or.kr"


class Cure(StrEnum):
    """Each has its words under gui.cure."""

    ENTER_KEY = "enter-key"
    OPEN_PAGE = "open-page"
    OPEN_FOLDER = "open-folder"
    TRY_AGAIN = "try-again"
    TRY_NOW = "try-now"
    BEGIN_ANEW = "begin-anew"
    EDIT_STORAGE = "edit-storage"
    NEW_ADDRESS = "new-address"


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


# Of web addresses, and of object storage; the rest is as with the hub, without what only the hub has.
_ELSEWHERE: Final[dict[Code, tuple[Cure, ...]]] = {
    Code.NO_ACCESS: (Cure.NEW_ADDRESS, Cure.TRY_AGAIN),
    Code.NO_CREDENTIALS: (Cure.NEW_ADDRESS, Cure.TRY_AGAIN),
    Code.ADDRESS_EXPIRED: (Cure.NEW_ADDRESS, Cure.TRY_AGAIN),
    Code.NOT_THERE: (Cure.TRY_AGAIN, Cure.NEW_ADDRESS),
    Code.BAD_ADDRESS: (Cure.NEW_ADDRESS, Cure.TRY_AGAIN),
    Code.KEYCHAIN_LOCKED: (Cure.TRY_AGAIN,),
    Code.KEYCHAIN_NONE: (Cure.TRY_AGAIN,),
}
_IN_STORAGE: Final[dict[Code, tuple[Cure, ...]]] = {
    Code.NO_ACCESS: (Cure.EDIT_STORAGE, Cure.TRY_AGAIN),
    Code.NO_CREDENTIALS: (Cure.EDIT_STORAGE, Cure.TRY_AGAIN),
    Code.KEYCHAIN_LOCKED: (Cure.TRY_AGAIN, Cure.EDIT_STORAGE),
    Code.KEYCHAIN_NONE: (Cure.EDIT_STORAGE, Cure.TRY_AGAIN),
}
_HUB_ONLY: Final = frozenset({Cure.ENTER_KEY, Cure.OPEN_PAGE})


def cures_of(problem: Problem, source: str = HUB) -> tuple[Cure, ...]:
    """The things to do about a problem with a file of `source`, the likeliest first. Never empty."""
    if source == HUB:
        return _CURES.get(problem.code) or _usual(problem)
    of_source = _IN_STORAGE if source == S3 else _ELSEWHERE
    found = of_source.get(problem.code) or _CURES.get(problem.code, ())
    return tuple(cure for cure in found if cure not in _HUB_ONLY) or _usual(problem)


def _usual(problem: Problem) -> tuple[Cure, ...]:
    return (Cure.TRY_AGAIN, Cure.OPEN_FOLDER) if problem.fault is Fault.LOCAL else (Cure.TRY_AGAIN,)


def page_of(dataset: Dataset) -> str:
    """Where the hub tells about a dataset and takes applications for it. Packages have no page of that form.

    Raises `ValueError` for what is not the hub's.
    """
    if dataset.source != HUB:
        raise ValueError(dataset.source)
    return SITE if dataset.package else f"{SITE}/aihubdata/data/view.do?dataSetSn={dataset.key}"
