"""The worker as a process: how it ends, whoever is still there to hear of it."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tapes import fetched, once

from aihub_desktop.domain import wire
from aihub_desktop.domain.adoption import AdoptWish
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Adopt, AnyNews, Check, Ended, Proved, Verify
from aihub_desktop.domain.model import Dataset
from aihub_desktop.engine.worker import Worker

# Development mode tells of everything that nobody closed, on stderr: which the engine keeps as the worker's log.
WORKER: Final = [sys.executable, "-X", "dev", "-m", "aihub_desktop", "worker"]


def begin(folder: Path, stdout: int) -> subprocess.Popen[bytes]:
    """A worker with one whole file to prove; it goes on until its stdin is closed."""
    order = wire.line(Check(1, str(folder), fetched(folder, {"a.csv": b"1,2\n"})))
    worker = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE)
    assert worker.stdin is not None
    worker.stdin.write(order)
    worker.stdin.flush()
    return worker


def test_a_worker_says_what_it_did_and_ends_in_silence(tmp_path: Path) -> None:
    news: list[AnyNews] = []
    with begin(tmp_path, subprocess.PIPE) as worker:
        assert worker.stdout is not None
        while not any(isinstance(one, Ended) for one in news):
            news.append(wire.news(worker.stdout.readline()))
        rest, complaint = worker.communicate(timeout=60)
    assert [type(one) for one in news if isinstance(one, Proved | Ended)] == [Proved, Ended]
    assert (worker.returncode, rest, complaint) == (0, b"", b"")
    assert (tmp_path / "a.csv").read_bytes() == b"1,2\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe without a reader is made as POSIX makes it")
def test_a_worker_whose_engine_is_gone_ends_in_silence(tmp_path: Path) -> None:
    """What was said to nobody must not be tried once more, and complained of, at the very end."""
    ear, mouth = os.pipe()
    os.close(ear)
    with begin(tmp_path, mouth) as worker:
        os.close(mouth)
        once(tmp_path / "a.csv", lambda: None)()
        _, complaint = worker.communicate(timeout=60)
    assert (worker.returncode, complaint) == (0, b"")
    assert (tmp_path / "a.csv").read_bytes() == b"1,2\n"


@pytest.mark.parametrize("is_adoption", [False, True])
def test_a_lease_always_ends(is_adoption: bool) -> None:
    """A path that no system takes stands for any fault of ours: whoever waits must hear of it."""
    news: queue.SimpleQueue[AnyNews] = queue.SimpleQueue()
    folder = "/no\0path"
    work = Adopt(-1, AdoptWish(folder, "7"), Dataset("aihub", "7", ""), []) if is_adoption else Verify(-1, folder)
    Worker(news.put).take(work)
    assert news.get(timeout=60) == Ended(-1, Problem(Code.BUG, {"why": "ValueError"}))
