"""From the network to the taker: a bounded buffer, a limit of speed, and what a slow disk may and may not do."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tapes import News, Tape, order, pieces, receive, sha256, tar, work

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import Noise
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.disk.files import OpenFile, disk_problem
from aihub_desktop.disk.reserve import Reserve
from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Ended, Rate, Reached, Receive, Safe, Whole, WorkFile
from aihub_desktop.domain.model import RemoteFile, Secret
from aihub_desktop.engine.worker import Worker
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.buffer import Buffer
from aihub_desktop.transport.receive import Reception

SEED: Final = 20261124
DEADLINE: Final = 20.0


def put(buffer: Buffer, data: bytes) -> bool:
    """Fills all of `data` in; False once nothing more is wanted."""
    while data:
        room = buffer.room()
        if room is None:
            return False
        count = min(len(room), len(data))
        room[:count] = data[:count]
        buffer.fill(count)
        data = data[count:]
    return True


@settings(max_examples=150, deadline=None)
@given(data=st.data(), size=st.integers(0, 3_000), block=st.integers(1, 400), lag=st.integers(0, 3))
def test_what_goes_in_comes_out_and_stays_valid_for_a_while(
    data: st.DataObject, size: int, block: int, lag: int
) -> None:
    content = random.Random(SEED).randbytes(size)
    cuts = data.draw(st.lists(st.integers(1, 500), max_size=20))
    buffer = Buffer(block * 3, lag * block, block=block)

    def fill() -> None:
        left = content
        for cut in [*cuts, size]:
            put(buffer, left[:cut])
            left = left[cut:]
        buffer.end(None)

    thread = threading.Thread(target=fill)
    thread.start()
    taken: list[tuple[memoryview, bytes]] = []
    held = 0
    while view := buffer.take(DEADLINE):
        taken.append((view, bytes(view)))
        held += 1
        assert all(bytes(view) == kept for view, kept in taken[-held:])
        if held > lag:
            buffer.give_back(1)
            held -= 1
    thread.join(DEADLINE)
    assert b"".join(kept for _, kept in taken) == content


def test_the_bound_holds_and_is_not_taken_up_front() -> None:
    buffer = Buffer(5_000, block=1_000)
    done = threading.Event()

    def fill() -> None:
        put(buffer, bytes(9_000))
        done.set()

    thread = threading.Thread(target=fill)
    thread.start()
    assert not done.wait(0.1)
    assert sum(len(buffer.take(1)) for _ in range(3)) == 3_000
    buffer.give_back(2)
    assert not done.wait(0.1)  # two blocks are free again: seven of nine are filled
    for _ in range(6):
        buffer.give_back(1)
        assert len(buffer.take(1)) == 1_000
    assert done.wait(DEADLINE)
    thread.join(DEADLINE)


def test_a_problem_comes_after_all_that_came_before_it() -> None:
    buffer = Buffer(1 << 20)
    put(buffer, b"before")
    buffer.end(Problem(Code.CUT))
    assert bytes(buffer.take(1)) == b"before"
    for _ in range(2):
        with pytest.raises(ProblemError):
            buffer.take(1)


def test_what_is_forgotten_takes_no_memory_but_for_who_still_looks() -> None:
    tracemalloc.start()
    buffer = Buffer(4 << 20)
    put(buffer, b"x" * (4 << 20))
    view = buffer.take(1)
    buffer.forget()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert bytes(view) == b"x" * len(view)
    assert left < 2 * len(view)


def test_who_waits_for_room_is_told_that_nothing_is_wanted() -> None:
    buffer = Buffer(0, block=10)
    ends: list[bool] = []
    thread = threading.Thread(target=lambda: ends.append(put(buffer, bytes(100))))
    thread.start()
    assert len(buffer.take(DEADLINE)) > 0
    buffer.close()
    thread.join(DEADLINE)
    assert ends == [False]


def test_waiting_for_bytes_ends_in_time() -> None:
    with pytest.raises(TimeoutError):
        Buffer(1 << 20).take(0.01)


def test_only_waiting_for_the_disk_is_held_against_it() -> None:
    on_disk = 0.0
    buffer = Buffer(0, on_disk=lambda: on_disk, block=10)
    thread = threading.Thread(target=lambda: put(buffer, bytes(1_000)))
    thread.start()
    for _ in range(20):
        buffer.take(DEADLINE)
        threading.Event().wait(0.005)  # the taker computes
        buffer.give_back(1)
    assert buffer.held == 0.0
    for _ in range(20):
        buffer.take(DEADLINE)
        on_disk += 0.005
        threading.Event().wait(0.005)
        buffer.give_back(1)
    assert buffer.held > 0.02
    buffer.close()
    thread.join(DEADLINE)


def test_a_brake_without_limit_never_waits() -> None:
    brake = Brake(0)
    assert brake.allow(1 << 30) == 1 << 30
    brake.spend(1 << 30)
    assert brake.allow(1) == 1


@pytest.mark.parametrize("change", [lambda brake: brake.limit(0), lambda brake: brake.limit(1 << 30)])
def test_a_new_limit_holds_at_once_also_for_who_waits(change: Callable[[Brake], None]) -> None:
    brake = Brake(1)
    allowed: list[int] = []
    thread = threading.Thread(target=lambda: allowed.append(brake.allow(1 << 20)))
    thread.start()
    thread.join(0.05)
    change(brake)
    thread.join(0.9)  # a byte would come after a second
    assert not thread.is_alive()
    assert allowed[0] > 1


def test_nobody_waits_at_a_released_brake() -> None:
    brake = Brake(1)
    brake.release()
    assert brake.allow(5) == 0


def test_room_is_taken_ahead_and_the_length_stays(folder: Path) -> None:
    file = OpenFile(folder / "a", create=True)
    reserve = Reserve()
    reserve.expect(200 << 20)
    reserve.make_room(file, 0)
    state = (folder / "a").stat()
    file.close()
    if sys.platform != "win32":
        if not state.st_blocks:
            pytest.skip("this file system reserves nothing")
        assert state.st_blocks * 512 == 64 << 20
    assert state.st_size == 0


def test_a_file_smaller_than_its_reserve_gives_it_back(folder: Path) -> None:
    size = 9 << 20
    data = random.Random(SEED).randbytes(size)
    news = receive(order(folder, [work(1, "a.csv", size)]), tar(pieces("a.csv", data, 4 << 20)))
    assert news.whole == {1: (size, sha256(data))}
    if sys.platform != "win32":
        assert (folder / "a.csv.part").stat().st_blocks * 512 <= size + (1 << 20)


@pytest.mark.parametrize("name", ["ENODEV", "ENXIO", "ESTALE", "ENOENT"])
def test_a_drive_that_is_gone(name: str) -> None:
    import errno  # noqa: PLC0415 - by name

    problem = disk_problem(OSError(getattr(errno, name), "gone"))
    assert (problem.code, str(problem.facts["why"]).removeprefix("WSA")) == (Code.TARGET_MISSING, name)


def test_the_answer_is_told_before_its_first_byte(folder: Path) -> None:
    """And what the buffer holds when the connection breaks is written."""
    data = random.Random(SEED).randbytes(50_000)
    stream = tar(pieces("a.csv", data, 50_000))[:40_000]
    told: list[AnyNews] = []
    opened = threading.Event()

    def hear(news: AnyNews) -> None:
        told.append(news)
        if isinstance(news, Reached) and news.opened:
            opened.set()

    def wait() -> None:
        assert opened.wait(DEADLINE)

    tape = Tape(stream, ending="cut", at={0: wait})
    Reception(order(folder, [work(1, "a.csv", 50_000)]), lambda: tape, hear).run()
    first = News(told).of(Reached)[0]
    assert (first.opened, first.received) == (True, 0)
    assert News(told).code is Code.CUT
    assert News(told).new == 40_000 - 512


def test_the_answer_is_not_told_before_it_comes(folder: Path) -> None:
    told: list[AnyNews] = []

    def refuse() -> Tape:
        raise ProblemError(Code.NOT_APPROVED)

    Reception(order(folder, [work(1, "a.csv", 9)]), refuse, told.append).run()
    assert [news.opened for news in News(told).of(Reached)] == [False]


def test_one_buffer_is_enough_for_a_hub_that_is_faster_than_we_are(folder: Path) -> None:
    size = 20 << 20
    data = random.Random(SEED).randbytes(size)
    task = order(folder, [work(1, "a.csv", size)], buffer_bytes=1)
    assert receive(task, tar(pieces("a.csv", data, 3_333_333))).whole == {1: (size, sha256(data))}


# Over real sockets, from the demo hub.

SIZE: Final = 40_000_000
NOISE: Final = Noise(SIZE, SEED)


@pytest.fixture
def noisy() -> Iterator[DemoHub]:
    with DemoHub(Catalogue.of({"a.csv": NOISE}), piece_size=10_000_000) as hub:
        yield hub


def the_file(hub: DemoHub) -> RemoteFile:
    source = AIHub(hub.url, user_agent="test", connect_timeout=5)
    (file,) = source.files(source.datasets()[0]).files
    source.close()
    return file


def task_for(hub: DemoHub, folder: Path, **changes: Any) -> Receive:
    one = WorkFile(1, the_file(hub), "a.csv")
    return order(folder, [one], **({"hub": hub.url, "key": Secret(DEMO_KEY)} | changes))


class Ear:
    """Hears the news of a worker and when they came."""

    def __init__(self) -> None:
        self.told: list[AnyNews] = []
        self.reach: list[tuple[float, int]] = []
        self._change = threading.Condition()

    def hear(self, news: AnyNews) -> None:
        with self._change:
            if isinstance(news, Reached):
                self.reach.append((time.monotonic(), news.received))
            self.told.append(news)
            self._change.notify_all()

    def wait(self, kind: type[AnyNews]) -> None:
        with self._change:
            assert self._change.wait_for(lambda: any(isinstance(news, kind) for news in self.told), DEADLINE)

    def speed(self, seconds: float) -> float:
        """Bytes a second from the next news on, for so long."""
        with self._change:
            begun = len(self.reach)
            assert self._change.wait_for(
                lambda: len(self.reach) > begun and self.reach[-1][0] - self.reach[begun][0] >= seconds, DEADLINE
            )
            (began, before), (ended, after) = self.reach[begun], self.reach[-1]
            return (after - before) / (ended - began)


def test_a_limit_is_met_and_changes_while_it_holds(noisy: DemoHub, folder: Path) -> None:
    ear = Ear()
    worker = Worker(ear.hear)
    worker.take(task_for(noisy, folder, rate=3_000_000, stall_seconds=1.0, stall_rate=3_000_000))
    ear.wait(Reached)
    slow = ear.speed(1.5)
    worker.take(Rate(1, 9_000_000))
    worker.take(Rate(77, 1))  # of a lease that has ended
    fast = ear.speed(1.5)
    worker.take(Rate(1, 0))
    ear.wait(Ended)
    worker.close()
    print(f"{slow:,.0f} and {fast:,.0f} bytes a second")
    assert slow == pytest.approx(3_000_000, rel=0.1)
    assert fast == pytest.approx(9_000_000, rel=0.15)
    news = News(ear.told)
    assert (news.ended, len(news.of(Whole))) == (None, 1)
    assert news.of(Reached)[-1].held < 0.5


def test_a_lease_at_a_crawl_is_dropped_at_once(noisy: DemoHub, folder: Path) -> None:
    ear = Ear()
    reception = Reception(
        task := task_for(noisy, folder, rate=1_000),
        lambda: AIHub(noisy.url, user_agent="test", connect_timeout=5).open_stream(
            noisy_dataset(noisy), [task.files[0].file.key], Secret(DEMO_KEY)
        ),
        ear.hear,
    )
    thread = threading.Thread(target=reception.run)
    thread.start()
    ear.wait(Reached)
    began = time.monotonic()
    reception.drop()
    thread.join(DEADLINE)
    assert time.monotonic() - began < 3
    assert News(ear.told).ended is None


def noisy_dataset(hub: DemoHub) -> Any:
    source = AIHub(hub.url, user_agent="test", connect_timeout=5)
    (found,) = source.datasets()
    source.close()
    return found


def slow_worker(folder: Path, task: Receive, delay: float) -> list[AnyNews]:
    """A worker on a disk that takes `delay` seconds for one of the first writes."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed here")
    inject = f"inject=pwrite64:delay_enter={int(delay * 1e6)}:when=5"
    command = [program, "-f", "-qq", "-o", str(folder.parent / "log"), "-e", "trace=pwrite64", "-e", inject]
    process = subprocess.Popen(
        [*command, sys.executable, "-m", "aihub_desktop", "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(wire.line(task))
    process.stdin.flush()
    told: list[AnyNews] = []
    for line in process.stdout:
        told.append(wire.news(line))
        if isinstance(told[-1], Ended):
            break
    process.stdin.close()
    process.stdout.close()
    code = process.wait(DEADLINE)
    if code and not told:
        pytest.skip("this machine lets nobody be traced")
    return told


@pytest.mark.parametrize("has_room", [True, False], ids=["with room in the buffer", "without"])
def test_a_disk_that_hesitates_does_not_cost_the_connection(noisy: DemoHub, folder: Path, has_room: bool) -> None:
    """The hub cuts readers that stop. Without room in the buffer it does, which shows what the buffer is for."""
    noisy.faults.add(f.SlowReaderCut(seconds=1.0))
    buffer = 64 << 20 if has_room else 1 << 20
    news = News(slow_worker(folder, task_for(noisy, folder, buffer_bytes=buffer), delay=4.0))
    if has_room:
        assert (news.ended, len(news.whole)) == (None, 1)
        assert news.of(Reached)[-1].held < 0.5
    else:
        assert news.code is Code.CUT
        assert news.of(Reached)[-1].held > 1.0
        assert news.new > 1_000_000


def test_waiting_for_the_disk_is_no_stall_and_is_told(noisy: DemoHub, folder: Path) -> None:
    task = task_for(noisy, folder, buffer_bytes=1 << 20, stall_seconds=0.5, stall_rate=1_000)
    news = News(slow_worker(folder, task, delay=3.0))
    assert (news.ended, len(news.whole)) == (None, 1)
    assert news.of(Reached)[-1].held > 2.0
    held = [one.held for one in news.of(Reached)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(held))
    assert sum(one.new for one in news.of(Safe)) == SIZE
