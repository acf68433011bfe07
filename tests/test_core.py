"""What the core decides, case by case. The stateful test beside this one looks for orders that nobody thought of."""

from __future__ import annotations

import pytest
from desks import GB, NOTHING, Desk, names

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Ended, Failed, FileReach, Reached, Safe, Whole
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.engine.deeds import Fetch, Halt, KeyChanged, LookAt, Looked, Prove
from aihub_desktop.engine.leaving import REPENT_SECONDS
from aihub_desktop.engine.records import Moment
from aihub_desktop.transport.reconcile import Standing, StandingKind


def test_from_the_wish_to_the_verified_file() -> None:
    desk = Desk()
    number = desk.add([("a/b c.zip", GB)])
    (fetch,) = desk.take(Fetch)
    assert names(fetch.files) == ["a/b_c.zip"]
    assert desk.state(number) is TransferState.RUNNING
    desk.tell(Whole(fetch.lease, fetch.files[0].id, GB, "ab"))
    (prove,) = desk.take(Prove)
    assert desk.files(number)[0].state is FileState.CHECKING
    desk.prove(prove)
    desk.tell(Ended(fetch.lease))
    row = desk.files(number)[0]
    assert (row.state, row.sha256, row.size, row.proof) == (FileState.DONE, "ab", GB, "archive")
    assert desk.state(number) is TransferState.DONE


def test_no_more_streams_than_wanted_and_their_starts_are_spread() -> None:
    desk = Desk(parallel=2, spread=2.0)
    desk.add([(f"{n}.zip", GB) for n in range(5)])
    assert len(desk.take(Fetch)) == 1
    desk.wait(1.9)
    assert desk.take(Fetch) == []
    assert desk.core.next_moment(Moment(desk.at, 0)) == pytest.approx(0.1)
    desk.wait(0.2)
    (second,) = desk.take(Fetch)
    desk.wait(10)
    assert desk.take(Fetch) == []
    desk.receive(second)
    assert len(desk.take(Fetch)) == 1


def test_a_problem_of_the_world_waits_longer_each_time() -> None:
    desk = Desk(backoff_first=1.0, backoff_longest=300.0)
    number = desk.add([("a.zip", GB)])
    delays = []
    for _ in range(12):
        (fetch,) = desk.take(Fetch)
        desk.tell(Ended(fetch.lease, Problem(Code.UNREACHABLE)))
        row = desk.files(number)[0]
        assert row.state is FileState.WAITING
        assert row.problem == Problem(Code.UNREACHABLE)
        delay = desk.core.next_moment(Moment(desk.at, 0))
        assert delay is not None
        delays.append(delay)
        desk.wait(delay)
    assert delays[0] <= 1.0
    assert all(0.7 * 2**n <= delay <= 2**n for n, delay in enumerate(delays[:8]))
    assert 210 <= delays[-1] <= 300
    assert desk.state(number) is TransferState.RUNNING


def test_an_attempt_that_brought_something_does_not_count() -> None:
    desk = Desk(backoff_first=0.0)
    number = desk.add([("a.zip", GB)])
    for n in range(1, 30):
        (fetch,) = desk.take(Fetch)
        desk.tell(Safe(fetch.lease, fetch.files[0].id, 5 * n, 5))
        desk.tell(Ended(fetch.lease, Problem(Code.SHORT)))
    assert desk.files(number)[0].attempts == 1
    for _ in range(3):
        (fetch,) = desk.take(Fetch)
        desk.tell(Ended(fetch.lease, Problem(Code.SHORT)))
    assert desk.files(number)[0].state is FileState.FAILED
    assert desk.state(number) is TransferState.FAILED


@pytest.mark.parametrize(("code", "tries"), [(Code.CHANGED, 5), (Code.OVERLAPPING, 3), (Code.BAD_ARCHIVE, 3)])
def test_what_has_to_be_dropped_each_time_is_not_tried_for_ever(code: Code, tries: int) -> None:
    desk = Desk(backoff_first=0.0)
    number = desk.add([("a.zip", GB)])
    for _ in range(tries):
        (fetch,) = desk.take(Fetch)
        desk.tell(Safe(fetch.lease, fetch.files[0].id, GB // 2, GB // 2))
        desk.tell(Failed(fetch.lease, fetch.files[0].id, Problem(code)))
        desk.tell(Ended(fetch.lease))
    assert desk.take(Fetch) == []
    assert desk.files(number)[0].problem == Problem(code)


def test_patience_ends_what_would_be_tried_for_ever() -> None:
    desk = Desk(patience=5.0, backoff_first=4.0)
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.UNREACHABLE)))
    desk.wait(4.0)
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.UNREACHABLE)))
    desk.wait(1.1)
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.UNREACHABLE)))
    assert desk.files(number)[0].problem == Problem(Code.UNREACHABLE)
    assert desk.state(number) is TransferState.FAILED


@pytest.mark.parametrize("code", [Code.NO_KEY, Code.NOT_APPROVED, Code.DISK_FULL, Code.ABROAD])
def test_what_only_the_user_can_mend_stops_the_transfer_and_goes_on_when_asked(code: Code) -> None:
    desk = Desk(parallel=2)
    number = desk.add([("a.zip", GB), ("b.zip", GB)])
    first, second = desk.take(Fetch)
    desk.tell(Ended(first.lease, Problem(code)))
    assert desk.state(number) is TransferState.NEEDS_USER
    assert desk.core.book.transfers[number].problem == Problem(code)
    assert [deed.lease for deed in desk.take(Halt)] == [second.lease]
    desk.tell(Ended(second.lease, Problem(Code.CUT)))
    assert desk.files(number)[1].attempts == 0, "a stream that we stopped ourselves has not failed"
    assert desk.take(Fetch) == []
    desk.tell(m.Resume(1, [number]))
    desk.look()
    assert len(desk.take(Fetch)) == 2


def test_a_new_key_wakes_only_who_waits_for_one() -> None:
    desk = Desk()
    keyless, disapproved = desk.add([("a.zip", GB)]), desk.add([("b.zip", GB)], dataset="2")
    first, second = desk.take(Fetch)
    desk.tell(Ended(first.lease, Problem(Code.KEY_REJECTED)))
    desk.tell(Ended(second.lease, Problem(Code.NOT_APPROVED)))
    desk.tell(KeyChanged())
    assert desk.state(keyless) is TransferState.QUEUED
    assert desk.state(disapproved) is TransferState.NEEDS_USER


def test_a_key_that_was_replaced_cannot_stop_anything_any_more() -> None:
    desk = Desk()
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.tell(KeyChanged())
    desk.tell(Ended(fetch.lease, Problem(Code.KEY_REJECTED)))
    assert desk.state(number) is TransferState.RUNNING
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.KEY_REJECTED)))
    assert desk.state(number) is TransferState.NEEDS_USER


def test_pause_and_resume() -> None:
    desk = Desk()
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.tell(m.Pause(1))
    assert [deed.lease for deed in desk.take(Halt)] == [fetch.lease]
    desk.tell(m.Resume(2))
    desk.look()
    assert desk.take(Fetch) == [], "the old lease may still write"
    desk.tell(Ended(fetch.lease))
    assert len(desk.take(Fetch)) == 1
    assert desk.state(number) is TransferState.RUNNING


def test_cancel_keeps_what_is_done_and_retry_begins_again() -> None:
    desk = Desk(parallel=1)
    number = desk.add([("a.zip", GB), ("b.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.receive(fetch)
    desk.prove(desk.take(Prove)[0])
    (second,) = desk.take(Fetch)
    desk.tell(m.Cancel(1, [number]))
    assert desk.state(number) is TransferState.CANCELLED
    with pytest.raises(ProblemError):
        desk.tell(m.Remove(2, [number]))
    desk.tell(Ended(second.lease))
    assert [row.state for row in desk.files(number)] == [FileState.DONE, FileState.SKIPPED]
    desk.tell(m.Retry(3, [number]))
    desk.look()
    assert names(desk.take(Fetch)[0].files) == ["b.zip"]


def test_the_same_wish_twice_is_one_transfer() -> None:
    desk = Desk()
    number = desk.add([("a.zip", GB)])
    assert desk.add([("a.zip", GB), ("b.zip", GB)]) == number
    assert [row.place for row in desk.files(number)] == ["a.zip", "b.zip"]


def test_a_new_release_takes_the_place_of_the_old_file() -> None:
    desk = Desk(parallel=1)
    number = desk.add([("a.zip", GB), ("b.zip", GB)])
    old = desk.files(number)[1].id
    remote = RemoteFile("aihub", "1", "new", "b.zip", SizeRange(GB, GB, ""))
    desk.tell(m.Add(1, Dataset("aihub", "1", ""), [remote], "/f"))
    assert [row.file.key for row in desk.files(number)] == ["1-a.zip", "new"]
    assert desk.core.book.changes()[3] == [old]


@pytest.mark.parametrize(
    ("first", "second"), [("a b.zip", "a_b.zip"), ("A.zip", "a.zip"), ("a.zip", "a.zip.part"), ("x.part.journal", "x")]
)
def test_two_files_that_would_share_a_name_are_told_apart_by_failing_the_second(first: str, second: str) -> None:
    desk = Desk()
    number = desk.add([(first, GB), (second, GB)])
    assert [row.state for row in desk.files(number)] == [FileState.FETCHING, FileState.FAILED]
    problem = desk.files(number)[1].problem
    assert problem is not None
    assert (problem.code, problem.facts["other"]) == (Code.NAME_CLASH, first)
    desk.tell(m.Retry(1, [number]))
    assert desk.files(number)[1].problem == problem


@pytest.mark.parametrize(
    "path", ["../a.zip", "/a.zip", "C:/a.zip", "a/aux.zip", "a\\b.zip", ".aihub/manifest-sha256.txt"]
)
def test_an_unsafe_name_fails_at_once_and_the_rest_goes_on(path: str) -> None:
    desk = Desk()
    number = desk.add([(path, GB), ("good.zip", GB)])
    bad, good = desk.files(number)
    assert bad.problem is not None
    assert (bad.state, bad.problem.code, bad.place) == (FileState.FAILED, Code.UNSAFE_NAME, "")
    assert good.state is FileState.FETCHING


def test_small_files_share_a_request_and_a_failure_halves_it() -> None:
    desk = Desk(parallel=1, backoff_first=0.0)
    desk.add([(f"{n:03}.csv", 1000) for n in range(120)])
    sizes = []
    for _ in range(3):
        (fetch,) = desk.take(Fetch)
        sizes.append(len(fetch.files))
        desk.tell(Ended(fetch.lease, Problem(Code.CUT)))
    assert sizes == [50, 25, 12]


def test_a_hostile_member_is_blamed_on_the_one_file_that_brings_it() -> None:
    desk = Desk(parallel=1)
    number = desk.add([(f"{n}.csv", 1000) for n in range(3)])
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.HOSTILE_MEMBER)))
    for bad in (False, True, False):
        (fetch,) = desk.take(Fetch)
        assert len(fetch.files) == 1
        if bad:
            desk.tell(Ended(fetch.lease, Problem(Code.HOSTILE_MEMBER)))
        else:
            desk.receive(fetch)
    for prove in desk.take(Prove):
        desk.prove(prove)
    for prove in desk.take(Prove):
        desk.prove(prove)
    assert sorted(row.state for row in desk.files(number)) == [FileState.DONE, FileState.DONE, FileState.FAILED]


def test_a_split_set_is_proved_together() -> None:
    desk = Desk(parallel=3)
    number = desk.add([("s.zip", GB), ("s.z02", GB), ("s.z01", GB)])
    fetches = desk.take(Fetch)
    desk.receive(fetches[0])
    desk.receive(fetches[1])
    assert desk.take(Prove) == []
    desk.receive(fetches[2])
    (prove,) = desk.take(Prove)
    assert names(prove.files) == ["s.z01", "s.z02", "s.zip"]
    desk.prove(prove)
    assert desk.state(number) is TransferState.DONE


def test_volumes_without_their_set_stand_for_themselves() -> None:
    desk = Desk(parallel=3)
    number = desk.add([("s.zip", GB), ("s.z01", GB)])
    first, second = desk.take(Fetch)
    desk.receive(first)
    assert desk.take(Prove) == []
    desk.tell(Failed(second.lease, second.files[0].id, Problem(Code.UNKNOWN_FILE)))
    (prove,) = desk.take(Prove)
    assert names(prove.files) == ["s.zip"]
    desk.prove(prove)
    assert desk.state(number) is TransferState.FAILED


def test_the_same_damaged_archive_twice_means_a_damaged_source() -> None:
    desk = Desk(backoff_first=0.0)
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.receive(fetch)
    (prove,) = desk.take(Prove)
    desk.tell(Failed(prove.lease, prove.files[0].id, Problem(Code.BAD_ARCHIVE, {"sha256": "ab"})))
    desk.tell(Ended(prove.lease))
    (fetch,) = desk.take(Fetch)
    desk.receive(fetch)
    row = desk.files(number)[0]
    assert row.problem is not None
    assert (row.state, row.problem.code) == (FileState.FAILED, Code.SOURCE_BROKEN)
    assert desk.take(Prove) == []


def test_what_lies_on_disk_is_not_asked_for_again() -> None:
    desk = Desk(parallel=9)
    number = desk.tell(
        m.Add(
            1,
            Dataset("aihub", "1", ""),
            [RemoteFile("aihub", "1", str(n), f"{n}.zip", SizeRange(GB, GB, "")) for n in range(5)],
            "/f",
        )
    )
    assert number is not None
    (look,) = desk.take(LookAt)
    kinds = [
        Standing(StandingKind.DONE, GB, GB, "ab", "archive"),
        Standing(StandingKind.WHOLE, GB, GB, "ab", ""),
        Standing(StandingKind.PARTIAL, 7, None, "", ""),
        NOTHING,
        Standing(StandingKind.IN_THE_WAY, 0, None, "", ""),
    ]
    desk.tell(Looked(number, dict(zip([file.id for file in look.files], kinds, strict=True))))
    states = [row.state for row in desk.files(number)]
    assert states == [
        FileState.DONE, FileState.CHECKING, FileState.FETCHING, FileState.FETCHING, FileState.FAILED,
    ]  # fmt: skip
    assert [name for deed in desk.take(Fetch) for name in names(deed.files)] == ["2.zip", "3.zip"]
    assert desk.core.book.transfers[number].bytes == 2 * GB + 7


def test_only_what_was_added_in_this_run_moves() -> None:
    desk = Desk(only_new=True)
    rows = Desk()
    number = rows.add([("a.zip", GB)])
    transfers, files, _, _ = rows.core.book.changes()
    desk.core.book.load_files(desk.core.book.load(transfers[0]), files)
    desk.core.book.last_file = 1
    desk.core.starts(Moment(1, 1))
    desk.wait(1)
    assert desk.deeds == []
    other = desk.add([("b.zip", GB)], dataset="2")
    assert other != number
    assert [names(deed.files) for deed in desk.take(Fetch)] == [["b.zip"]]


def test_progress_counts_what_came_again_apart() -> None:
    desk = Desk()
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    file = fetch.files[0].id
    desk.tell(Reached(fetch.lease, 100, [FileReach(file, 60, 30)]))
    desk.tell(Reached(fetch.lease, 150, [FileReach(file, 90, 40)]))
    transfer = desk.core.book.transfers[number]
    assert (transfer.bytes, transfer.received, transfer.again) == (90, 150, 40)


def test_commands_about_nothing_are_refused() -> None:
    desk = Desk()
    for command in (m.Pause(1, [7]), m.Resume(1, [7]), m.Cancel(1, [7]), m.Retry(1, [], [9]), m.Remove(1, [7])):
        with pytest.raises(ProblemError) as refusal:
            desk.tell(command)
        assert refusal.value.problem.code is Code.BAD_COMMAND


# ---- order, priority, removal


def lent(desk: Desk) -> list[str]:
    """What began since the last call."""
    return [name for fetch in desk.take(Fetch) for name in names(fetch.files)]


def finish_all(desk: Desk) -> list[str]:
    """The files in the order in which they begin, one stream at a time."""
    order = []
    while fetches := desk.take(Fetch):
        for fetch in fetches:
            order += names(fetch.files)
            desk.receive(fetch)
        for prove in desk.take(Prove):
            desk.prove(prove)
    return order


def three(desk: Desk) -> list[int]:
    """Three transfers of two large files; the first file of the first one has begun."""
    return [desk.add([(f"{name}1.zip", GB), (f"{name}2.zip", GB)], f"/{name}", name) for name in "abc"]


def test_whoever_was_asked_for_first_comes_first() -> None:
    desk = Desk(parallel=1)
    three(desk)
    assert finish_all(desk) == ["a1.zip", "a2.zip", "b1.zip", "b2.zip", "c1.zip", "c2.zip"]


def test_a_move_decides_what_begins_next_and_stops_no_stream() -> None:
    desk = Desk(parallel=1)
    first, second, third = three(desk)
    desk.tell(m.Move(1, [third], first))
    assert desk.take(Halt) == []
    assert finish_all(desk) == ["a1.zip", "c1.zip", "c2.zip", "a2.zip", "b1.zip", "b2.zip"]
    assert [row.id for row in in_the_list(desk)] == [third, first, second]


def in_the_list(desk: Desk) -> list[m.TransferRow]:
    return sorted((one.row() for one in desk.core.book.transfers.values()), key=lambda row: row.rank)


def test_a_priority_goes_before_the_place_in_the_list() -> None:
    desk = Desk(parallel=1)
    first, second, third = three(desk)
    desk.tell(m.Prefer(1, [first], Priority.LOW))
    desk.tell(m.Prefer(1, [third], Priority.HIGH))
    assert finish_all(desk) == ["a1.zip", "c1.zip", "c2.zip", "b1.zip", "b2.zip", "a2.zip"]
    assert [row.id for row in in_the_list(desk)] == [first, second, third]


def test_low_priority_takes_the_streams_that_others_leave() -> None:
    desk = Desk(parallel=3)
    first, second, _ = three(desk)
    desk.take(Fetch)
    desk.tell(m.Prefer(1, [first], Priority.LOW))
    desk.tell(m.Pause(1, None))
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.take(Fetch)
    desk.tell(m.Resume(1, [first]))
    desk.look()
    assert lent(desk) == ["a1.zip", "a2.zip"]
    desk.tell(m.Resume(1, [second]))
    desk.look()
    assert lent(desk) == ["b1.zip"]


def test_several_keep_the_order_in_which_they_are_named() -> None:
    desk = Desk(parallel=1)
    first, second, third = three(desk)
    desk.tell(m.Move(1, [first, second]))
    assert [row.id for row in in_the_list(desk)] == [third, first, second]
    desk.tell(m.Move(1, [second, third], first))
    assert [row.id for row in in_the_list(desk)] == [second, third, first]
    fourth = desk.add([("d.zip", GB)], "/d", "d")
    assert [row.id for row in in_the_list(desk)] == [second, third, first, fourth]


@pytest.mark.parametrize(
    "command",
    [m.Move(1, [99]), m.Move(1, [1], 99), m.Prefer(1, [99], Priority.LOW), m.BringBack(1, [99]), m.BringBack(1, [1])],
)
def test_what_is_not_there_is_neither_moved_nor_brought_back(command: object) -> None:
    desk = Desk()
    desk.add([("a.zip", GB)])
    before = [row.rank for row in in_the_list(desk)]
    with pytest.raises(ProblemError):
        desk.tell(command)
    assert [row.rank for row in in_the_list(desk)] == before


def removed(desk: Desk, *transfers: int) -> None:
    for number in transfers:
        desk.tell(m.Cancel(1, [number]))
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.core.book.changes()
    desk.tell(m.Remove(1, list(transfers)))


def test_what_was_removed_comes_back_as_it_was() -> None:
    desk = Desk(parallel=1)
    first, second, third = three(desk)
    before = desk.core.book.transfers[second].row()
    removed(desk, second)
    assert desk.core.book.changes()[2] == [second]
    assert [row.id for row in in_the_list(desk)] == [first, third]
    assert desk.core.book.forgotten == []
    desk.tell(m.BringBack(1, [second]))
    ((row,), _, _, _) = desk.core.book.changes()
    assert (row.id, row.rank, row.state) == (second, before.rank, TransferState.CANCELLED)
    assert [row.id for row in in_the_list(desk)] == [first, second, third]
    desk.wait(60)
    assert desk.core.book.forgotten == []


def test_what_was_removed_is_forgotten_in_time_and_by_the_next_removal() -> None:
    desk = Desk(parallel=1)
    first, second, third = three(desk)
    removed(desk, first)
    assert desk.core.next_moment(desk.now()) == pytest.approx(REPENT_SECONDS)
    removed(desk, second)
    assert desk.core.book.forgotten == [first]
    assert desk.add([("d.zip", GB)], "/d", "d") == third + 1
    desk.wait(REPENT_SECONDS)
    assert desk.core.book.forgotten == [first, second]
    with pytest.raises(ProblemError):
        desk.tell(m.BringBack(1, [second]))


def test_the_number_of_what_was_removed_is_not_given_again_while_it_may_come_back() -> None:
    desk = Desk(parallel=1)
    number = desk.add([("a.zip", GB)])
    removed(desk, number)
    assert desk.add([("b.zip", GB)]) == number + 1


def test_at_the_start_whoever_comes_first_is_looked_at_before_others_begin() -> None:
    desk = Desk(parallel=1)
    first, second, _ = three(desk)
    desk.tell(m.Pause(1))
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.take(Fetch)
    desk.tell(m.Resume(1, [first, second]))
    looks = {deed.transfer: deed for deed in desk.take(LookAt)}

    def answer(number: int) -> None:
        desk.tell(Looked(number, {file.id: NOTHING for file in looks[number].files}))

    answer(second)
    assert lent(desk) == []
    assert desk.core.next_moment(desk.now()) == pytest.approx(2.0)
    answer(first)
    assert lent(desk) == ["a1.zip"]


def test_a_drive_that_hangs_holds_up_the_others_for_a_moment_only() -> None:
    desk = Desk(parallel=1)
    first, second, _ = three(desk)
    desk.tell(m.Pause(1))
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.take(Fetch)
    desk.tell(m.Resume(1, [first, second]))
    looks = {deed.transfer: deed for deed in desk.take(LookAt)}
    desk.tell(Looked(second, {file.id: NOTHING for file in looks[second].files}))
    desk.wait(2.1)
    assert lent(desk) == ["b1.zip"]
