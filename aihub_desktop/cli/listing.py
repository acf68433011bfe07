"""`aihub datasets` and `aihub files`."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from aihub_desktop.cli.console import Console, padded, width
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.tally import Total, total_of
from aihub_desktop.domain.messages import DatasetList, ListDatasets
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile
from aihub_desktop.system.words import Words


def datasets(session: Session, args: argparse.Namespace) -> Exit:
    """Lists the datasets of which key or title holds every word."""
    with session.engine() as engine:
        listed = engine.ask(ListDatasets(engine.number(), refresh=True), DatasetList)
    session.say_age(listed)
    found = matching(listed.datasets, args.words)
    if args.json:
        for one in found:
            # The hub's packages have keys of their own, so they must not pass for datasets.
            session.console.record(key=one.key, title=one.title, **({"package": True} if one.package else {}))
        return Exit.DONE
    if not found:
        session.console.say("cli.datasets.none")
    _show_datasets(session.console, found)
    return Exit.DONE


def matching(listed: Iterable[Dataset], words: Sequence[str]) -> list[Dataset]:
    """Those whose key and title together hold every word, in whatever case and composition."""
    wanted = [_comparable(word) for word in words]
    return [one for one in listed if all(word in _comparable(f"{one.key} {one.title}") for word in wanted)]


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _show_datasets(console: Console, found: Sequence[Dataset]) -> None:
    columns = max((len(one.key) for one in found), default=0)
    for one in found:
        mark = f" {console.words.say('cli.datasets.package')}" if one.package else ""
        console.data(f"{one.key:>{columns}}  {one.title}{mark}")


def files(session: Session, args: argparse.Namespace) -> Exit:
    """Lists the files of one dataset, as its tree."""
    with session.engine() as engine:
        listed = session.file_list(engine, args.key, args.package)
    if args.json:
        records(session.console, listed.files)
        return Exit.DONE
    if listed.notice:
        session.console.say("cli.files.notice", text=listed.notice)
    if listed.dataset.title:
        session.console.data(f"{listed.dataset.key}  {listed.dataset.title}")
    table(session.console, listed.files)
    return Exit.DONE


def records(console: Console, listed: Iterable[RemoteFile]) -> None:
    """A JSON line for each file."""
    for file in listed:
        size = file.size
        console.record(
            file_key=file.key, path=file.path, size_shown=size.shown, size_min=size.low, size_max=size.high
        )  # fmt: skip


def table(console: Console, listed: Sequence[RemoteFile]) -> None:
    """Key, size and place in the tree of each file, and the sum. Keys of other places than the hub say no more than
    the tree does.
    """
    words = console.words
    keys = max((len(file.key) for file in listed if file.source == HUB), default=0)
    columns = max((width(size_text(words, file)) for file in listed), default=0)
    plain = not console.can_show("├─│└")
    for branch, file in tree(listed, plain=plain):
        key = file.key if file and file.source == HUB else ""
        size = size_text(words, file) if file else ""
        before = f"{key:>{keys}}  " if keys else ""
        console.data(f"{before}{padded('', columns - width(size))}{size}  {branch}")
    console.data(words.say("cli.files.total", n=len(listed), size=total_text(words, total(listed))))


def size_text(words: Words, file: RemoteFile) -> str:
    """As the hub shows it; of other places, which know it to the byte or not at all, in three digits."""
    return file.size.shown if file.origin is None else words.file_size(file.size)


def total(listed: Iterable[RemoteFile]) -> Total:
    """The sum of sizes that are known within a range each, or not at all."""
    return total_of(file.size for file in listed)


def total_text(words: Words, total: Total) -> str:
    """ "3.2 GB", and of how many files the size is not known."""
    size, unknown = total
    if not unknown:
        return words.size_range(size)
    if not size.high:
        return words.say("value.unknown")
    return words.say("value.more-unknown", size=words.size_range(size), n=unknown)


def tree(listed: Iterable[RemoteFile], *, plain: bool = False) -> Iterator[tuple[str, RemoteFile | None]]:
    """(drawn branch, file) for each line of the tree; None for a folder. `plain`: drawn with ASCII alone."""
    top = _Folder()
    for file in listed:
        *folders, name = file.path.split("/")
        place = top
        for part in folders:
            place = place.folder(part)
        place.inside.append((name, file))
    yield from _drawn(top, "", ("|-- ", "`-- ", "|   ", "    ") if plain else ("├─ ", "└─ ", "│  ", "   "))


class _Folder:
    """A folder with what is in it, in the order of the hub's tree."""

    def __init__(self) -> None:
        self.inside: list[tuple[str, RemoteFile | _Folder]] = []
        self._folders: dict[str, _Folder] = {}

    def folder(self, name: str) -> _Folder:
        if name not in self._folders:
            self._folders[name] = _Folder()
            self.inside.append((name, self._folders[name]))
        return self._folders[name]


def _drawn(folder: _Folder, before: str, signs: tuple[str, str, str, str]) -> Iterator[tuple[str, RemoteFile | None]]:
    between, last, line, blank = signs
    for place, (name, item) in enumerate(folder.inside):
        ends = place == len(folder.inside) - 1
        branch = f"{before}{last if ends else between}{name}"
        if isinstance(item, _Folder):
            yield f"{branch}/", None
            yield from _drawn(item, before + (blank if ends else line), signs)
        else:
            yield branch, item
