"""What the command line needs to push: the storage, without an engine and without its lock."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aihub_desktop.domain.settings import Settings
from aihub_desktop.engine.keys import key_at_hand
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.record import Begun, Over, Record
from aihub_desktop.engine.storages import glanced, place_of
from aihub_desktop.sources.s3.multipart import USUAL_PART, Unfinished
from aihub_desktop.store.glance import glance
from aihub_desktop.store.learned import recall

__all__ = [
    "USUAL_PART",
    "Unfinished",
    "abandon",
    "end",
    "glanced",
    "key_at_hand",
    "place_of",
    "recall",
    "settings_in_use",
    "strangers",
]


def settings_in_use(home: Path) -> Settings:
    """As the queue of the state folder has them."""
    return glance(home / "queue.sqlite").settings


def abandon(depot: Depot, record: Record, others: Sequence[Unfinished] = ()) -> list[Begun]:
    """Aborts what this state folder has begun below the prefix, and `others`; the former are given back."""
    ours = record.all_begun()
    end(depot, record, ours)
    for other in others:
        depot.persistently(lambda uploads, other=other: uploads.abort(other.key, other.upload))  # type: ignore[misc]
    return ours


def end(depot: Depot, record: Record, ours: Sequence[Begun]) -> None:
    """Aborts these uploads of the record's."""
    for one in ours:
        depot.persistently(lambda uploads, one=one: uploads.abort(one.key, one.upload))  # type: ignore[misc]
        record.add(Over(one.upload))


def strangers(depot: Depot, record: Record) -> list[Unfinished]:
    """Uploads below the prefix that were begun and not completed, and not by this state folder."""
    ours = {one.upload for one in record.all_begun()}
    found = depot.persistently(lambda uploads: list(uploads.unfinished(depot.prefix)))
    return [one for one in found if one.upload not in ours]
