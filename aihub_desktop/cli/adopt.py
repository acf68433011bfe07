"""`aihub adopt`: what other tools left behind, proved and taken over, so that only the rest has to be fetched."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from aihub_desktop.cli.apart import apart
from aihub_desktop.cli.arguments import check_text
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.get import target
from aihub_desktop.cli.listing import total, total_text
from aihub_desktop.cli.report import proof_lines
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.adoption import Fate, State
from aihub_desktop.holdings.adopt import Adoption, is_wrong
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.holdings.fates import Told, Ways
from aihub_desktop.holdings.finds import Find, Survey
from aihub_desktop.holdings.survey import survey

_LINE_SECONDS: Final = 10.0
# These bar the way of a right file, so a person has to look at them.
_BARRING: Final = frozenset({State.DAMAGED, State.FOREIGN, State.LINK, State.UNREADABLE})
# Nobody has to do more about these than fetch them.
_FETCHED: Final = frozenset({Fate.UNPROVED, Fate.UNCLEAR})


def adopt(session: Session, args: argparse.Namespace) -> Exit:
    """Lists what is there, takes it over, says what is still missing. FAILED where something has to be looked at."""
    console, folder = session.console, Path(os.path.abspath(os.path.expanduser(args.folder)))
    check_text([str(folder)], console.words)
    goal = target(console, args.to) if args.to is not None else folder
    with session.engine() as engine:
        listed = session.file_list(engine, args.dataset, args.package)
        # The engine stays, idle: its lock keeps every other run from the ledger meanwhile.
        speaker = _Speaker(console, args.json)
        found = apart(lambda stop: survey(folder, listed.files, goal, stopped=stop.is_set))
        speaker.tell_finds(found, moves=args.move)
        if not args.dry_run:
            apart(lambda stop: _carry_out(found, args, speaker, stop))
    return _Summary(console, args, found, speaker).tell()


def _carry_out(found: Survey, args: argparse.Namespace, speaker: _Speaker, stop: threading.Event) -> None:
    ways = Ways(move=args.move, set_aside=args.set_aside, drop_broken=args.drop_broken)
    Adoption(found, speaker.hear, Steps(speaker.read, stop.is_set), ways).run()


class _Speaker:
    """Says each find, then what became of each file: all of them as JSON, those worth a look as text."""

    def __init__(self, console: Console, json: bool) -> None:
        self._console = console
        self._json = json
        self._bytes = 0
        self._next = time.monotonic() + _LINE_SECONDS
        self.adopted: list[Told] = []
        self.refused: list[Told] = []

    def tell_finds(self, found: Survey, *, moves: bool) -> None:
        for folder in found.unreadable:
            self._console.note("cli.adopt.unreadable-folder", path=folder)
        for find in found.finds:
            self._tell_find(find)
        if not found.finds and not self._json:
            self._console.data(self._console.words.say("cli.adopt.nothing", path=str(found.folder)))
        if not moves and (copied := found.copied()):
            size = self._console.words.size(sum(find.size for find in copied))
            self._console.note("cli.adopt.copies", n=len(copied), size=size)

    def _tell_find(self, find: Find) -> None:
        if self._json:
            work = find.work
            of = {"file_key": work.file.key, "place": work.place} if work else {}
            self._console.record(
                event="find", path=find.path, origin=find.origin, state=find.state, bytes=find.size,
                in_place=find.in_place, **of,
            )  # fmt: skip
        elif find.state is not State.RECORDED:
            self._line(f"cli.adopt.state.{find.state}", find.path, find.size)

    def _line(self, state: str, path: str, size: int) -> None:
        words = self._console.words
        text = words.say("cli.adopt.line", state=words.say(state), path=path, size=words.size(size) if size else "")
        self._console.data(text)

    def hear(self, told: Told) -> None:
        (self.adopted if told.fate is Fate.ADOPTED else self.refused).append(told)
        if not self._json:
            self._line(f"cli.adopt.fate.{told.fate}", told.work.place, told.size)
            return
        proof = {"proof": told.proof, "note": told.note, "bytes": told.size} if told.proof else {}
        problem = {"problem": told.problem.code} if told.problem else {}
        self._console.record(
            event="file", path=told.work.place, file_key=told.work.file.key, state=told.fate, found=told.path,
            **proof, **problem,
        )  # fmt: skip

    def read(self, count: int) -> None:
        self._bytes += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_SECONDS
            self._console.say("cli.adopt.progress", bytes=self._console.words.size(self._bytes))


class _Summary:
    """The last lines: what was adopted, what is missing, and how to get it."""

    def __init__(self, console: Console, args: argparse.Namespace, found: Survey, speaker: _Speaker) -> None:
        self._console = console
        self._args = args
        self._found = found
        self._speaker = speaker
        there = found.recorded() | {told.work.id for told in speaker.adopted}
        self._missing = [work for work in found.works if work.id not in there]

    def tell(self) -> Exit:
        if self._args.json:
            self._record()
        elif not self._args.dry_run:
            self._say()
        return self._verdict()

    def _record(self) -> None:
        size, _ = total(work.file for work in self._missing)
        self._console.record(
            event="end",
            adopted=len(self._speaker.adopted),
            refused=len(self._speaker.refused),
            recorded=len(self._found.recorded()),
            missing=len(self._missing),
            missing_min=size.low,
            missing_max=size.high,
            folder=str(self._found.target),
        )

    def _say(self) -> None:
        words, console, adopted = self._console.words, self._console, self._speaker.adopted
        if adopted:
            size = words.size(sum(told.size for told in adopted))
            console.data(words.say("cli.adopt.sum", n=len(adopted), size=size))
            counts: dict[tuple[str, str], int] = {}
            for told in adopted:
                counts[told.proof, told.note] = counts.get((told.proof, told.note), 0) + 1
            for line in proof_lines(words, counts):
                console.data(f"  {line}")
        for problem in {told.problem.code: told.problem for told in self._speaker.refused if told.problem}.values():
            console.problem(problem)
        if not self._missing:
            console.data(words.say("cli.adopt.complete", folder=str(self._found.target)))
            return
        rest = total_text(words, total(work.file for work in self._missing))
        console.data(words.say("cli.adopt.rest", n=len(self._missing), size=rest, command=self._command()))
        if barred := self._barred():
            console.data(words.say("cli.adopt.rest-blocked", n=barred))

    def _command(self) -> str:
        words = ["aihub", "get", self._args.dataset, "--to", str(self._found.target)]
        words += ["--package"] if self._args.package else []
        return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)

    def _barred(self) -> int:
        """Files that `get` could give no name: another one has it."""
        ids = {work.id for work in self._missing}
        there = [find for find in self._found.finds if find.in_place and not self._is_cleared(find)]
        in_place = {find.work.id for find in there if find.work is not None}
        older = {find.work.id for find in self._found.finds if find.state is State.OLDER and find.work is not None}
        return len(ids & in_place - older)

    def _is_cleared(self, find: Find) -> bool:
        """Whether it has given up the name of the right file."""
        told = {told.work.id: told.fate for told in self._speaker.refused}
        fate = None if find.work is None else told.get(find.work.id)
        return self._args.set_aside and find.in_place and is_wrong(find, fate)

    def _verdict(self) -> Exit:
        exits = [exit_of(told.problem.code) for told in self._speaker.refused if told.problem]
        done = {told.work.id for told in self._speaker.adopted}
        barring = any(
            find.state in _BARRING and (find.work is None or find.work.id not in done) for find in self._found.finds
        )
        refused = any(told.fate not in _FETCHED for told in self._speaker.refused)
        if refused or barring or self._found.unreadable:
            exits.append(Exit.FAILED)
        return worst(exits)
