"""Two writers of one file: the second is told so, and nothing of the first's work is touched."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tapes import News, Tape, once, order, pieces, receive, tar, work

from aihub_desktop.disk.guard import Guard
from aihub_desktop.domain.faults import Code, ProblemError

_HOLDER = "import sys\nfrom pathlib import Path\nfrom aihub_desktop.disk.guard import Guard\n"
_HOLDER += "held = Guard(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()\n"


def holder(part: Path) -> subprocess.Popen[bytes]:
    """Another process that holds the file until its stdin ends or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"held"
    return process


def test_one_at_a_time_and_death_gives_it_up(folder: Path) -> None:
    part = folder / "a.part"
    part.write_bytes(b"x")
    with holder(part) as other:
        with pytest.raises(ProblemError) as refusal:
            Guard(part)
        assert refusal.value.problem.code is Code.IN_USE
        other.kill()
        other.wait()
        mine = Guard(part)
    mine.release()
    mine.release()
    Guard(part).release()


def test_many_who_begin_at_the_same_moment(folder: Path) -> None:
    """One of them writes the file, over the remains of another release; nobody else's bytes are in it."""
    stream = tar(pieces("a.bin", bytes(3000), 1 << 10))
    for round_ in range(60):
        place = folder / str(round_)
        place.mkdir()
        (place / "a.bin.part").write_bytes(b"remains")
        barrier, told = threading.Barrier(4), list[News]()

        def run(place: Path = place, barrier: threading.Barrier = barrier, told: list[News] = told) -> None:
            barrier.wait()
            told.append(receive(order(place, [work(1, "a.bin", 3000)]), stream))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [news.new for news in told if news.safe] == [3000]
        assert all(news.whole or news.failed == {1: Code.IN_USE} for news in told)
        assert (place / "a.bin.part").read_bytes() == bytes(3000)


def test_a_file_in_other_hands_is_left_alone(folder: Path) -> None:
    part = folder / "a.bin.part"
    part.write_bytes(b"the work of another")
    stream = tar(pieces("a.bin", bytes(100_000), 1 << 16))
    with holder(part) as other:
        news = receive(order(folder, [work(1, "a.bin", 100_000)]), stream)
        assert news.failed[1] is Code.IN_USE
        assert part.read_bytes() == b"the work of another"
        other.communicate()
    assert receive(order(folder, [work(1, "a.bin", 100_000)]), stream).whole


def test_what_another_has_received_meanwhile_is_not_thrown_away(folder: Path) -> None:
    """Ours looked before there was anything, and comes to the file when the other one is through with it."""
    works = [work(1, "a.bin", 1000), work(2, "b.bin", 1000)]
    first = tar(pieces("a.bin", bytes(1000), 1 << 16), end=False)
    stream = first + tar(pieces("b.bin", bytes(1000), 1 << 16))
    others: list[News] = []
    other = once(folder / "a.bin.part.journal", lambda: others.append(receive(order(folder, works), stream)))
    tape = Tape(stream, cut=512, at={len(first): other})
    ours = receive(order(folder, works), tape)
    assert (set(others[0].whole), others[0].failed) == ({2}, {1: Code.IN_USE})
    assert (set(ours.whole), ours.failed) == ({1}, {2: Code.IN_USE})
    assert set(receive(order(folder, works), b"").whole) == {1, 2}
