"""`aihub batch who`: which machine and which drive holds a dataset, a file, a hash; without the network."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.batch.machine import this_machine
from aihub_desktop.batch.report import SUFFIX as REPORT
from aihub_desktop.batch.report import read_report
from aihub_desktop.batch.request import SUFFIX as REQUEST
from aihub_desktop.batch.request import read_request
from aihub_desktop.batch.whereabouts import Answer, Holder, Kind, Known, Question, Whereabouts, answers, known_now
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.batch_request import input_file
from aihub_desktop.cli.console import Console, plain
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import ProblemError

_LOOK_SECONDS: Final = 10.0
_SHOWN: Final = 10  # files of one holder; all of them in JSON


def run(session: Session, args: argparse.Namespace) -> Exit:
    """FAILED where nobody is known to have it."""
    console, whereabouts = session.console, Whereabouts(session.home)
    for name in args.add:
        _add(console, whereabouts, input_file(console, name))
    if args.add and not args.what:
        return Exit.DONE
    found = False
    for answer in answers(Question(args.what), _holders(session, whereabouts)):
        found = True
        _record(console, answer) if args.json else _show(console, answer, names=bool(args.what))
    if not found and not args.json:
        console.data(console.words.say("cli.batch.who.nobody", what=args.what))
    return Exit.DONE if found else Exit.FAILED


def _add(console: Console, whereabouts: Whereabouts, path: Path) -> None:
    """Takes in what a request or a report tells. Raises `UsageError`, `ProblemError`."""
    if path.suffix == REPORT:
        report, held = read_report(path)
        machine, folder, at = report.machine, report.folder, report.at
    elif path.suffix == REQUEST:
        request = read_request(path)
        machine, folder, at, held = request.head.machine, request.head.folder, request.head.at, request.held
    else:
        raise UsageError(console.words.say("cli.batch.who.neither", path=str(path)))
    whereabouts.note(Holder.of(Kind.MACHINE, machine.id, machine.name, folder, at), held)
    console.say("cli.batch.who.added", name=machine.name, n=len(held))


def _holders(session: Session, whereabouts: Whereabouts) -> Iterator[tuple[Holder, Iterable[Known]]]:
    """Folders of this machine as they are now; everything else as it was told."""
    machine = this_machine(session.home)
    told = list(whereabouts.holders())
    own = {holder.folder for holder, _ in told if holder.id == machine.id} | _library(session)
    seen = set()
    for folder in sorted(own):
        with contextlib.suppress(ProblemError):
            if held := known_now(folder):
                seen.add(folder)
                holder = Holder.of(Kind.MACHINE, machine.id, machine.name, folder)
                yield holder, held
    yield from ((holder, known) for holder, known in told if holder.id != machine.id or holder.folder not in seen)


def _library(session: Session) -> set[str]:
    """Folders of the library, also where a window is open."""
    from aihub_desktop.engine.beside import holding_rows  # noqa: PLC0415 - as late as the engine itself

    if not (session.home / "queue.sqlite").exists():
        return set()
    return {row.folder for row in holding_rows(session.home, _LOOK_SECONDS)}


def _record(console: Console, answer: Answer) -> None:
    holder = answer.holder
    console.records(
        {
            "event": "holds", "kind": holder.kind, "id": holder.id, "name": holder.name, "folder": holder.folder,
            "told": holder.at, "path": one.held.place, "sha256": one.held.sha256, "bytes": one.held.size,
            "source": one.held.source, "dataset": one.held.dataset, "file_key": one.held.key, "since": one.since,
        }
        for one in answer.found
    )  # fmt: skip


def _show(console: Console, answer: Answer, *, names: bool) -> None:
    words, holder = console.words, answer.holder
    size = words.size(sum(one.held.size or 0 for one in answer.found))
    since = min((one.since for one in answer.found if one.since), default=holder.at)[:10]
    console.data(
        words.say(
            f"cli.batch.who.{holder.kind}", name=plain(holder.name), folder=plain(holder.folder),
            n=len(answer.found), size=size, since=since,
        )
    )  # fmt: skip
    for one in answer.found[: _SHOWN if names else 0]:
        console.data(f"    {plain(one.held.place)}")
    if names and len(answer.found) > _SHOWN:
        console.data(f"    {words.say('cli.batch.more', n=len(answer.found) - _SHOWN)}")
