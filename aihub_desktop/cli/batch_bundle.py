"""`aihub batch bundle`: what another machine asked for and lacks, onto drives."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.batch import portable, signature
from aihub_desktop.batch.bundle import BundleSet, drop_older, planned
from aihub_desktop.batch.cargo import (
    DAMAGED,
    Cargo,
    Possession,
    can_be_named,
    fetched_later,
    gathered,
    standing_in,
    told_of,
)
from aihub_desktop.batch.drives import Drive, held_for, identified, look_at
from aihub_desktop.batch.layout import Names
from aihub_desktop.batch.loading import Loading, Loss
from aihub_desktop.batch.machine import Machine, this_machine
from aihub_desktop.batch.request import Request, must_be_there, read_request, stock
from aihub_desktop.batch.sealing import Label, Seal, sealed
from aihub_desktop.batch.values import Carried, Held, Missing
from aihub_desktop.batch.whereabouts import Holder, Kind, Whereabouts
from aihub_desktop.cli.apart import apart
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.batch_request import input_file
from aihub_desktop.cli.batches import finder
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.get import target
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.run import Found, carry_out
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.wanting import (
    expected,
    lacking_of_batch,
    lacking_of_offer,
    missing_of_offer,
    of_batch,
    of_offer,
)
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import HUB, RemoteFile
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.holdings.copying import Steps

_LINE_SECONDS: Final = 10.0
_SHOWN: Final = 10
# After these what is in the library may as well go: some files could not be had.
_GOES_ON: Final = frozenset({Exit.DONE, Exit.FAILED})


def run(session: Session, args: argparse.Namespace) -> Exit:
    """FAILED where some of what was asked for is not on the drives; each is named."""
    console = session.console
    libraries = [target(console, name) for name in dict.fromkeys(args.libraries)]
    drives = [look_at(Path(os.path.expanduser(name)), args.largest_file) for name in dict.fromkeys(args.to)]
    if len({(drive.device, drive.folder) for drive in drives}) < len(drives):
        raise UsageError(console.words.say("cli.batch.bundle.twice"))
    program = Path(args.with_program).expanduser() if args.with_program else None
    program_bytes = portable.bytes_of(program) if program is not None else 0
    request = read_request(input_file(console, args.request))
    for folder in libraries if args.offline else libraries[1:]:
        must_be_there(folder)
    work = _Work(session, args, request, libraries, drives)
    work.learn()
    ended, cargo = work.cargo()
    if cargo is None:
        return ended
    with contextlib.nullcontext() if args.dry_run else held_for(drives, session.home):
        plan = work.plan(cargo, program_bytes)
        if plan is None:
            return worst([ended, Exit.FAILED if cargo.missing and not args.offline else Exit.DONE])
        if args.dry_run:
            return ended
        return worst([ended, work.carry(plan, cargo, program)])


@dataclass(slots=True)
class _Work:
    session: Session
    args: argparse.Namespace
    request: Request
    libraries: Sequence[Path]
    drives: Sequence[Drive]

    @property
    def console(self) -> Console:
        return self.session.console

    @property
    def machine(self) -> Machine:
        return this_machine(self.session.home)

    def learn(self) -> None:
        """What the request tells of its machine."""
        head = self.request.head
        holder = Holder.of(Kind.MACHINE, head.machine.id, head.machine.name, head.folder, head.at)
        Whereabouts(self.session.home).note(holder, self.request.held)

    def _tell(self, text: str) -> None:
        """An answer; beside JSON a message."""
        (self.console.tell if self.args.json else self.console.data)(text)

    # ---- what is to be carried ----

    def cargo(self) -> tuple[Exit, Cargo | None]:
        """None where what is lacking could not even be asked for."""
        possession, batch = Possession(self.request.held), self.request.head.batch
        if self.args.offline:
            cargo = gathered(self.libraries, of_batch(batch), possession)
            cargo.missing += lacking_of_batch(batch, told_of(self.libraries), possession)
            return Exit.DONE, cargo
        ended, found = self._fetch(possession)
        if found is None or ended not in _GOES_ON:
            self.console.note("cli.batch.bundle.offline-hint")
            return ended, None
        cargo = gathered(self.libraries, of_offer(found.files), possession)
        lacking = lacking_of_offer(found.files, told_of(self.libraries), possession)
        if self.args.dry_run:
            cargo.items += expected(lacking, self.libraries[0])
            lacking = []
        cargo.missing += missing_of_offer(lacking, found)
        return ended, cargo

    def _fetch(self, possession: Possession) -> tuple[Exit, Found | None]:
        """Into the first library what none of them has, nor the other machine."""
        args, offered = self.args, []
        order = Order(
            folder=self.libraries[0], parallel=args.parallel, limit=args.limit, hours=args.hours,
            patience=args.patience, dry_run=args.dry_run, json=args.json,
        )  # fmt: skip
        elsewhere = {
            (story.source, story.dataset, story.package, story.key) for story in standing_in(self.libraries[1:])
        }  # fmt: skip

        def is_lacking(file: RemoteFile) -> bool:
            had = file.source == HUB and possession.has_key(file.dataset, file.package, file.key)
            return not had and (file.source, file.dataset, file.package, file.key) not in elsewhere

        def find(engine: LocalEngine) -> Found:
            found = finder(self.session, self.request.head.batch)(engine)
            offered.append(found)
            batches = [one._replace(files=list(filter(is_lacking, one.files))) for one in found.batches]
            return Found([one for one in batches if one.files], found.refused)

        ended = carry_out(self.session, order, find)
        return ended, offered[0] if offered else None

    # ---- where it goes ----

    def plan(self, cargo: Cargo, program_bytes: int) -> BundleSet | None:
        """None where there is nothing to carry, or all of it lies on the drives already. Raises `ProblemError`."""
        console, words, head = self.console, self.console.words, self.request.head
        console.say(
            "cli.batch.bundle.asked", name=head.machine.name, had=cargo.had, had_size=words.size(cargo.had_bytes),
            n=len(cargo.items), size=words.size(cargo.bytes),
        )  # fmt: skip
        self._say_missing(cargo.missing)
        self._warn_of_target(cargo)
        if cargo.is_empty and not any(map(can_be_named, cargo.missing)):
            key = "none-here" if cargo.missing else "nothing"
            self._tell(words.say(f"cli.batch.bundle.{key}", name=head.machine.name))
            self._record_end("nothing", [], cargo)
            return None
        try:
            bundle = planned(
                self.request, cargo, self.drives, self.machine, replace=self.args.replace, program_bytes=program_bytes
            )
        except ProblemError as error:
            if error.problem.code is Code.NO_DRIVE_ROOM:
                self._say_room()
            raise
        self._say_plan(bundle)
        if bundle.is_done:
            self._tell(words.say("cli.batch.bundle.done-before", folder=str(bundle.bags[0].folder)))
            self._record_end("complete", bundle.carried, cargo)
            return None
        return bundle

    def _warn_of_target(self, cargo: Cargo) -> None:
        head, words = self.request.head, self.console.words
        if head.largest is not None and (large := [one for one in cargo.items if (one.story.size or 0) > head.largest]):
            self.console.note(
                "cli.batch.bundle.too-large", n=len(large), name=head.machine.name, path=large[0].story.place,
                file_system=head.file_system,
            )  # fmt: skip
        if head.free and cargo.bytes > head.free:
            self.console.note("cli.batch.bundle.no-room-there", name=head.machine.name, free=words.size(head.free))

    def _say_missing(self, missing: Sequence[Missing]) -> None:
        if not missing:
            return
        self.console.note("cli.batch.bundle.missing", n=len(missing))
        for one in missing[:_SHOWN]:
            self.console.tell(f"    {one.path}")
        if len(missing) > _SHOWN:
            self.console.tell(f"    {self.console.words.say('cli.batch.more', n=len(missing) - _SHOWN)}")

    def _say_room(self) -> None:
        words = self.console.words
        for drive in self.drives:
            self.console.say("cli.batch.bundle.room", folder=str(drive.folder), free=words.size(drive.free))

    def _say_plan(self, bundle: BundleSet) -> None:
        console, words = self.console, self.console.words
        for found in bundle.older:
            key = "older" if found.finished else "older-unfinished"
            console.note(f"cli.batch.bundle.{key}", folder=str(found.folder), name=found.head.to.name)
        if not bundle.is_new and not bundle.is_done:
            console.say("cli.batch.bundle.going-on", folder=str(bundle.bags[0].folder))
        for bag in bundle.bags:
            portions = [one for file in bundle.carried for one in file.portions if one.bag == bag.head.bag]
            size = sum(one.length for one in portions)
            if self.args.json:
                console.record(
                    event="drive", number=bag.head.bag, count=bag.head.bags, drive=str(bag.drive.folder),
                    folder=str(bag.folder), files=len(portions), bytes=size,
                )  # fmt: skip
            else:
                console.data(
                    words.say(
                        "cli.batch.bundle.drive", number=bag.head.bag, count=bag.head.bags, n=len(portions),
                        folder=str(bag.folder), size=words.size(size),
                    )
                )  # fmt: skip

    # ---- carrying ----

    def carry(self, plan: BundleSet, cargo: Cargo, program: Path | None) -> Exit:
        if self.args.replace:
            for found in plan.older:
                drop_older(found, self.drives)
                for drive in self.drives:
                    if drive.id and found.folder.is_relative_to(drive.folder):
                        Whereabouts(self.session.home).forget(_holder(drive, found.folder))
        speaker = _Speaker(self.console, json=self.args.json)
        loading, carried, missing = apart(lambda stop: self._load(plan, cargo, program, speaker, stop))
        self._note(plan, carried)
        self._say_end(plan, carried, missing, program)
        self._record_end("made", carried, cargo, missing)
        # Who asked for a bundle without the network knows that it holds what there is.
        failed = bool(loading.lost) or (bool(missing) and not self.args.offline)
        return worst([Exit.FAILED if failed else Exit.DONE, *_exits(loading.lost)])

    def _load(
        self, plan: BundleSet, cargo: Cargo, program: Path | None, speaker: _Speaker, stop: threading.Event
    ) -> tuple[Loading, list[Carried], list[Missing]]:
        args, steps = self.args, Steps(speaker.read, stop.is_set)
        loading = Loading(plan, cargo.items, steps, speaker.hear)
        loading.run()
        beside = portable.put(program, plan.bags[0].drive, steps.go_on) if program is not None else []
        carried = loading.loaded()
        stories = {item.story.place: item.story for item in cargo.items}
        lost = [_lost(stories[one.place].place, stories[one.place].sha256) for one in loading.lost]
        missing = [*cargo.missing, *lost]
        named, rest = fetched_later(missing, Names(one.path for file in plan.carried for one in file.portions))
        sign = functools.partial(signature.sign, key=Path(args.sign).expanduser()) if args.sign else None
        label = Label(args.organization, args.description)
        sealed(plan, carried, Seal(label, rest, named, beside, sign))
        return loading, carried, missing

    def _note(self, plan: BundleSet, carried: Sequence[Carried]) -> None:
        whereabouts = Whereabouts(self.session.home)
        for bag in plan.bags:
            held = [
                Held.of_story(one.story)
                for one in carried
                if any(portion.bag == bag.head.bag for portion in one.portions)
            ]
            whereabouts.note(_holder(bag.drive, bag.folder), held)
        for folder in self.libraries:
            holder = Holder.of(Kind.MACHINE, self.machine.id, self.machine.name, str(folder))
            whereabouts.note(holder, stock(folder).held)

    def _say_end(
        self, plan: BundleSet, carried: Sequence[Carried], missing: Sequence[Missing], program: Path | None
    ) -> None:
        words = self.console.words
        size = sum(one.story.size or 0 for one in carried if one.portions)
        self._tell(
            words.say(
                "cli.batch.bundle.made", n=sum(bool(one.portions) for one in carried), size=words.size(size),
                drives=len(plan.bags), missing=len(missing) or "",
            )
        )  # fmt: skip
        if program is not None:
            self._tell(words.say("cli.batch.bundle.program", path=portable.starter(program)))

    def _record_end(
        self, state: str, carried: Sequence[Carried], cargo: Cargo, missing: Sequence[Missing] | None = None
    ) -> None:
        if not self.args.json:
            return
        told = [one for one in carried if one.portions]
        self.console.record(
            event="bundle", state=state, files=len(told), bytes=sum(one.story.size or 0 for one in told),
            had=cargo.had, had_bytes=cargo.had_bytes, known=len(cargo.known),
            missing=[one.path for one in (cargo.missing if missing is None else missing)],
        )  # fmt: skip


def _exits(lost: Sequence[Loss]) -> list[Exit]:
    return [exit_of(one.problem.code) for one in lost if one.problem is not None]


def _lost(place: str, sha256: str) -> Missing:
    return Missing(DAMAGED, place, sha256=sha256)


def _holder(drive: Drive, folder: Path) -> Holder:
    return Holder.of(Kind.DRIVE, identified(drive), drive.name, folder.name)


class _Speaker:
    def __init__(self, console: Console, *, json: bool) -> None:
        self._console = console
        self._json = json
        self._bytes = 0
        self._next = time.monotonic() + _LINE_SECONDS

    def hear(self, news: Carried | Loss) -> None:
        console, words = self._console, self._console.words
        match news:
            case Loss(place=place, problem=problem):
                if self._json:
                    console.record(event="file", path=place, state="lost", problem=_code(problem))
                else:
                    why = words.problem(problem).title if problem else words.say("cli.batch.bundle.damaged")
                    console.data(words.say("cli.batch.bundle.lost", path=place, why=why))
            case Carried() if self._json:
                console.record(event="file", path=news.story.place, state="carried", bytes=news.story.size)

    def read(self, count: int) -> None:
        self._bytes += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_SECONDS
            self._console.say("cli.batch.progress", bytes=self._console.words.size(self._bytes))


def _code(problem: Problem | None) -> str:
    return "damaged" if problem is None else str(problem.code)
