"""What one run says of itself: each file as it ends, what comes again, the sum, and JSON lines for scripts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.tally import Tally
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.messages import FileRow
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.domain.states import FileState
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

Teller = Callable[[str], None]

_MANIFEST: Final = f"{OWN_FOLDER}/manifest-sha256.txt"
_REMIND_SECONDS: Final = 60.0  # between two messages of the same kind about trying again
_WORTH_TELLING: Final = 16 << 20  # bytes again: less is here before it is read


class Refusal(NamedTuple):
    """Something wanted that comes to no file: a file key or an address, as it may be shown."""

    wanted: str
    problem: Problem


class Report:
    """Sentences to people, and with `json` records to stdout, from the counts of a tally."""

    def __init__(self, console: Console, order: Order) -> None:
        self._console = console
        self._order = order
        self._began = time.monotonic()
        self._reminded: dict[Code, float] = {}
        self._refused: list[Refusal] = []

    # ---- before it runs ----

    def tell_refused(self, refused: Iterable[Refusal]) -> None:
        """What will not be received, whatever becomes of the rest."""
        for one in refused:
            self._refused.append(one)
            title = self._console.words.problem(one.problem).title
            self._console.say("cli.get.failed-file", path=one.wanted, title=title)
            if self._order.json:
                self._console.record(event="refused", wanted=one.wanted, problem=one.problem.code)

    def verdict_of_refused(self) -> Exit:
        """Where nothing was begun: what to do about each kind of refusal."""
        self._tell_counts(Counter(one.problem.code for one in self._refused))
        return worst(exit_of(one.problem.code) for one in self._refused)

    # ---- while it runs ----

    def tell_news(self, tally: Tally, tell: Teller) -> None:
        """What has happened since the last call."""
        for row, repeat in tally.newly_repeating():
            self._tell_repeat(row, repeat, tell)
        for problem, count in tally.newly_turned().values():
            title = "" if problem is None else self._console.words.problem(problem).title
            text = self._console.words.say("cli.lab.turned", n=count, title=title)
            tell(self._console.words.say("cli.note", text=text))
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
        if self._order.json:
            self._console.record(event="again", file_key=row.file.key, path=path, bytes=repeat, why=why)

    def _tell_ended(self, row: FileRow, tell: Teller) -> None:
        path = row.place or row.file.path
        if row.state is not FileState.DONE:
            title = (
                self._console.words.problem(row.problem).title if row.problem else self._console.words.state(row.state)
            )
            tell(self._console.words.say("cli.get.failed-file", path=path, title=title))
        if self._order.json:
            proof = {"proof": row.proof, "note": row.note} if row.file.origin is not None else {}
            self._console.record(
                event="file", file_key=row.file.key, path=path, state=row.state, bytes=row.bytes, sha256=row.sha256,
                **proof,
            )  # fmt: skip

    # ---- at its end ----

    def verdict(self, tally: Tally) -> Exit:
        """Says how it went."""
        self.tell_news(tally, self._console.tell)
        self._tell_reasons(tally)
        self._tell_sum(tally)
        exits = [exit_of(row.problem.code) if row.problem else Exit.FAILED for row in tally.lost]
        exits += [exit_of(one.problem.code) for one in self._refused]
        exits += [exit_of(problem.code) for problem in tally.problems]
        if not exits and len(tally.done) < tally.wanted:
            exits.append(Exit.FAILED)
        return worst(exits)

    def _tell_reasons(self, tally: Tally) -> None:
        """What to do about each kind of failure, once."""
        for problem in tally.problems:
            self._console.problem(self._order.placed(problem))
        counts = Counter(row.problem.code for row in tally.lost if row.problem)
        self._tell_counts(counts + Counter(one.problem.code for one in self._refused))

    def _tell_counts(self, counts: Counter[Code]) -> None:
        for code, count in counts.items():
            told = self._console.words.problem(Problem(code))
            self._console.say("cli.get.reason", title=told.title, n=count)
            self._console.tell(told.advice)

    def _tell_sum(self, tally: Tally) -> None:
        words, done, lost = self._console.words, tally.done, tally.lost
        spent = words.duration(time.monotonic() - self._began)
        size = words.size(sum(row.bytes for row in done))
        tell = self._console.tell if self._order.json else self._console.data
        wanted, failed = tally.wanted + len(self._refused), len(lost) + len(self._refused)
        if len(done) == wanted:
            tell(words.say("cli.get.done", n=len(done), bytes=size, duration=spent))
        else:
            tell(
                words.say(
                    "cli.get.partly", n=len(done), wanted=wanted, failed=failed or "", bytes=size, duration=spent,
                )
            )  # fmt: skip
        self._tell_proofs(done, tell)
        self._tell_received(tally, tell)
        if len(done) < tally.wanted:
            self.say_how_to_go_on(tally)
        if done and not self._order.address:
            tell(words.say("cli.get.manifest", path=str(self._order.folder / _MANIFEST)))

    def _tell_proofs(self, done: list[FileRow], tell: Teller) -> None:
        """Of the hub's files it is understood: no checksum of them is published."""
        proofs = Counter((row.proof, row.note) for row in done if row.file.origin is not None)
        for text in proof_lines(self._console.words, proofs):
            tell(text)

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
        if not self._order.json or self._order.dry_run:
            return
        done = tally.done if tally else []
        self._console.record(
            event="end",
            done=len(done),
            failed=(len(tally.lost) if tally else 0) + len(self._refused),
            bytes=sum(row.bytes for row in done),
            received=tally.received if tally else 0,
            again=tally.again if tally else 0,
            again_because=["stopped" if code is None else str(code) for code in tally.again_because] if tally else [],
            seconds=round(time.monotonic() - self._began, 3),
        )


def proof_lines(words: Words, proofs: Mapping[tuple[str, str], int]) -> list[str]:
    """How many files were proved in which way, the most frequent first. `proofs`: counts by (proof, note)."""
    counts: Counter[str] = Counter()
    for (proof, note), count in proofs.items():
        counts[words.proof(proof, note) or words.proof(Proof.LENGTH)] += count
    return [words.say("cli.proof", text=text, n=count) for text, count in counts.most_common()]
