"""What workers of a cluster leave in a folder, and how it comes home; who may work there; what may be out at once."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import Final

import pytest
import xxhash

from aihub_desktop.cluster.crew import Pulses
from aihub_desktop.cluster.flow import Flow, cap
from aihub_desktop.cluster.groups import groups
from aihub_desktop.disk.held import Held, is_held
from aihub_desktop.disk.lease import NAME, STILL_SECONDS, Lease
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, Proved, WorkFile
from aihub_desktop.domain.model import HUB, WEB, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.holdings.baton import SILENT_SECONDS, Baton, Ear
from aihub_desktop.holdings.staging import Staging, name_of, staging_folder
from aihub_desktop.transport.journal import Identity, Journal, Span, WholeLine, read_journal
from aihub_desktop.transport.ledger import Entry, Ledger

MB: Final = 1 << 20


def remote(key: str, path: str, size: int = 5, *, web: bool = False) -> RemoteFile:
    origin = Origin((key,)) if web else None
    return RemoteFile(WEB if web else HUB, "" if web else "90001", key, path, SizeRange.exactly(size), origin=origin)


def staged(folder: Path, name: str, file: RemoteFile, data: bytes, *, known: bool = True) -> Entry:
    """As a worker leaves a whole file."""
    below = staging_folder(folder) / name
    path = below / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    proved = Proved(1, 1, len(data), sha256, Proof.LENGTH, modified=path.stat().st_mtime_ns)
    entry = Entry.of(WorkFile(1, file, file.path), proved)
    if known:
        Ledger(below).record([entry])
    return entry


# What comes home.


def test_whole_files_get_their_names_and_one_ledger(folder: Path) -> None:
    one, two = remote("1", "a/x.csv"), remote("2", "a/y.csv")
    staged(folder, "n", one, b"first")
    staged(folder, "n", two, b"other")
    home = Staging(folder).bring_all()
    assert {entry.place for entry in home.entries} == {"a/x.csv", "a/y.csv"} == Ledger(folder).entries().keys()
    assert (folder / "a" / "x.csv").read_bytes() == b"first"
    assert not staging_folder(folder).exists()
    assert not Staging(folder).bring_all().entries


@pytest.mark.parametrize("half", ["both names", "renamed", "recorded"])
def test_whoever_places_them_may_die_at_any_point(folder: Path, half: str) -> None:
    entry = staged(folder, "n", remote("1", "x.csv"), b"first")
    source, final = staging_folder(folder) / "n" / "x.csv", folder / "x.csv"
    if half == "both names":
        os.link(source, final)
    else:
        source.rename(final)
    if half == "recorded":
        Ledger(folder).record([entry])
    assert Staging(folder).bring_all().entries == [entry]
    assert Ledger(folder).entries() == {"x.csv": entry}
    assert final.read_bytes() == b"first"
    assert not staging_folder(folder).exists()


def test_what_is_not_as_it_was_proved_does_not_come(folder: Path) -> None:
    staged(folder, "n", remote("1", "x.csv"), b"first")
    (staging_folder(folder) / "n" / "x.csv").write_bytes(b"spoilt since")
    assert not Staging(folder).bring_all().entries
    assert not (folder / "x.csv").exists()
    assert not Ledger(folder).entries()


def test_nothing_of_anybody_else_is_replaced(folder: Path) -> None:
    file = remote("1", "x.csv")
    staged(folder, "n", file, b"first")
    (folder / "x.csv").write_bytes(b"of a person")
    blocked = Staging(folder).blocked([file, remote("2", "X.csv"), remote("3", "../y"), remote("4", "z.csv")])
    assert [problem.code for problem in blocked.values()] == [Code.IN_THE_WAY, Code.NAME_CLASH, Code.UNSAFE_NAME]
    home = Staging(folder).bring_all()
    assert home.problems["x.csv"].code is Code.IN_THE_WAY
    assert (folder / "x.csv").read_bytes() == b"of a person"


def test_an_older_release_of_ours_is_replaced(folder: Path) -> None:
    staged(folder, "n", remote("1", "x.csv"), b"older")
    Staging(folder).bring_all()
    newer = staged(folder, "m", remote("7", "x.csv"), b"newer")
    Staging(folder).bring_all()
    assert (folder / "x.csv").read_bytes() == b"newer"
    assert Ledger(folder).entries() == {"x.csv": newer}


def part(below: Path, file: RemoteFile, data: bytes, *, whole: bool = False) -> None:
    below.mkdir(parents=True, exist_ok=True)
    (below / f"{file.path}.part").write_bytes(data)
    journal = Journal(below / f"{file.path}.part.journal", Identity.of(WorkFile(1, file, file.path)), 0)
    journal.append([Span(0, len(data), xxhash.xxh3_128(data).hexdigest())])
    if whole:
        journal.append([WholeLine(len(data), hashlib.sha256(data).hexdigest(), file.path)])
    journal.close()


def test_what_was_begun_goes_there_and_back(folder: Path) -> None:
    file, staging = remote("1", "x.csv", 50), Staging(folder)
    part(folder, file, b"0123456789")
    staging.lend("n", [file])
    below = staging_folder(folder) / "n"
    assert not list(folder.glob("*.part*"))
    assert (below / "x.csv.part").read_bytes() == b"0123456789"
    (below / "x.csv.part").rename(folder / "x.csv.part")  # cut off between the two names
    staging.lend("n", [file])
    assert (below / "x.csv.part").exists()
    Staging(folder).bring_all()
    journal = read_journal(folder / "x.csv.part.journal")
    assert journal is not None
    assert [(piece.start, piece.stop) for piece in journal.pieces] == [(0, 10)]
    assert (folder / "x.csv.part").read_bytes() == b"0123456789"
    assert not staging_folder(folder).exists()


def test_a_file_that_died_between_its_name_and_the_ledger_is_looked_at_again(folder: Path) -> None:
    file = remote("1", "x.csv", 10)
    below = staging_folder(folder) / "n"
    part(below, file, b"0123456789", whole=True)
    (below / "x.csv.part").rename(below / "x.csv")
    Staging(folder).bring_all()
    assert (folder / "x.csv.part").read_bytes() == b"0123456789"
    assert not (folder / "x.csv").exists()
    assert (folder / "x.csv.part.journal").exists()


def test_a_link_in_the_place_of_our_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / ".aihub").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (folder / ".aihub" / "dask").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProblemError) as caught:
        Staging(folder).bring_all()
    assert caught.value.problem.code is Code.IN_THE_WAY


def test_a_name_tells_the_file_and_is_the_same_for_whoever_receives() -> None:
    files = [remote("https://x/a b?sig", "a", web=True), remote("2", "b")]
    assert name_of(files) != name_of(files[:1])
    assert name_of([files[0], files[1]]).rpartition("-")[2] == name_of([files[1], files[0]]).rpartition("-")[2]
    assert name_of([remote("100002", "x")]).startswith("100002-")
    assert name_of([remote("../..", "x")]).startswith("file-")


# Who may work there.


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_lock_says_at_once_whether_somebody_works_there(tmp_path: Path) -> None:
    one, two = Lease(tmp_path, locks_reach=True), Lease(tmp_path, locks_reach=True)
    assert one.take()
    assert not two.take()
    one.beat()
    one.release()
    assert two.take()
    two.release()
    two.release()


def test_without_locks_a_beat_keeps_others_out_until_it_stands_still(tmp_path: Path) -> None:
    clock = Clock()
    text = f"{'a' * 16} {1:10d}\n"
    (tmp_path / NAME).write_text(text)  # of another machine, whose lock is not seen here
    mine = Lease(tmp_path, locks_reach=False, clock=clock)
    assert not mine.take()
    clock.now += STILL_SECONDS - 1
    (tmp_path / NAME).write_text(text.replace("1", "2"))
    assert not mine.take()
    clock.now += STILL_SECONDS - 1
    assert not mine.take()
    clock.now += 1
    assert not mine.take()  # taken over, and looked at once more
    clock.now += 10
    assert mine.take()
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ProblemError) as caught:
        mine.beat()
    assert caught.value.problem.code is Code.IN_USE


def test_of_two_that_take_over_one_has_it(tmp_path: Path) -> None:
    clock = Clock()
    one = Lease(tmp_path, locks_reach=False, clock=clock)
    assert not one.take()
    (tmp_path / NAME).write_text(f"{'b' * 16} {1:10d}\n")  # of the other, a moment later
    clock.now += 10
    assert not one.take()


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody removes a file that another has open")
def test_a_folder_that_is_cleared_away_is_nobodys(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    one = Lease(gone, locks_reach=True)
    assert one.take()
    (gone / NAME).unlink()
    one.release()
    gone.rmdir()
    assert not Lease(gone, locks_reach=True).take()


def test_whether_a_lock_is_seen(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none")
    held = Held(tmp_path / "lock", Code.SYNC_BUSY, tmp_path)
    assert is_held(tmp_path / "lock")
    held.release()
    assert not is_held(tmp_path / "lock")


def test_who_receives_hears_of_the_end_of_who_asked(tmp_path: Path) -> None:
    clock = Clock()
    baton = Baton(tmp_path, clock)
    ear, other = Ear(tmp_path, baton.name, "a", clock), Ear(tmp_path, baton.name, "b", clock)
    assert not ear.holds()
    baton.hold(0, locks_reach=True)
    assert ear.holds()
    baton.hold(1000, locks_reach=True)
    assert ear.holds()
    assert ear.rate == 1000
    clock.now += SILENT_SECONDS - 1
    assert ear.holds()
    clock.now += 1
    assert not ear.holds()
    baton.hold(1000, locks_reach=True)  # it only slept
    assert ear.holds()
    baton.give_up("b")
    assert (ear.holds(), other.holds()) == (True, False)
    baton.hold(1, locks_reach=True)
    assert (ear.holds(), other.holds()) == (True, False)
    baton.drop()
    assert not Ear(tmp_path, baton.name, "a", clock).holds()


def test_of_two_runs_that_do_not_see_each_others_lock_the_later_goes_on(folder: Path) -> None:
    """Over a share without locks. Else each would have stopped the other's workers, again and again."""
    own = folder / ".aihub" / "dask"
    own.mkdir(parents=True)
    clock = Clock()
    first, second = Baton(own, clock), Baton(own, clock)
    first.hold(0, locks_reach=False)
    with pytest.raises(ProblemError) as caught:
        second.hold(0, locks_reach=False)  # it began at the same moment
    assert caught.value.problem.code is Code.SYNC_BUSY
    Staging(folder).bring_all()  # as every run begins
    second.hold(0, locks_reach=False)
    clock.now += SILENT_SECONDS / 2
    with pytest.raises(ProblemError) as caught:
        first.hold(0, locks_reach=False)
    assert caught.value.problem.code is Code.SYNC_BUSY
    first.drop()
    Staging(folder).clear()
    assert Ear(own, second.name, "a", clock).holds()


def test_a_share_that_shows_a_file_late_costs_no_second_receiving(folder: Path) -> None:
    """A worker says that it is there, and the machine that asked does not see it yet."""
    entry = staged(folder, "a", remote("1", "late.bin"), b"later")
    there = staging_folder(folder) / "a" / "late.bin"
    hidden = there.with_name("hidden")
    there.rename(hidden)
    timer = threading.Timer(0.5, lambda: hidden.rename(there))
    timer.start()
    assert Staging(folder).bring("a", [entry]).entries == [entry]
    timer.join()


def test_a_worker_without_a_beat_counts_as_gone() -> None:
    pulses = Pulses(60.0)
    assert pulses.beating({"a": 1000.0, "b": 999.0, "frozen": 900.0}, 5.0) == ["a", "b"]  # of the clock of another
    assert pulses.beating({"a": 1050.0, "b": 999.0, "frozen": 900.0}, 55.0) == ["a", "b"]
    assert pulses.beating({"a": 1060.0, "b": 999.0, "frozen": 1060.0}, 65.0) == ["a", "frozen"]
    assert pulses.beating({"a": 1060.0}, 66.0) == ["a"]


def test_what_somebody_holds_who_never_ends_keeps_no_run_from_beginning(folder: Path) -> None:
    own = folder / ".aihub" / "dask" / "a" / ".aihub"
    own.mkdir(parents=True)
    lease = Lease(own, locks_reach=True)
    assert lease.take()
    assert not Staging(folder, patience=0.3).bring_all().entries
    assert Staging(folder).names == ["a"]
    lease.release()
    Staging(folder).bring_all()
    assert not Staging(folder).names


# What is out at once.


def test_tasks_begin_few_grow_and_halve() -> None:
    flow = Flow(2.0)
    flow.meets([4, 4, 4])
    assert flow.may_start(0, 100.0)
    flow.started(1, 100.0)
    assert not flow.may_start(1, 101.0)  # the hub refuses what begins at the same moment
    assert flow.may_start(1, 102.0)
    assert not flow.may_start(3, 102.0)
    flow.opened(1, 102.0)
    assert flow.may_start(3, 110.0)
    flow.refused(110.0)
    assert not flow.may_start(2, 200.0)
    assert flow.may_start(1, 200.0)
    flow.meets([4] * 6)  # who was refused is not asked for more because others have come
    assert not flow.may_start(2, 200.0)


@pytest.mark.parametrize(
    ("given", "threads", "most_of_them"),
    [
        ({}, [1, 1, 1], 3), ({}, [8, 8], 8), ({"each": 2}, [8, 1], 3), ({"total": 2}, [1, 1, 1], 2),
        ({"total": 9}, [1, 1], 2), ({"total": 9}, [32], 9), ({"cap": 2}, [8, 8], 2), ({}, [], 1),
    ],
)  # fmt: skip
def test_how_many_may_be_out(given: dict[str, int], threads: list[int], most_of_them: int) -> None:
    flow = Flow(0.0, **given)
    flow.meets(threads)
    for number in range(40):
        flow.opened(number, 0.0)
    assert flow.may_start(most_of_them - 1, 1.0)
    assert not flow.may_start(most_of_them, 1.0)


def test_a_limit_is_met_by_fewer_streams() -> None:
    assert cap(0, 600_000) == 0
    assert cap(2_000_000, 600_000) == 3
    assert cap(1000, 600_000) == 1
    assert cap(1000, 0) == 0


def test_files_share_a_task_as_they_would_a_request() -> None:
    small = [remote(str(number), f"s{number}.json", 1000) for number in range(120)]
    volumes = [remote(f"v{number}", f"big.z{number:02}", 300 * MB) for number in range(1, 4)]
    last, single = remote("v0", "big.zip", MB), remote("one", "one.bin", 400 * MB)
    found = groups([*small, volumes[1], single, last, volumes[0], volumes[2]], Settings(), 12)
    assert [len(group) for group in found] == [4, 1, 50, 50, 20]
    assert found[0] == [*volumes, last]
    assert found[1] == [single]
    assert groups([], Settings(), 4) == []
    web = [remote(f"http://x/{number}", f"{number}", 0, web=True) for number in range(300)]
    assert [len(group) for group in groups(web, Settings(), 1)] == [256, 44]
