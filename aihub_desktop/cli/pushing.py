"""A run that puts objects into a storage: where to, whether it may, and what is said of it while it runs and after."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from aihub_desktop.cli.apart import apart
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.endpoint import Choice, chosen
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.addresses import AddressError, ObjectAddress, object_address
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import StorageRow
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.storage import Storage
from aihub_desktop.engine.pushing.contents import MANIFEST
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.fate import Fate, Outcome, Progress
from aihub_desktop.engine.pushing.front import Unfinished, glanced, place_of, settings_in_use, strangers
from aihub_desktop.engine.pushing.record import Record
from aihub_desktop.system import logs
from aihub_desktop.system.words import Words

_LINE_SECONDS: Final = 10.0
_SHOWN: Final = 20  # unfinished uploads of others that are named


@dataclass(frozen=True, slots=True)
class Way:
    """The place that is pushed to, and what was begun there. `storage`: how it is asked, but for its keys."""

    storage: Storage
    address: ObjectAddress
    depot: Depot
    record: Record


@contextlib.contextmanager
def way(session: Session, args: argparse.Namespace, text: str) -> Iterator[Way]:
    """Raises `UsageError`, and `ProblemError` for keys that cannot be had, or another run to the same place."""
    words = session.console.words
    address = prefix_of(words, text)
    choice = Choice.of(args)
    storages = glanced(session.home)
    rows = [StorageRow(storage, "") for storage in storages]
    endpoint = chosen(words, choice, rows, os.environ)
    storage = next((one for one in storages if one.endpoint == endpoint), Storage(endpoint))
    storage = choice.applied(storage)
    place = place_of(storage)
    logs.start(session.home, "push")
    depot = Depot(place, address.bucket, address.key, _settings(session, args), args.patience)
    try:
        record = Record(session.home, endpoint, address.bucket, address.key)
        try:
            yield Way(storage, address, depot, record)
        finally:
            record.close()
    finally:
        depot.close()


def prefix_of(words: Words, text: str) -> ObjectAddress:
    """The prefix, with a slash at its end. Raises `UsageError` for what is none."""
    try:
        address = object_address(text)
    except AddressError:
        raise UsageError(words.say("cli.storage.no-address", address=text)) from None
    return address if address.is_prefix else ObjectAddress(address.bucket, f"{address.key}/")


def _settings(session: Session, args: argparse.Namespace) -> Settings:
    wishes = {name: getattr(args, name, None) for name in ("connections", "limit", "parallel", "hours")}
    return changed(settings_in_use(session.home), {name: value for name, value in wishes.items() if value is not None})


def must_stay_here(console: Console, depot: Depot, *, yes: bool, is_of_hub: bool) -> None:
    """Raises LEAVES_KOREA where the storage is not known to lie in Korea, unless somebody says that it may be."""
    land = depot.land()  # whatever it tells, the bucket is there
    if land != "elsewhere" or not is_of_hub:
        return
    host = depot.place.endpoint.partition("://")[2]
    console.note("push.foreign", host=host, bucket=depot.bucket)
    if yes:
        return
    if console.can_ask:
        console.say("push.foreign-question")
    if not console.agrees():
        raise ProblemError(Code.LEAVES_KOREA, host=host)


class Follower:
    """Says what a run tells; `json`: as lines to stdout, too."""

    def __init__(self, console: Console, way: Way, *, json: bool, rehearses: bool = False) -> None:
        self.fates: Counter[Outcome] = Counter()
        self._console = console
        self._way = way
        self._json = json
        self._rehearses = rehearses
        self._problems: Counter[Code] = Counter()
        self._first: dict[Code, Problem] = {}
        self._bytes: Counter[Outcome] = Counter()
        self._began = time.monotonic()
        self._listed = 0
        self._last = (self._began, 0)
        self._fatal: Problem | None = None

    def hear(self, fate: Fate) -> None:
        """One at a time, from any thread."""
        self.fates[fate.outcome] += 1
        self._bytes[fate.outcome] += fate.size
        if fate.problem is not None:
            self._problems[fate.problem.code] += 1
            self._first.setdefault(fate.problem.code, fate.problem)
            self._console.say("cli.get.failed-file", path=fate.path, title=self._title(fate.problem))
        elif self._rehearses and fate.outcome is Outcome.WANTED and not self._json:
            self._console.data(f"{self._console.words.size(fate.size):>12}  {fate.path}")
        if self._json:
            self._console.record(**_record(fate))

    def follow(self, act: Callable[[], int], progress: Progress, stop: Callable[[], None]) -> Exit:
        """Carries `act` out and says what comes of it, to the last line. An interruption makes it `stop`."""
        try:
            return self._followed(act, progress, stop)
        except KeyboardInterrupt:
            self._console.say("cli.interrupted")
            self._console.say("push.go-on")
            return Exit.INTERRUPTED
        finally:
            self._say_end(progress)

    def _followed(self, act: Callable[[], int], progress: Progress, stop: Callable[[], None]) -> Exit:
        def stopping() -> None:
            self._console.say("cli.stopping")
            stop()

        try:
            self._listed = apart(lambda _: act(), stopping=stopping, meanwhile=lambda: self._say_progress(progress))
        except ProblemError as error:
            self._fatal = error.problem
        return self._verdict()

    def _verdict(self) -> Exit:
        """Says how it went, and what others left unfinished there."""
        if self._fatal is not None:
            self._console.problem(self._fatal)
        for code, count in self._problems.items():
            told = self._console.words.problem(Problem(code))
            self._console.say("cli.get.reason", title=told.title, n=count)
            self._console.tell(told.advice)
        if not self._rehearses:
            self._name_strangers()
        self._say_sum()
        exits = [exit_of(code) for code in self._problems]
        return worst([*exits, *([exit_of(self._fatal.code)] if self._fatal else [])])

    def _say_end(self, progress: Progress) -> None:
        """The last line of JSON, however the run went."""
        if not self._json:
            return
        fates = self.fates
        wanted = {"wanted": fates[Outcome.WANTED], "wanted_bytes": self._bytes[Outcome.WANTED]}
        self._console.record(
            event="end",
            sent=fates[Outcome.SENT],
            there=fates[Outcome.THERE],
            failed=fates[Outcome.FAILED],
            **(wanted if self._rehearses else {}),
            bytes=self._bytes[Outcome.SENT] + self._bytes[Outcome.THERE],
            sent_bytes=self._way.depot.sent,
            passed_bytes=progress.passed,
            listed=self._listed,
            seconds=round(time.monotonic() - self._began, 3),
        )

    def _title(self, problem: Problem) -> str:
        return self._console.words.problem(problem).title

    def _say_progress(self, progress: Progress) -> None:
        at, before = self._last
        now = time.monotonic()
        if now - at < _LINE_SECONDS:
            return
        words, sent = self._console.words, self._way.depot.sent
        self._last = (now, sent)
        self._console.say(
            "push.progress", done=progress.files, n=progress.files_total, bytes=words.size(progress.bytes),
            size=words.size(progress.bytes_total), rate=words.speed((sent - before) / (now - at)),
        )  # fmt: skip

    def _name_strangers(self) -> None:
        """Uploads that were begun below the prefix by nobody here: they cost money until somebody ends them."""
        try:
            found = strangers(self._way.depot, self._way.record)
            ours = self._way.record.all_begun()
        except ProblemError:
            return  # whoever may not list them cannot be told of them
        if ours:
            self._console.note("push.unfinished", n=len(ours), address=str(self._way.address))
        if found:
            self._console.note("push.strangers", n=len(found), address=str(self._way.address))
        for one in found[:_SHOWN]:
            self._console.say("push.stranger", name=one.key, since=one.since)
        if self._json:
            ours_too = [Unfinished(one.key, one.upload, one.at) for one in ours]
            for one, is_ours in [*((one, True) for one in ours_too), *((one, False) for one in found)]:
                self._console.record(event="unfinished", key=one.key, upload=one.upload, since=one.since, ours=is_ours)

    def _say_sum(self) -> None:
        words, fates = self._console.words, self.fates
        tell = self._console.tell if self._json else self._console.data
        if self._rehearses:
            tell(
                words.say(
                    "push.rehearsed", n=fates[Outcome.WANTED], bytes=words.size(self._bytes[Outcome.WANTED]),
                    there=fates[Outcome.THERE], failed=fates[Outcome.FAILED],
                )
            )  # fmt: skip
            return
        spent = words.duration(time.monotonic() - self._began)
        sent, there, failed = (fates[one] for one in (Outcome.SENT, Outcome.THERE, Outcome.FAILED))
        size = words.size(self._way.depot.sent)
        tell(words.say("push.done", sent=sent, bytes=size, there=there, failed=failed, duration=spent))
        if failed or self._fatal is not None:
            self._console.say("push.go-on")
        if self._listed:
            tell(words.say("push.manifest", address=f"{self._way.address}{MANIFEST}", n=self._listed))


def _record(fate: Fate) -> dict[str, object]:
    problem = {"problem": fate.problem.code} if fate.problem is not None else {}
    return {
        "event": "file", "path": fate.path, "key": fate.key, "file_key": fate.file_key, "state": fate.outcome,
        "bytes": fate.size, "sha256": fate.sha256, "proof": fate.proof, "note": fate.note, "stored": fate.stored,
        **problem,
    }  # fmt: skip
