"""`aihub batch import`: bundles from drives into a folder. No engine, no network: files and hashes alone."""

from __future__ import annotations

import argparse
import functools
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.batch import report as reports
from aihub_desktop.batch.importing import BAD, Fate, Import, Told, Verdict, made
from aihub_desktop.batch.incoming import Incoming, incoming
from aihub_desktop.batch.machine import Machine, this_machine
from aihub_desktop.batch.request import stock
from aihub_desktop.batch.signature import is_signed
from aihub_desktop.batch.whereabouts import Holder, Kind, Whereabouts
from aihub_desktop.cli.apart import apart
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.batch_request import output_file
from aihub_desktop.cli.console import Console, plain
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.get import target
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.holdings.turn import Turn

_LINE_SECONDS: Final = 10.0


def run(session: Session, args: argparse.Namespace) -> Exit:
    """USER where another drive of a set is wanted: the same command goes on with it."""
    console, folder = session.console, target(session.console, args.to)
    report = output_file(console, args.report, reports.SUFFIX, force=True) if args.report else None
    signers = Path(args.signed_by).expanduser() if args.signed_by else None
    speaker = _Speaker(console, json=args.json)
    bags = _bags(speaker, [Path(os.path.expanduser(drive)) for drive in args.drives], signers)
    machine = this_machine(session.home)
    verdicts: list[Verdict] = []
    for members in _sets(console, bags, machine):
        speaker.say_bags(members, machine)
        verdicts.append(apart(functools.partial(_carry_in, folder, members, args, speaker)))
        speaker.say_wanted(members[0], verdicts[-1])
    held = stock(made(folder)).held
    whereabouts = Whereabouts(session.home)
    whereabouts.note(Holder.of(Kind.MACHINE, machine.id, machine.name, str(folder)), held)
    for bag in bags:
        if bag.drive.id:  # nothing is written onto a drive that is read
            whereabouts.note(Holder.of(Kind.DRIVE, bag.drive.id, bag.drive.name, bag.folder.name), bag.held())
    if report is not None:
        head = reports.head_of(machine, folder, (bag.head.group for bag in bags), verdicts, len(held))
        reports.write_report(report, head, held)
        console.say("cli.batch.import.report", path=str(report))
    speaker.say_sum(verdicts, folder)
    return speaker.verdict(verdicts)


def _bags(speaker: _Speaker, drives: Sequence[Path], signers: Path | None) -> list[Incoming]:
    """All that can be taken. Raises `ProblemError`: what is wrong with the first where none can be, NO_BAG."""
    found: list[Incoming] = []
    wrong: list[Problem] = []
    empty: list[Path] = []
    for drive in dict.fromkeys(drives):
        known = len(found) + len(wrong)
        found += incoming(drive, signers, wrong.append)
        if len(found) + len(wrong) == known:
            empty.append(drive)
    if not found:
        raise ProblemError.of(wrong[0]) if wrong else ProblemError(Code.NO_BAG, path=str(empty[0]))
    speaker.say_left(wrong, empty)
    return found


def _carry_in(
    folder: Path, bags: Sequence[Incoming], args: argparse.Namespace, speaker: _Speaker, stop: threading.Event
) -> Verdict:
    steps = Steps(speaker.read, stop.is_set)
    with Turn(made(folder)):  # two would write their small files under the same names
        return Import(folder, bags, steps, speaker.hear, set_aside=args.set_aside).run()


def _sets(console: Console, bags: Sequence[Incoming], machine: Machine) -> list[list[Incoming]]:
    """The bags of each set, the older first. Of several sets only those for this machine count, if there are any.

    Raises `UsageError` where drives hold sets for several other machines: which is meant?
    """
    groups: dict[str, list[Incoming]] = {}
    for bag in bags:
        members = groups.setdefault(bag.head.group, [])
        if all(bag.head.bag != one.head.bag for one in members):
            members.append(bag)
    ours = [members for members in groups.values() if members[0].head.to.id == machine.id]
    others = [members for members in groups.values() if members[0].head.to.id != machine.id]
    if not ours and len(others) > 1:
        names = ", ".join(members[0].folder.name for members in others)
        raise UsageError(console.words.say("cli.batch.import.which", names=names))
    return sorted(ours or others, key=lambda members: members[0].head.at)


class _Speaker:
    """Says what becomes of each file: all of them as JSON, those worth a look as text."""

    def __init__(self, console: Console, *, json: bool) -> None:
        self._console = console
        self._json = json
        self._bytes = 0
        self._left: list[Problem] = []
        self._next = time.monotonic() + _LINE_SECONDS

    def say_left(self, wrong: Sequence[Problem], empty: Sequence[Path]) -> None:
        """Bags that cannot be taken, and drives without any: the others are taken."""
        self._left += wrong
        for problem in wrong:
            self._console.problem(problem)
            if self._json:
                self._console.record(event="bag", path=problem.facts.get("path", ""), problem=problem.code)
        for drive in empty:
            self._console.note("cli.batch.import.none", folder=str(drive))

    def say_bags(self, bags: Sequence[Incoming], machine: Machine) -> None:
        console, words = self._console, self._console.words
        for bag in bags:
            console.say("cli.batch.import.bag", folder=str(bag.folder), number=bag.head.bag, count=bag.head.bags)
            if bag.signer:
                console.say("cli.batch.import.signed", who=bag.signer)
            elif is_signed(bag.folder):
                console.note("cli.batch.import.unchecked")
            if bag.told is not None and not bag.head.missing and bag.there() != bag.told:
                size, count = bag.there()
                console.note(
                    "cli.batch.import.oxum", there=words.size(size), n=count, told=words.size(bag.told[0]),
                    count=bag.told[1],
                )  # fmt: skip
        if bags[0].head.to.id != machine.id:
            console.note("cli.batch.import.for-other", name=bags[0].head.to.name)

    def hear(self, told: Told) -> None:
        console, words, story = self._console, self._console.words, told.story
        if self._json:
            problem = {"problem": told.problem.code} if told.problem else {}
            console.record(
                event="file", path=story.place, state=told.fate, bytes=story.size, sha256=story.sha256,
                dataset=story.dataset, file_key=story.key, **({"found": told.path} if told.path else {}), **problem,
            )  # fmt: skip
        elif told.fate in BAD or told.fate is Fate.NEWER:
            why = words.problem(told.problem).title if told.problem else ""
            text = words.say(f"cli.batch.fate.{told.fate}", path=story.place, found=told.path, why=why)
            console.data(plain(text))

    def read(self, count: int) -> None:
        self._bytes += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_SECONDS
            self._console.say("cli.batch.progress", bytes=self._console.words.size(self._bytes))

    def say_wanted(self, bag: Incoming, verdict: Verdict) -> None:
        for number in verdict.wanted:
            self._console.problem(Problem(Code.DRIVE_WANTED, {"number": number, "count": bag.head.bags}))

    def say_sum(self, verdicts: Sequence[Verdict], folder: Path) -> None:
        counts = Counter(told.fate for verdict in verdicts for told in verdict.told)
        arrived = sum(
            told.story.size or 0 for verdict in verdicts for told in verdict.told if told.fate is Fate.ARRIVED
        )
        if self._json:
            wanted = sorted({number for verdict in verdicts for number in verdict.wanted})
            self._console.record(
                event="imported", **{fate.value: counts[fate] for fate in Fate}, bytes=arrived, wanted=wanted,
                folder=str(folder),
            )  # fmt: skip
            return
        words = self._console.words
        self._console.data(
            words.say(
                "cli.batch.import.sum", n=counts[Fate.ARRIVED], size=words.size(arrived), folder=str(folder),
                had=counts[Fate.THERE] + counts[Fate.RECORDED] + counts[Fate.NEWER] or "",
                waiting=counts[Fate.WAITING] or "", later=counts[Fate.LATER] or "",
                bad=sum(counts[fate] for fate in BAD) or "",
            )
        )  # fmt: skip
        if any(counts[fate] for fate in BAD):
            self._console.say("cli.batch.import.again")

    def verdict(self, verdicts: Sequence[Verdict]) -> Exit:
        exits = [exit_of(problem.code) for problem in self._left]
        exits += [exit_of(Code.DRIVE_WANTED) for verdict in verdicts if verdict.wanted]
        for told in (told for verdict in verdicts for told in verdict.told if told.fate in BAD):
            exits.append(exit_of(told.problem.code) if told.problem else Exit.FAILED)
        return worst(exits)
