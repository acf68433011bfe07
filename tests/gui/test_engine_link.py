"""The pipe to the engine: its beginnings, its ends, and an engine that says odd things."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import (
    Configure,
    DatasetList,
    DiskSpace,
    FileRows,
    ListDatasets,
    Rows,
    Snapshot,
    Space,
)
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.system import program
from gui.stage import alive, family, wait_until

pytestmark = pytest.mark.usefixtures("qapp")

Open = Callable[..., EngineLink]


@pytest.fixture
def open_link(tmp_path: Path, hub: DemoHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    links: list[EngineLink] = []

    def open_one(command: list[str] | None = None) -> EngineLink:
        real = program.command("engine", "--home", str(tmp_path / "home"), "--api-url", hub.url)
        links.append(EngineLink(command or real))
        return links[-1]

    yield open_one
    for link in links:
        ended: list[int] = []
        link.closed.connect(functools.partial(ended.append, 1))
        link.close()
        wait_until(ended.__len__, "the engine's end")
        link.deleteLater()


def heard(link: EngineLink, name: str) -> list[Any]:
    events: list[Any] = []
    getattr(link, name).connect(events.append)
    return events


def test_questions_get_their_own_answers(open_link: Open, tmp_path: Path) -> None:
    link = open_link()
    snapshots = heard(link, "snapshot")
    link.start()
    spaces: list[DiskSpace] = []
    lists: list[DatasetList] = []
    refused: list[Problem] = []
    link.ask(ListDatasets(0), DatasetList, lists.append)
    link.ask(Space(0, str(tmp_path)), DiskSpace, spaces.append)
    link.ask(Rows(0, 404), FileRows, lambda _: None, refused.append)
    link.tell(Configure(0, {"parallel": 99}), refused=refused.append)
    wait_until(lambda: lists and spaces and len(refused) == 2, "three answers")
    assert isinstance(snapshots[0], Snapshot)
    assert len(lists[0].datasets) > 20
    assert spaces[0].writable
    assert [problem.code for problem in refused] == [Code.BAD_COMMAND, Code.BAD_COMMAND]


def test_an_engine_that_cannot_be_started_is_lost_at_once(open_link: Open) -> None:
    link = open_link(["/nonexistent/aihub", "engine"])
    lost = heard(link, "lost")
    refused: list[Problem] = []
    link.start()
    link.tell(Configure(0, {}), refused=refused.append)
    wait_until(lambda: lost, "the loss")
    assert lost == [Problem(Code.WORKER_LOST, {"what": "engine"})]
    wait_until(lambda: refused, "the refusal")
    assert not link.running


def test_a_second_engine_says_who_holds_the_folder(open_link: Open) -> None:
    first, second = open_link(), open_link()
    snapshots, lost = heard(first, "snapshot"), heard(second, "lost")
    first.start()
    wait_until(lambda: snapshots, "the first engine")
    second.start()
    wait_until(lambda: lost, "the refusal")
    assert lost[0].code is Code.ENGINE_BUSY
    assert first.running


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
def test_a_killed_engine_is_lost_and_can_be_started_again(open_link: Open) -> None:
    link = open_link()
    snapshots, lost = heard(link, "snapshot"), heard(link, "lost")
    refused: list[Problem] = []
    link.start()
    wait_until(lambda: snapshots, "the engine")
    processes = family(link.pid)
    if sys.platform != "win32":
        os.kill(link.pid, signal.SIGSTOP)
        link.ask(ListDatasets(0), DatasetList, lambda _: None, refused.append)
        os.kill(link.pid, signal.SIGKILL)
    wait_until(lambda: lost, "the loss")
    assert [problem.code for problem in refused] == [Code.WORKER_LOST]
    wait_until(lambda: not any(map(alive, processes)), "the end of its workers")
    link.start()
    wait_until(lambda: len(snapshots) == 2, "the engine again")


# An engine that skips numbers, says what is no message, and answers `Resync`.
_ODD = """
import json, sys
def say(**facts):
    sys.stdout.write(json.dumps(facts) + "\\n"); sys.stdout.flush()
settings = {}
def snapshot(seq):
    say(event="snapshot", seq=seq, transfers=[], settings=settings, hub="x")
snapshot(1)
say(event="progress", seq=2, rate=1.0, transfers=[], files=[])
sys.stdout.write("this is no message\\n")
say(event="changed", seq=5)
say(event="changed", seq=6)
for line in sys.stdin:
    command = json.loads(line)
    if command["command"] == "resync":
        snapshot(9)
        say(event="answer", seq=10, id=command["id"])
        say(event="changed", seq=11)
    if command["command"] == "quit":
        break
"""


def test_a_gap_asks_for_a_snapshot_once(open_link: Open) -> None:
    link = open_link([sys.executable, "-c", _ODD])
    snapshots, changes = heard(link, "snapshot"), heard(link, "changed")
    link.start()
    wait_until(lambda: len(changes) == 3, "the last event")
    assert [snapshot.seq for snapshot in snapshots] == [1, 9]


_DEAF = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdout.write('{"event":"snapshot","seq":1,"transfers":[],"settings":{},"hub":"x"}\\n'); sys.stdout.flush()
while True: time.sleep(1)
"""


def test_an_engine_that_does_not_end_is_ended(open_link: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aihub_desktop.gui.engine_link._QUIT_MS", 200)
    monkeypatch.setattr("aihub_desktop.gui.engine_link._TERMINATE_MS", 200)
    link = open_link([sys.executable, "-c", _DEAF])
    snapshots = heard(link, "snapshot")
    link.start()
    wait_until(lambda: snapshots, "the engine")
    pid = link.pid
    ended: list[int] = []
    link.closed.connect(lambda: ended.append(1))
    link.close()
    wait_until(lambda: ended, "its end")
    assert not alive(pid)


def test_a_folder_that_is_no_text_is_refused(open_link: Open) -> None:
    link = open_link()
    refused: list[Problem] = []
    link.start()
    link.ask(Space(0, "/tmp/\udc80"), DiskSpace, lambda _: None, refused.append)
    assert [problem.code for problem in refused] == [Code.BAD_COMMAND]
    answers: list[DiskSpace] = []
    link.ask(Space(0, "/"), DiskSpace, answers.append)
    wait_until(lambda: answers, "the next question's answer")
