"""`aihub engine` as the window has it: a process that takes commands as JSON lines and tells events the same way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import Aihub
from engines import children, final_files, manifest, offered, sha256
from piped import Engine

from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.faults import Refuse, Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.model import Dataset, Secret
from aihub_desktop.domain.states import FileState, TransferState

FILES = {f"자료/{name}.bin": noise(4 << 20, seed) for seed, name in enumerate("가나다")}
OTHER_KEY = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.fixture
def three() -> Iterator[DemoHub]:
    with DemoHub(Catalogue.of(FILES), piece_size=1 << 20) as started:
        yield started


@pytest.fixture
def aihub(tmp_path: Path, three: DemoHub) -> Aihub:
    return Aihub(tmp_path / "home", three.url, stall_seconds=60, mark_bytes=1 << 18, bundle_files=1)


@pytest.fixture
def begin(aihub: Aihub) -> Iterator[Callable[..., Engine]]:
    """Starts an engine; at the end none is left."""
    begun: list[Engine] = []

    def start(**variables: str) -> Engine:
        process = subprocess.Popen(
            aihub.command("engine", "--home", aihub.home, "--api-url", aihub.hub), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=aihub.environment(**variables),
        )  # fmt: skip
        begun.append(Engine(process))
        return begun[-1]

    yield start
    for engine in begun:
        if engine.process.poll() is None:
            engine.process.kill()
        engine.wait()
        for pipe in (engine.process.stdin, engine.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def listed(engine: Engine) -> m.FileList:
    return engine.ask(m.ListFiles(engine.number(), "90001", refresh=True), m.FileList)


def add(engine: Engine, folder: Path, keys: set[str] | None = None) -> int:
    found = listed(engine)
    files = [file for file in found.files if keys is None or file.key in keys]
    return engine.ask(m.Add(engine.number(), found.dataset, files, str(folder)), m.Added).transfer


def test_paused_and_resumed(begin: Callable[..., Engine], three: DemoHub, folder: Path) -> None:
    stall = three.faults.add(Stall(after=2 << 20))
    engine = begin()
    engine.first()
    transfer = add(engine, folder)
    assert stall.reached.wait(30)
    three.requests.wait(lambda seen: sum(one.sent > 1 << 20 for one in seen) == len(FILES))
    assert engine.answer(m.Pause(engine.number())).refused is None
    # A pause is promised at once; what came is made durable while the workers let go.
    three.requests.wait(lambda seen: all(one.ended for one in seen if one.host == "stream"))
    assert not final_files(folder)
    three.faults.clear()
    three.requests.clear()
    assert engine.answer(m.Resume(engine.number(), [transfer])).refused is None
    row = engine.reaches(TransferState.DONE, TransferState.FAILED)
    assert (row.state, row.done, row.again > 0) == (TransferState.DONE, 3, True)
    assert final_files(folder) == FILES
    assert manifest(folder) == {name: sha256(data) for name, data in FILES.items()}
    assert engine.answer(m.Remove(engine.number(), [transfer])).refused is None
    assert engine.end() == 0


def test_a_pause_outlives_the_engine(begin: Callable[..., Engine], three: DemoHub, folder: Path) -> None:
    stall = three.faults.add(Stall(after=2 << 20))
    engine = begin()
    engine.first()
    add(engine, folder)
    assert stall.reached.wait(30)
    assert engine.answer(m.Pause(engine.number())).refused is None
    engine.process.kill()
    engine.wait()
    three.faults.clear()
    again = begin()
    assert [row.state for row in again.first().transfers] == [TransferState.PAUSED]
    assert again.answer(m.Resume(again.number())).refused is None
    again.reaches(TransferState.DONE)
    assert final_files(folder) == FILES
    assert again.end() == 0


def test_cancelled_and_asked_for_again(begin: Callable[..., Engine], three: DemoHub, folder: Path) -> None:
    stall = three.faults.add(Stall(after=2 << 20))
    engine = begin()
    engine.first()
    transfer = add(engine, folder)
    assert stall.reached.wait(30)
    one = engine.rows(transfer)[0]
    assert engine.answer(m.Cancel(engine.number(), [], [one.id])).refused is None
    assert engine.rows(transfer)[0].state is FileState.SKIPPED
    assert engine.answer(m.Cancel(engine.number(), [transfer])).refused is None
    assert {row.state for row in engine.rows(transfer)} == {FileState.SKIPPED}
    three.requests.wait(lambda seen: all(one.ended for one in seen if one.host == "stream"))
    three.faults.clear()
    assert engine.answer(m.Retry(engine.number(), [transfer])).refused is None
    engine.reaches(TransferState.DONE)
    assert final_files(folder) == FILES
    assert engine.end() == 0


def test_failed_and_tried_again(begin: Callable[..., Engine], folder: Path) -> None:
    """A file in the way fails one file; with it gone, `Retry` finishes."""
    mine = folder / "자료" / "나.bin"
    mine.parent.mkdir()
    mine.write_text("mine")
    engine = begin()
    engine.first()
    transfer = add(engine, folder)
    row = engine.reaches(TransferState.FAILED, TransferState.DONE)
    assert (row.state, row.done, row.failed) == (TransferState.FAILED, 2, 1)
    failed = next(one for one in engine.rows(transfer) if one.state is FileState.FAILED)
    assert failed.problem is not None
    assert failed.problem.code is Code.IN_THE_WAY
    assert mine.read_text() == "mine"
    mine.unlink()
    assert engine.answer(m.Retry(engine.number(), [], [failed.id])).refused is None
    engine.reaches(TransferState.DONE)
    assert final_files(folder) == FILES
    assert engine.end() == 0


def test_a_key_that_comes_later(begin: Callable[..., Engine], aihub: Aihub, folder: Path) -> None:
    """Without a key the transfer waits for the user; with one it goes on by itself. The key is said nowhere."""
    engine = begin(AIHUB_APIKEY="")
    engine.first()
    add(engine, folder)
    row = engine.reaches(TransferState.NEEDS_USER)
    assert row.problem is not None
    assert row.problem.code is Code.NO_KEY
    key = aihub.environment()["AIHUB_APIKEY"]
    state = engine.ask(m.SetKey(engine.number(), Secret(key), for_run=True), m.KeyState)
    assert (state.origin, state.masked) == ("run", f"{key[:4]}…{key[-2:]}")
    engine.reaches(TransferState.DONE)
    assert final_files(folder) == FILES
    assert engine.end() == 0
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert key.encode() not in left + aihub.written() + b"".join(engine.raw)


def test_refused_by_the_hub_then_approved(begin: Callable[..., Engine], three: DemoHub, folder: Path) -> None:
    three.faults.add(Refuse(refusal=Refusal.NOT_APPROVED))
    engine = begin()
    engine.first()
    transfer = add(engine, folder)
    row = engine.reaches(TransferState.NEEDS_USER)
    assert row.problem is not None
    assert row.problem.code is Code.NOT_APPROVED
    three.faults.clear()
    assert engine.answer(m.Resume(engine.number(), [transfer])).refused is None
    engine.reaches(TransferState.DONE)
    assert final_files(folder) == FILES
    assert engine.end() == 0


HUGE = 1 << 63
ADD = b'{"command":"add","id":7,"dataset":{"source":"aihub","key":"1","title":""},"files":[%s],"folder":"%s"}\n'
FILE = b'{"source":"aihub","dataset":"1","key":"1","path":"a","size":{"low":%d,"high":%d,"shown":""}}'


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n", b"\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"{}\n", b'{"command":"no such","id":1}\n',
        b'{"command":"pause"}\n', b'{"command":"pause","id":1,"surplus":1}\n', b'{"command":"pause","id":"1"}\n',
        b'{"command":"rows","id":1,"transfer":1,"limit":%d}\n' % HUGE,
        b'{"command":"rows","id":1,"transfer":1,"offset":-1}\n',
        b'{"command":"rows","id":1,"transfer":1,"limit":1e30}\n',
        ADD % (FILE % (HUGE, HUGE), b"/tmp"), ADD % (FILE % (-5, 5), b"/tmp"), ADD % (b"", b"\\ud800"),
        b'{"command":"configure","id":1,"changes":{"parallel":1e400}}\n',
        b'{"command":"setkey","id":1,"key":"%s","surplus":1}\n' % OTHER_KEY.encode(),
    ],
    ids=lambda line: line[:40].decode("ascii", "replace").strip() or "empty",
)  # fmt: skip
def test_a_line_that_is_no_command(begin: Callable[..., Engine], line: bytes) -> None:
    """Is told, kills nothing, and is not repeated, for a key may be in it."""
    engine = begin()
    engine.first()
    engine.say(line)
    notice = engine.until(lambda event: True)
    assert isinstance(notice, m.Notice)
    assert (notice.problem.code, notice.problem.facts, notice.fatal) == (
        Code.BAD_COMMAND, {"what": "not-a-command"}, False,
    )  # fmt: skip
    assert engine.answer(m.Pause(engine.number())).refused is None
    assert engine.end() == 0
    assert OTHER_KEY.encode() not in b"".join(engine.raw)


def test_commands_that_cannot_be_obeyed(begin: Callable[..., Engine], tmp_path: Path) -> None:
    engine = begin()
    engine.first()
    data = Dataset("aihub", "90001", "")
    refused: list[tuple[m.AnyCommand, str]] = [
        (m.Pause(engine.number(), [99]), "no-transfer"),
        (m.Retry(engine.number(), [], [99]), "no-file"),
        (m.Rows(engine.number(), 99), "no-transfer"),
        (m.Configure(engine.number(), {"parallel": 99}), "setting"),
        (m.Configure(engine.number(), {"no such": 1}, for_run=True), "setting"),
        (m.Add(engine.number(), data, [], "relative"), "folder"),
        (m.Add(engine.number(), data, [], ""), "folder"),
        (m.Add(engine.number(), data, [], f"{tmp_path}/\0"), "folder"),
    ]
    for command, what in refused:
        problem = engine.answer(command).refused
        assert problem is not None, command
        assert (problem.code, problem.facts["what"]) == (Code.BAD_COMMAND, what)
    engine.say(wire.line(m.Resync(engine.number())))
    snapshot = engine.until(lambda event: isinstance(event, m.Snapshot))
    assert isinstance(snapshot, m.Snapshot)
    assert snapshot.transfers == []
    assert engine.end() == 0


def test_settings_for_one_run(begin: Callable[..., Engine]) -> None:
    """What holds for the run is not kept, even where another setting is kept after it."""
    engine = begin()
    before = engine.first().settings
    assert engine.answer(m.Configure(engine.number(), {"parallel": 9}, for_run=True)).refused is None
    assert engine.answer(m.Configure(engine.number(), {"bundle_files": 7})).refused is None
    engine.say(wire.line(m.Resync(engine.number())))
    now = engine.until(lambda event: isinstance(event, m.Snapshot))
    assert isinstance(now, m.Snapshot)
    assert (now.settings.parallel, now.settings.bundle_files) == (9, 7)
    assert engine.end() == 0
    later = begin()
    kept = later.first().settings
    assert (kept.parallel, kept.bundle_files) == (before.parallel, 7)
    assert later.end() == 0


def test_a_second_engine_is_refused(begin: Callable[..., Engine]) -> None:
    engine = begin()
    engine.first()
    second = begin()
    notice = second.until(lambda event: True)
    assert isinstance(notice, m.Notice)
    assert (notice.problem.code, notice.problem.facts["pid"]) == (Code.ENGINE_BUSY, str(engine.process.pid))
    assert second.wait() == 1
    assert engine.end() == 0


def test_quit_in_the_middle_keeps_what_came(
    begin: Callable[..., Engine], three: DemoHub, aihub: Aihub, folder: Path
) -> None:
    three.faults.add(Stall(after=2 << 20))
    engine = begin()
    engine.first()
    add(engine, folder)
    moving = set[int]()
    while len(moving) < len(FILES):
        event = engine.until(lambda event: isinstance(event, m.Progress))
        assert isinstance(event, m.Progress)
        moving |= {row.file for row in event.files if row.bytes}
    # Stdin stays open: the command alone ends the engine.
    assert engine.answer(m.Quit(engine.number())).refused is None
    assert engine.wait() == 0
    assert len(list(folder.rglob("*.part.journal"))) == len(FILES)
    three.faults.clear()
    run = aihub("get", "90001", "--to", folder)
    assert run.code == 0, run.err
    assert final_files(folder) == FILES


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_no_process_is_left_when_the_window_dies(begin: Callable[..., Engine], three: DemoHub, folder: Path) -> None:
    stall = three.faults.add(Stall(after=1 << 20))
    engine = begin()
    engine.first()
    add(engine, folder)
    assert stall.reached.wait(30)
    workers = children(engine.process.pid)
    assert workers
    assert engine.end() == 0
    assert not [one for one in workers if Path(f"/proc/{one}").exists()]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_workers_killed_in_the_middle(begin: Callable[..., Engine], three: DemoHub, folder: Path) -> None:
    """Their files are tried again by other workers, from what was durable, and every byte is right."""
    stall = three.faults.add(Stall(after=2 << 20))
    engine = begin()
    engine.first()
    transfer = add(engine, folder)
    assert stall.reached.wait(30)
    three.requests.wait(lambda seen: sum(one.sent > 1 << 20 for one in seen) == len(FILES))
    three.faults.clear()
    for worker in children(engine.process.pid):
        if sys.platform != "win32":
            os.kill(worker, signal.SIGKILL)
    told = engine.until(
        lambda event: (
            isinstance(event, m.Changed)
            and any(row.problem is not None and row.problem.code is Code.WORKER_LOST for row in event.files)
        )
    )
    assert isinstance(told, m.Changed)
    assert {row.state for row in told.files if row.problem is not None} == {FileState.WAITING}
    row = engine.reaches(TransferState.DONE, TransferState.FAILED)
    assert (row.state, row.done) == (TransferState.DONE, 3)
    assert all(one.problem is None for one in engine.rows(transfer))
    assert final_files(folder) == FILES == offered(Catalogue.of(FILES))
    assert engine.end() == 0
