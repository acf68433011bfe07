"""`aihub unpack`: archives onto disk, every entry verified. Runs in this process; no engine is needed."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.archives.naming import is_encoding
from aihub_desktop.archives.opening import looks_packed
from aihub_desktop.cli.apart import apart
from aihub_desktop.cli.arguments import UsageError, check_text
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.names import OWN_FOLDER, must_not_be_a_device
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.domain.unpacking import Refusal, Refused, Rehearsal, Unpacked, UnpackNews, UnpackProgress, UnpackWish
from aihub_desktop.unpack.job import Unpacking
from aihub_desktop.unpack.rehearsal import rehearse
from aihub_desktop.unpack.tally import HARMLESS

_LINE_SECONDS: Final = 10.0
_NAMED: Final = 20  # refused entries that are named one by one; --json names them all


def unpack(session: Session, args: argparse.Namespace) -> Exit:
    """Unpacks what the paths name; says what was refused or renamed, and why. Raises `UsageError`."""
    console = session.console
    check_encoding(console, args.encoding)
    wishes = list(_wishes(console, args))
    if not wishes:
        raise UsageError(console.words.say("cli.unpack.nothing"))
    if args.dry_run:
        return _rehearse(console, wishes, json=args.json)
    try:
        verdict = unpack_all(console, wishes, json=args.json)
    except KeyboardInterrupt:
        if args.json:
            console.record(event="end", interrupted=True)
        raise
    return verdict


def check_encoding(console: Console, name: str) -> None:
    """Raises `UsageError`."""
    if name and not is_encoding(name):
        raise UsageError(console.words.say("cli.unpack.no-encoding", name=name))


def archives(places: Iterable[str]) -> list[str]:
    """Those that are archives by their names; of a set its last volume."""
    return [place for place in places if _is_archive(place)]


def unpack_all(
    console: Console, wishes: Sequence[UnpackWish], *, json: bool, complete: Callable[[str], None] = lambda place: None
) -> Exit:
    """One wish after the other, to the last line; `complete` hears of each archive of which everything stands, in
    another thread. Raises `KeyboardInterrupt`; then what is whole stands.
    """
    speaker = _Speaker(console, json=json)

    def hear(news: UnpackNews) -> None:
        speaker.hear(news)
        if isinstance(news, Unpacked) and news.problem is None and _exit_of(news.refused) is Exit.DONE:
            complete(news.place)

    for wish in wishes:
        speaker.folder = wish.folder
        _run(Unpacking(wish, hear, threads=os.cpu_count() or 1))
        speaker.say_kept(wish)
    if json:
        console.record(event="unpacked", **speaker.sums)
    return worst(speaker.exits)


def _run(unpacking: Unpacking) -> None:
    apart(lambda stop: unpacking.run(), stopping=unpacking.stop)


def _wishes(console: Console, args: argparse.Namespace) -> Iterator[UnpackWish]:
    """One for each folder that the archives belong to."""
    found = [pair for text in args.paths for pair in _found(text)]
    check_text((str(path) for _, path in found), console.words)
    must_not_be_a_device(args.into or "")
    into = os.path.abspath(os.path.expanduser(args.into)) if args.into else ""
    for folder, group in groupby(found, lambda pair: pair[0]):
        yield UnpackWish(
            str(folder), [path.relative_to(folder).as_posix() for _, path in group], into, args.encoding, args.only,
            args.nested, not args.delete_archive, args.allow_any_size,
        )  # fmt: skip


def _found(text: str) -> Iterator[tuple[Path, Path]]:
    """The file itself, or the archives in the folder; each with the folder that it belongs to."""
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if not path.is_dir():
        yield _home(path.parent), path
        return
    home = _home(path)
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name != OWN_FOLDER)
        yield from ((home, Path(folder, name)) for name in sorted(names) if _is_archive(name))


def _is_archive(name: str) -> bool:
    volume = volume_of(name)
    return (looks_packed(name) and not (volume and volume[1])) or name.lower().endswith(".egg")


def _home(folder: Path) -> Path:
    """The folder of a download that this one is or lies in, or just itself."""
    return next((above for above in (folder, *folder.parents) if (above / OWN_FOLDER).is_dir()), folder)


def _rehearse(console: Console, wishes: Sequence[UnpackWish], *, json: bool) -> Exit:
    exits = []
    for wish in wishes:
        for place in wish.places:
            plan = rehearse(wish, place)
            exits.append(exit_of(plan.problem.code) if plan.problem else _exit_of(plan.refused))
            if json:
                console.record(event="plan", **msgspec.to_builtins(plan))
            else:
                _say_plan(console, wish, plan)
    return worst(exits)


def _say_plan(console: Console, wish: UnpackWish, plan: Rehearsal) -> None:
    words = console.words
    if plan.entries:
        total, room, free = map(words.size, (plan.bytes, plan.missing_bytes, plan.free))
        console.data(
            words.say(
                "cli.unpack.plan", path=plan.place, into=plan.into or wish.folder, n=plan.entries, bytes=total,
                room=room, free=free, encoding=_told(plan.encoding),
            )
        )  # fmt: skip
    _say_refused(console, plan.refused, plan.refused_count)
    if plan.problem is not None:
        console.problem(plan.problem)


def _say_refused(console: Console, refused: Sequence[Refused], count: int) -> None:
    words = console.words
    for one in refused[:_NAMED]:
        if one.why is Refusal.RENAMED:
            console.tell(words.say("cli.unpack.renamed", name=one.name, place=one.place))
        else:
            console.tell(words.say("cli.unpack.refused", name=one.name, why=words.say(f"refusal.{one.why}")))
    if count > _NAMED:
        console.say("cli.unpack.more", n=count - _NAMED)


def _exit_of(refused: Sequence[Refused]) -> Exit:
    """Those that are nowhere but in the archive stand first."""
    return Exit.FAILED if refused and refused[0].why not in HARMLESS else Exit.DONE


def _told(encoding: str) -> str:
    """UTF-8 is what everybody expects."""
    return "" if encoding == "utf-8" else encoding


class _Speaker:
    """Says what becomes of each archive, and now and then how far it is. Heard in another thread than it was made."""

    def __init__(self, console: Console, *, json: bool) -> None:
        self._console = console
        self._json = json
        self._next = time.monotonic() + _LINE_SECONDS
        self._done: list[Unpacked] = []
        self.folder = ""  # of the wish
        self.exits: list[Exit] = []
        self.sums = {"archives": 0, "failed": 0, "entries": 0, "bytes": 0}

    def hear(self, news: UnpackNews) -> None:
        match news:
            case UnpackProgress():
                self._progress(news)
            case Unpacked():
                self._unpacked(news)

    def say_kept(self, wish: UnpackWish) -> None:
        """Where an archive was to be deleted, and was not."""
        for done in self._done:
            if not (wish.keep or done.archive_deleted or done.problem or self._json):
                self._console.say("cli.unpack.kept", path=done.place)
        self._done.clear()

    def _progress(self, news: UnpackProgress) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LINE_SECONDS
        words = self._console.words
        if self._json:
            self._console.record(event="unpacking", **msgspec.to_builtins(news))
        else:
            self._console.say(
                "cli.unpack.progress", path=news.place, entries=news.entries, total=news.entries_total,
                bytes=words.size(news.bytes), size=words.size(news.bytes_total),
            )  # fmt: skip

    def _unpacked(self, news: Unpacked) -> None:
        exit_code = exit_of(news.problem.code) if news.problem else _exit_of(news.refused)
        self.exits.append(exit_code)
        self._done.append(news)
        self.sums["archives"] += 1
        self.sums["failed"] += exit_code is not Exit.DONE
        self.sums["entries"] += news.entries
        self.sums["bytes"] += news.bytes
        if self._json:
            self._console.record(event="archive", **msgspec.to_builtins(news))
        else:
            self._say(news)

    def _say(self, news: Unpacked) -> None:
        words, console = self._console.words, self._console
        if news.problem is None and not news.entries and news.archive_deleted:
            console.data(words.say("cli.unpack.deleted", path=news.place))
            return
        if news.problem is None or news.entries:
            console.data(
                words.say(
                    "cli.unpack.done", path=news.place, into=news.into or self.folder, n=news.entries,
                    bytes=words.size(news.bytes), encoding=_told(news.encoding),
                )
            )  # fmt: skip
        _say_refused(console, news.refused, news.refused_count)
        if news.archive_deleted:
            console.data(words.say("cli.unpack.deleted", path=news.place))
        if news.problem is not None:
            told = words.problem(news.problem)
            console.say("cli.unpack.failed", path=news.place, title=told.title)
            console.tell(told.advice)
