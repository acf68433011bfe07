"""What one `get` says of itself: each file as it ends, what comes again, the sum, and JSON lines for scripts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.request import Request
from aihub_desktop.cli.session import placed
from aihub_desktop.cli.tally import Tally
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import FileRow
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.states import FileState
from aihub_desktop.system import pace

Teller = Callable[[str], None]

_MANIFEST: Final = f"{OWN_FOLDER}/manifest-sha256.txt"
_REMIND_SECONDS: Final = 60.0  # between two messages of the same kind about trying again
_WORTH_TELLING: Final = 16 << 20  # bytes again: less is here before it is read


class Report:
    """Sentences to people, and with `json` records to stdout, from the counts of a tally."""

    def __init__(self, console: Console, request: Request) -> None:
        self._console = console
        self._request = request
        self._began = time.monotonic()
        self._reminded: dict[Code, float] = {}

    # ---- while it runs ----

    def tell_news(self, tally: Tally, tell: Teller) -> None:
        """What has happened since the last call."""
        for row, repeat in tally.newly_repeating():
            self._tell_repeat(row, repeat, tell)
        for row in tally.newly_ended():
            self._tell_ended(row, tell)
        if (waiting := tally.waiting) is not None:
            tally.waiting = None
            now = time.monotonic()
            if now - self._reminded.get(waiting.code, -_REMIND_SECONDS) >= _REMIND_SECONDS:
                self._reminded[waiting.code] = now
                tell(self._console.words.say("cli.get.waiting", title=self._console.words.problem(waiting).title))

    def _tell_repeat(self, row: FileRow, repeat: int, tell: Teller) -> None:
        path, words = row.place or row.file.path, self._console.words
        why = "stopped" if row.problem is None else str(row.problem.code)
        if repeat >= _WORTH_TELLING:
            text = words.say("cli.get.will-repeat", size=words.size(repeat), why=pace.reason(words, row.problem))
            tell(words.say("cli.get.again", path=path, text=text))
        if self._request.json:
            self._console.record(event="again", file_key=row.file.key, path=path, bytes=repeat, why=why)

    def _tell_ended(self, row: FileRow, tell: Teller) -> None:
        path = row.place or row.file.path
        if row.state is not FileState.DONE:
            title = (
                self._console.words.problem(row.problem).title if row.problem else self._console.words.state(row.state)
            )
            tell(self._console.words.say("cli.get.failed-file", path=path, title=title))
        if self._request.json:
            self._console.record(
                event="file", file_key=row.file.key, path=path, state=row.state, bytes=row.bytes, sha256=row.sha256
            )

    # ---- at its end ----

    def verdict(self, tally: Tally) -> Exit:
        """Says how it went."""
        self.tell_news(tally, self._console.tell)
        self._tell_reasons(tally)
        self._tell_sum(tally)
        exits = [exit_of(row.problem.code) if row.problem else Exit.FAILED for row in tally.lost]
        if tally.problem is not None:
            exits.append(exit_of(tally.problem.code))
        elif not exits and len(tally.done) < tally.wanted:
            exits.append(Exit.FAILED)
        return worst(exits)

    def _tell_reasons(self, tally: Tally) -> None:
        """What to do about each kind of failure, once."""
        if tally.problem is not None:
            self._console.problem(placed(tally.problem, self._request.key, self._request.package))
        counts = Counter(row.problem.code for row in tally.lost if row.problem)
        for code, count in counts.items():
            told = self._console.words.problem(Problem(code))
            self._console.say("cli.get.reason", title=told.title, n=count)
            self._console.tell(told.advice)

    def _tell_sum(self, tally: Tally) -> None:
        words, done, lost = self._console.words, tally.done, tally.lost
        spent = words.duration(time.monotonic() - self._began)
        size = words.size(sum(row.bytes for row in done))
        tell = self._console.tell if self._request.json else self._console.data
        if len(done) == tally.wanted:
            tell(words.say("cli.get.done", n=len(done), bytes=size, duration=spent))
        else:
            tell(
                words.say(
                    "cli.get.partly", n=len(done), wanted=tally.wanted, failed=len(lost) or "", bytes=size,
                    duration=spent,
                )
            )  # fmt: skip
        self._tell_received(tally, tell)
        if len(done) < tally.wanted:
            self.say_how_to_go_on(tally)
        if done:
            tell(words.say("cli.get.manifest", path=str(self._request.folder / _MANIFEST)))

    def _tell_received(self, tally: Tally, tell: Teller) -> None:
        if tally.again <= 0:
            return
        words = self._console.words
        problems = [None if code is None else Problem(code) for code in tally.again_because]
        text = words.say("pace.sum", again=words.size(tally.again), why=pace.reasons(words, problems))
        tell(words.say("cli.get.received", received=words.size(tally.received), sum=text))

    def say_how_to_go_on(self, tally: Tally | None) -> None:
        """Where something is on disk; and what the rest will cost."""
        if tally is None or not tally.bytes:
            return
        self._console.say("cli.get.go-on")
        if tally.unfinished:
            self._console.say("cli.get.unfinished", size=self._console.words.size(tally.unfinished))

    def say_end(self, tally: Tally | None) -> None:
        """The last line of JSON, however the run went. A rehearsal ends with its plan."""
        if not self._request.json or self._request.dry_run:
            return
        done = tally.done if tally else []
        self._console.record(
            event="end",
            done=len(done),
            failed=len(tally.lost) if tally else 0,
            bytes=sum(row.bytes for row in done),
            received=tally.received if tally else 0,
            again=tally.again if tally else 0,
            again_because=["stopped" if code is None else str(code) for code in tally.again_because] if tally else [],
            seconds=round(time.monotonic() - self._began, 3),
        )
