"""Files of the hub that another machine of the lab has, and how it is named and let in."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.listing import total, total_text
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import AskLab, FileList
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, Secret
from aihub_desktop.domain.sharing import lab_address, lab_token
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.sharing.token import OpenToOthersError, read_token
from aihub_desktop.system.words import Words

TOKEN_VARIABLE: Final = "AIHUB_LAB_TOKEN"
_LONGEST_SECONDS: Final = 1800.0

FileLists = Callable[[LocalEngine, str, bool], FileList]


@dataclass(frozen=True, slots=True)
class LabWish:
    """A machine to be asked first. `token` None: that of the keychain. `only`: nobody else is asked."""

    address: str
    token: Secret | None = field(repr=False)
    only: bool = False

    @classmethod
    def of(cls, words: Words, args: argparse.Namespace) -> LabWish | None:
        """What --from, --only-from and --token-file say; None for nothing. Raises `UsageError`."""
        if args.lab is None:
            for name, given in (("--only-from", args.only_from), ("--token-file", args.token_file)):
                if given:
                    raise UsageError(words.say("cli.lab.of-nobody", name=name))
            return None
        return cls(plain_address(words, args.lab), given_token(words, args.token_file), args.only_from)


class LabLists:
    """The files of datasets as `Session.file_list` gives them, those from a machine of the lab that it has.

    What a person should know is said. Where the machine is away everything comes from the hub, and where the hub cannot
    be asked what the machine has is the list; of a wish for the machine alone, it always is. Raises `ProblemError`.
    """

    def __init__(self, session: Session, wish: LabWish) -> None:
        self._session = session
        self._wish = wish
        self._away = False  # it was asked once, which is enough

    def __call__(self, engine: LocalEngine, dataset: str, package: bool) -> FileList:
        offered = self._offered(engine, dataset, package)
        if self._wish.only:
            return _as_list(offered, dataset, package)
        try:
            listed = self._session.file_list(engine, dataset, package)
        except ProblemError as error:
            if not offered:
                raise
            title = self._session.console.words.problem(error.problem).title
            self._session.console.note("cli.lab.without-hub", title=title, address=self._wish.address)
            return _as_list(offered, dataset, package)
        return msgspec.structs.replace(listed, files=self._applied(listed.files, offered))

    def _applied(self, files: Sequence[RemoteFile], offered: Sequence[RemoteFile]) -> list[RemoteFile]:
        """The files, those from the machine that it has in the very release of the list."""
        there = {file.key: file for file in offered}
        taken, others = [], 0
        for file in files:
            found = there.get(file.key)
            fits = found is not None and found.path == file.path and file.size.allows(found.size.high)
            others += found is not None and not fits
            taken.append(_from_lab(file, found) if found is not None and fits else file)
        if others:
            self._session.console.note("cli.lab.other-release", n=others, address=self._wish.address)
        if not any(file.is_of_lab for file in taken) and not self._away:
            self._session.console.note("cli.lab.has-nothing", address=self._wish.address)
        return taken

    def _offered(self, engine: LocalEngine, dataset: str, package: bool) -> list[RemoteFile]:
        if self._away:
            return []
        wish = self._wish
        command = AskLab(engine.number(), wish.address, dataset, wish.token, only=wish.only)
        try:
            files = engine.ask(command, FileList, timeout=_LONGEST_SECONDS).files
        except ProblemError as error:
            if wish.only:
                raise
            self._away = True
            title = self._session.console.words.problem(error.problem).title
            self._session.console.note("cli.lab.away", address=wish.address, title=title)
            return []
        return [file for file in files if file.package == package]


def file_lists(session: Session, wish: LabWish | None) -> FileLists:
    """How a run comes by the files of a dataset: `batches.finder` takes it, too."""

    def of_hub(engine: LocalEngine, dataset: str, package: bool) -> FileList:
        return session.file_list(engine, dataset, package)

    return of_hub if wish is None else LabLists(session, wish)


def lines(words: Words, files: Sequence[RemoteFile]) -> list[str]:
    """What of these files comes from which machine of the lab, and what is left for the hub."""
    labs = dict.fromkeys(file.lab for file in files if file.lab)
    of_hub = [file for file in files if file.source == HUB and not file.lab]
    told = []
    for lab in labs:
        here = [file for file in files if file.lab == lab]
        told.append(words.say("cli.lab.has", n=len(here), size=total_text(words, total(here)), address=lab))
    if labs and of_hub:
        told.append(words.say("cli.lab.rest", n=len(of_hub), size=total_text(words, total(of_hub))))
    return told


def need_key(files: Iterable[RemoteFile]) -> bool:
    """Whether some of them come from the hub itself, which wants a key."""
    return any(file.source == HUB and file.origin is None for file in files)


def plain_address(words: Words, text: str) -> str:
    """Raises `UsageError` for what is no address of a machine."""
    try:
        return lab_address(text)
    except ValueError:
        raise UsageError(words.say("cli.lab.no-address", address=_shown(text))) from None


def given_token(words: Words, file: str | None) -> Secret | None:
    """That of --token-file, else of the variable; None for none. Raises `UsageError`."""
    if file is None:
        return token_of_variable(words)
    token = token_of_file(words, Path(file).expanduser())
    if token is None:
        raise UsageError(words.say("cli.lab.no-token-file", path=file))
    return token


def token_of_variable(words: Words) -> Secret | None:
    text = os.environ.get(TOKEN_VARIABLE, "").strip()
    try:
        return lab_token(text) if text else None
    except ValueError:
        raise UsageError(words.say("cli.lab.odd-token", where=TOKEN_VARIABLE)) from None


def token_of_file(words: Words, path: Path) -> Secret | None:
    """None where there is no such file. Raises `UsageError` for one without a token, and one that others can read."""
    try:
        return read_token(path)
    except OpenToOthersError:
        raise UsageError(words.say("cli.lab.open-file", path=str(path))) from None
    except ValueError:
        raise UsageError(words.say("cli.lab.odd-token", where=str(path))) from None


def _as_list(files: Sequence[RemoteFile], dataset: str, package: bool) -> FileList:
    """Raises `ProblemError` UNKNOWN_DATASET where there are none."""
    if not files:
        raise ProblemError(Code.UNKNOWN_DATASET, **({} if package else {"dataset": dataset}))
    return FileList(Dataset(HUB, dataset, "", package), list(files), "", 0.0)


def _from_lab(file: RemoteFile, found: RemoteFile) -> RemoteFile:
    """With the text that the hub shows of its size, by which a file that both gave a part of is known."""
    size = msgspec.structs.replace(found.size, shown=file.size.shown)
    return msgspec.structs.replace(file, size=size, origin=found.origin)


def _shown(text: str) -> str:
    return text.rpartition("@")[2].partition("?")[0][:120]
