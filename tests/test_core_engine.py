"""Limits, hours, pauses, refusals and other lines with a real engine, real workers and the demo hub."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engines import RunningEngine, final_files, offered

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.states import FileState, TransferState

MB = 1 << 20
LONGEST = 60.0
FOUR = Catalogue.of({f"자료/{number}.bin": noise(12 * MB, number) for number in range(4)})
MANY = Catalogue.of({f"자료/{number:03}.csv": noise(20_000, number) for number in range(200)})
# The hour that it is not: a test may not depend on when it runs, and twelve hours hence is far from now.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)


@pytest.fixture
def four() -> Iterator[DemoHub]:
    with DemoHub(FOUR, piece_size=4 * MB) as hub:
        yield hub


def watch(run: RunningEngine, fits: Callable[[m.AnyEvent], bool]) -> m.AnyEvent:
    """The next event that fits, and it is no fatal one."""
    deadline = time.monotonic() + LONGEST
    while (left := deadline - time.monotonic()) > 0 and (event := run.engine.get(left)) is not None:
        run.events.append(event)
        assert not (isinstance(event, m.Notice) and event.fatal), event
        if fits(event):
            return event
    raise AssertionError(f"that never came; last: {run.events[-3:]}")


def moving(event: m.AnyEvent, least: int = 1) -> bool:
    """Progress of which so many bytes have been received."""
    return isinstance(event, m.Progress) and sum(one.received for one in event.transfers) >= least


def speed(run: RunningEngine, seconds: float) -> float:
    """Bytes a second that the engine received during so many seconds of its own progress."""
    seen: list[tuple[float, int]] = []

    def over(event: m.AnyEvent) -> bool:
        if isinstance(event, m.Progress) and event.transfers:
            seen.append((time.monotonic(), sum(one.received for one in event.transfers)))
        return len(seen) > 1 and seen[-1][0] - seen[0][0] >= seconds

    watch(run, over)
    return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])


def configure(run: RunningEngine, **changes: int | float | str) -> None:
    run.ask(m.Configure(run.engine.number(), dict(changes), for_run=True), type(None))


def not_now() -> str:
    return f"{DAYS[(time.localtime().tm_wday + 3) % 7]} 0-24"


def test_a_limit_is_met_and_changes_at_once(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    with RunningEngine(tmp_path / "home", four.url, limit=2 * MB) as run:
        number = run.add(folder)
        watch(run, lambda event: moving(event, MB))
        assert speed(run, 3) == pytest.approx(2 * MB, rel=0.1)
        watch(run, lambda event: isinstance(event, m.Progress) and event.brake is m.Brake.LIMIT)
        configure(run, limit=6 * MB)
        speed(run, 0.5)
        assert speed(run, 2) == pytest.approx(6 * MB, rel=0.1)
        configure(run, limit=0)
        assert run.wait_for(number, TransferState.DONE).done == 4
    assert final_files(folder) == offered(FOUR)


def test_a_lower_limit_stops_streams_and_all_arrives_all_the_same(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    with RunningEngine(tmp_path / "home", four.url, limit=4 * MB, bundle_files=1) as run:
        number = run.add(folder)
        watch(run, lambda event: isinstance(event, m.Progress) and event.streams == 4 and moving(event, MB))
        configure(run, limit=1_300_000)
        watch(run, lambda event: isinstance(event, m.Progress) and event.streams == 2)
        configure(run, limit=0)
        row = run.wait_for(number, TransferState.DONE)
        assert all(file.attempts == 0 for file in run.files(number)), "no stream failed that was stopped by us"
    assert row.again > 0, "what a stopped stream had brought had to pass once more"
    assert final_files(folder) == offered(FOUR)


def test_outside_the_hours_nothing_is_asked_for_and_within_them_all_comes(
    four: DemoHub, folder: Path, tmp_path: Path
) -> None:
    with RunningEngine(tmp_path / "home", four.url, hours=not_now()) as run:
        number = run.add(folder)
        event = watch(run, lambda event: isinstance(event, m.Progress) and event.brake is m.Brake.HOURS)
        assert isinstance(event, m.Progress)
        assert event.starts_at is not None
        assert event.starts_at - time.time() > 86400
        run.ask(m.Resync(run.engine.number()), type(None))
        watch(run, lambda event: isinstance(event, m.Progress) and event.brake is m.Brake.HOURS)
        assert not [seen for seen in four.requests if seen.path.startswith(("/down", "/shellStream"))]
        configure(run, hours="")
        assert run.wait_for(number, TransferState.DONE).done == 4
    assert final_files(folder) == offered(FOUR)


def test_hours_that_end_stop_the_streams(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    four.faults.add(f.Slow(rate=20_000))  # ten minutes for each of them
    with RunningEngine(tmp_path / "home", four.url, stall_seconds=60, bundle_files=1) as run:
        number = run.add(folder)
        watch(run, lambda event: moving(event, 200_000))
        configure(run, hours=not_now())
        watch(run, lambda event: isinstance(event, m.Progress) and event.brake is m.Brake.HOURS and not event.streams)
        assert {file.state for file in run.files(number)} == {FileState.WAITING}
        four.faults.clear()
        configure(run, hours="")
        assert run.wait_for(number, TransferState.DONE).again > 0
    assert final_files(folder) == offered(FOUR)


def test_a_pause_that_finishes_ends_with_verified_files(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    four.faults.add(f.Slow(rate=6 * MB))
    with RunningEngine(tmp_path / "home", four.url, parallel=2, bundle_files=1) as run:
        number = run.add(folder)
        watch(run, lambda event: isinstance(event, m.Progress) and event.streams == 2 and moving(event, 2 * MB))
        event = watch(run, lambda event: isinstance(event, m.Progress) and event.transfers[0].unfinished > 0)
        assert isinstance(event, m.Progress)
        assert event.transfers[0].unfinished == sum(file.bytes for file in event.files)
        run.ask(m.Pause(run.engine.number(), finish=True), type(None))
        row = run.wait_for(number, TransferState.PAUSED)
        assert row.finishing
        event = watch(
            run,
            lambda event: (
                isinstance(event, m.Changed) and any(one.id == number and not one.finishing for one in event.transfers)
            ),
        )
        assert isinstance(event, m.Changed)
        (row,) = event.transfers
        assert (row.state, row.done, row.running, row.again) == (TransferState.PAUSED, 2, 0, 0)
        assert len(final_files(folder)) == 2
        run.ask(m.Resume(run.engine.number()), type(None))
        assert run.wait_for(number, TransferState.DONE).again == 0
    assert final_files(folder) == offered(FOUR)


def test_a_pause_that_stops_tells_what_comes_again(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    four.faults.add(f.Slow(rate=6 * MB))
    with RunningEngine(tmp_path / "home", four.url, parallel=2, bundle_files=1) as run:
        number = run.add(folder)
        watch(run, lambda event: moving(event, 4 * MB))
        run.ask(m.Pause(run.engine.number(), finish=True), type(None))
        run.ask(m.Pause(run.engine.number()), type(None))
        watch(run, lambda event: isinstance(event, m.Progress) and not event.streams)
        on_disk = {file.id: file.bytes for file in run.files(number)}
        assert sum(on_disk.values()) >= 2 * MB
        run.ask(m.Resume(run.engine.number()), type(None))
        event = watch(run, lambda event: isinstance(event, m.Progress) and len(event.files) == 2)
        assert isinstance(event, m.Progress)
        assert all(file.repeat == on_disk[file.file] for file in event.files)
        assert run.wait_for(number, TransferState.DONE).again == sum(on_disk.values())
    assert final_files(folder) == offered(FOUR)


def test_a_restart_ends_a_finishing_pause_as_a_pause(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    four.faults.add(f.Slow(rate=MB))
    with RunningEngine(tmp_path / "home", four.url) as run:
        number = run.add(folder)
        watch(run, lambda event: moving(event, MB))
        run.ask(m.Pause(run.engine.number(), finish=True), type(None))
    with RunningEngine(tmp_path / "home", four.url) as run:
        event = watch(run, lambda event: isinstance(event, m.Snapshot))
        assert isinstance(event, m.Snapshot)
        assert [(row.state, row.finishing) for row in event.transfers] == [(TransferState.PAUSED, False)]
        four.faults.clear()
        run.ask(m.Resume(run.engine.number()), type(None))
        assert run.wait_for(number, TransferState.DONE).done == 4


def test_a_hub_that_refuses_starts_at_the_same_moment_gives_everything(folder: Path, tmp_path: Path) -> None:
    with DemoHub(FOUR, piece_size=4 * MB) as hub:
        hub.faults.add(f.AtOnce(seconds=0.3))
        with RunningEngine(tmp_path / "home", hub.url, patience=None, parallel=4, spread=0, bundle_files=1) as run:
            row = run.fetch(folder)
            asked = [seen for seen in hub.requests if seen.path.startswith("/down")]
    assert (row.state, row.failed) == (TransferState.DONE, 0)
    assert len(asked) <= 12, "it learns how far apart"
    assert final_files(folder) == offered(FOUR)


def test_many_small_files_take_few_requests(folder: Path, tmp_path: Path) -> None:
    with DemoHub(MANY) as hub:
        hub.faults.add(f.Refuse(refusal=Refusal.BUSY, times=1))
        with RunningEngine(tmp_path / "home", hub.url, patience=None) as run:
            row = run.fetch(folder)
            asked = [seen for seen in hub.requests if seen.path.startswith("/down")]
    assert (row.state, row.done) == (TransferState.DONE, 200)
    assert len(asked) <= 12


def test_on_another_line_streams_begin_anew_without_a_failed_attempt(tmp_path: Path) -> None:
    """In a network of its own, where the way to the hub can be changed under the engine's feet."""
    if sys.platform == "win32" or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs unshare and ip, to change the way to the hub")
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this system gives no user a network of its own")
    script = str(Path(__file__).with_name("other_line.py"))
    done = subprocess.run(
        [*alone, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, script, str(tmp_path)],
        check=False, capture_output=True, text=True, timeout=2 * LONGEST,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["done", "4", "attempts", "0"], done.stdout


def test_a_pause_does_not_wait_for_an_answer_that_may_never_come(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    four.faults.add(f.Latency(seconds=40, times=4))
    with RunningEngine(tmp_path / "home", four.url, bundle_files=1, connect_timeout=60) as run:
        number = run.add(folder)
        four.requests.wait(lambda seen: sum(one.path.startswith("/down") for one in seen) == 4)
        began = time.monotonic()
        run.ask(m.Pause(run.engine.number()), type(None))
        watch(run, lambda event: isinstance(event, m.Progress) and not event.streams)
        assert time.monotonic() - began < 10
        run.ask(m.Resume(run.engine.number()), type(None))
        assert run.wait_for(number, TransferState.DONE).done == 4
    assert final_files(folder) == offered(FOUR)


def test_the_name_that_the_user_set_is_the_one_the_hub_hears(four: DemoHub, folder: Path, tmp_path: Path) -> None:
    with RunningEngine(tmp_path / "home", four.url) as run:
        run.ask(m.ListDatasets(run.engine.number()), m.DatasetList)
        before = len(four.requests)
        configure(run, user_agent="curl/8.5.0")
        run.fetch(folder)
        names = [seen.agent for seen in four.requests]
    assert all(name.startswith("aihub-desktop/") for name in names[:before])
    assert len(names) >= before + 3
    assert set(names[before:]) == {"curl/8.5.0"}
