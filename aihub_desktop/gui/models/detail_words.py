"""What the details below the queue say: of a file, of a download, or of everything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Final, NamedTuple

from aihub_desktop.domain.messages import Between, FileMap, FileRow, TransferRow
from aihub_desktop.domain.model import HUB, WEB, SizeRange
from aihub_desktop.domain.states import FILE_ENDED, TRANSFER_ENDED, TRANSFER_MAY_RUN, FileState
from aihub_desktop.gui.models.queue_rows import FileItem, TransferItem, comes_in_streams
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

# Of facts; the panel makes room for the longest.
NAMES: Final = (
    "from", "folder", "proof", "tries", "again", "lines", "files", "received", "left", "order", "downloads",
)  # fmt: skip


class Told(NamedTuple):
    """A headline, and facts: (what, which). A fact that has nothing to say is ""."""

    title: str
    facts: list[tuple[str, str]]


class DetailWords:
    """The texts of one language."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def _fact(self, name: str, text: str) -> tuple[str, str]:
        return self._words.say(f"gui.details.{name}"), text

    # ---- a file ----

    def of_file(self, above: TransferItem, item: FileItem, found: FileMap | None) -> Told:
        row = item.row
        place = PurePath(above.row.folder) / (row.place or row.file.path)
        facts = [
            self._fact("from", self._origin(row)),
            self._fact("folder", str(place.parent)),
            self._fact("proof", self._proof(row)),
            self._fact("tries", self._tries(row)),
            self._fact("again", pace.again(self._words, item.again, item.repeat, row.problem) if item.repeat else ""),
            self._fact("lines", self._lines(above.row, row, found)),
        ]
        return Told(place.name, facts)

    def _origin(self, row: FileRow) -> str:
        file = row.file
        if file.source == HUB:
            return self._words.say("gui.details.hub-file", number=file.dataset, file_key=file.key)
        return file.key if file.source == WEB else f"{file.dataset}/{file.key}"

    def _proof(self, row: FileRow) -> str:
        if row.state is FileState.DONE:
            proof = self._words.proof(row.proof, row.note)
            return " · ".join(filter(None, (proof, f"SHA-256 {row.sha256}" if row.sha256 else "")))
        ended = row.state in FILE_ENDED
        return self._words.state(row.state) if ended else self._words.say("gui.details.not-proved")

    def _tries(self, row: FileRow) -> str:
        say = self._words.say
        if row.problem is None:
            return say("gui.details.no-trouble")
        why = self._words.problem(row.problem).title
        moment = self._words.moment(row.next_try)[-5:] if row.next_try is not None else ""
        if row.attempts:
            return say("gui.details.in-vain", n=row.attempts, why=why, time=moment)
        return say("gui.details.trouble", why=why, time=moment)

    def _lines(self, above: TransferRow, row: FileRow, found: FileMap | None) -> str:
        if row.state is not FileState.FETCHING:
            return ""
        if comes_in_streams(above):
            return self._words.say("gui.details.stream")
        return self._words.say("pace.connections", n=len(found.coming)) if found is not None and found.coming else ""

    # ---- a download ----

    def of_transfer(self, item: TransferItem) -> Told:
        row, say = item.row, self._words.say
        facts = [
            self._fact("from", self._source(row)),
            self._fact("folder", row.folder),
            self._fact("files", self._files(row)),
            self._fact("received", self._received([item])),
            self._fact("left", self._left(row.state in TRANSFER_MAY_RUN, [row], item.between)),
            self._fact("order", say(f"gui.order.is.{row.priority}")),
        ]
        return Told(row.dataset.title, facts)

    def _source(self, row: TransferRow) -> str:
        data = row.dataset
        if data.source == HUB:
            kind = "hub-package" if data.package else "hub-dataset"
            return self._words.say(f"gui.details.{kind}", number=data.key)
        return data.key or data.title

    def _files(self, row: TransferRow) -> str:
        counts = {"done": row.done, "running": row.running, "failed": row.failed, "skipped": row.skipped}
        some = [self._words.say(f"gui.details.count.{name}", n=n) for name, n in counts.items() if n]
        return " · ".join([self._words.say("gui.details.count.all", n=row.files), *some])

    def _received(self, items: list[TransferItem]) -> str:
        received, again = sum(item.row.received for item in items), sum(item.row.again for item in items)
        parts = [self._words.size(received)] if received else []
        if again:
            parts.append(again_and_why(self._words, items))
        return " · ".join(parts)

    def _left(self, may_run: bool, rows: list[TransferRow], between: Between | None) -> str:
        """When it ends, and what that rests on."""
        low, high = sum(max(0, row.low - row.bytes) for row in rows), sum(max(0, row.high - row.bytes) for row in rows)
        if not may_run or not high:
            return ""
        to_come = self._words.say("gui.details.to-come", size=self._words.size_range(SizeRange(low, high, "")))
        return f"{self._words.time_between(between)} · {to_come}"

    # ---- everything ----

    def of_all(self, items: list[TransferItem], between: Between | None) -> Told:
        open_ = [item for item in items if item.row.state not in TRANSFER_ENDED]
        moving = [item.row for item in open_ if item.row.state in TRANSFER_MAY_RUN or item.row.finishing]
        facts = [
            self._fact("downloads", self._words.say("gui.details.open", n=len(open_), all=len(items))),
            self._fact("left", self._left(bool(moving), moving, between)),
            self._fact("received", self._received(open_)),
        ]
        return Told(self._words.say("gui.details.everything"), facts)


def again_and_why(words: Words, items: Iterable[TransferItem]) -> str:
    """How many bytes came again, and the reasons that were seen since the window was opened."""
    items = list(items)
    again = sum(item.row.again for item in items)
    whys = {code: why for item in items for code, why in item.whys.items()}
    return words.say("pace.sum", again=words.size(again), why=pace.reasons(words, whys.values()))
