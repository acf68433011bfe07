"""Limits, hours, pauses that finish, refusals, slow drives and other lines, as the core decides them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import pytest
from desks import GB, WALL, Desk, names

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Ended, FileReach, Proof, Reached, Safe, Whole
from aihub_desktop.domain.messages import Brake
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.engine.deeds import Allot, Fetch, Halt, LineChanged, LookAt, Prove
from aihub_desktop.engine.timetable import Timetable
from aihub_desktop.engine.watch import local_hour
from aihub_desktop.transport.reconcile import Standing, StandingKind

MB = 1_000_000
PART = Standing(StandingKind.PARTIAL, GB // 2, None, "", "")


def many(count: int, size: int = 10 * GB) -> list[tuple[str, int]]:
    return [(f"{number}.zip", size) for number in range(count)]


def shares(desk: Desk) -> dict[int, int]:
    return {lease.id: lease.share for lease in desk.core.book.leases.values() if not lease.halting}


# ---- the limit ----


def test_a_limit_is_divided_by_need_and_never_exceeded() -> None:
    desk = Desk(parallel=3, limit=30 * MB)
    desk.add(many(3))
    one, two, three = (deed.lease for deed in desk.take(Fetch))
    assert shares(desk) == {one: 10 * MB, two: 10 * MB, three: 10 * MB}
    desk.flow(6, {one: 2 * MB, two: 10 * MB, three: 10 * MB})
    now = shares(desk)
    assert now[one] < 4 * MB
    assert now[two] == pytest.approx(now[three], rel=0.01)
    assert now[two] > 12 * MB
    assert 0.99 * 30 * MB <= sum(now.values()) <= 30 * MB
    # The slow one speeds up: within seconds it has its part again.
    for _ in range(10):
        desk.flow(1, {lease: float(share) for lease, share in shares(desk).items()})
    assert shares(desk)[one] == pytest.approx(10 * MB, rel=0.05)


def test_a_change_of_the_limit_is_told_at_once_and_the_least_loss_ends_first() -> None:
    desk = Desk(parallel=4)
    desk.add(many(4))
    leases = [deed.lease for deed in desk.take(Fetch)]
    desk.flow(5, {lease: (number + 1) * MB for number, lease in enumerate(leases)})
    assert desk.take(Allot) == []
    desk.configure(limit=1_300_000)
    assert [deed.lease for deed in desk.take(Halt)] == leases[:2]
    assert {deed.lease: deed.rate for deed in desk.take(Allot)} == dict.fromkeys(leases[2:], 650_000)
    for lease in leases[:2]:
        desk.tell(Ended(lease))
    assert desk.take(Fetch) == [], "two are all that the limit feeds"
    desk.configure(limit=0)
    assert {deed.lease: deed.rate for deed in desk.take(Allot)} == dict.fromkeys(leases[2:], 0)
    assert len(desk.take(Fetch)) == 2


def test_a_limit_below_one_stream_still_lets_one_run() -> None:
    desk = Desk(parallel=4, limit=100_000)
    desk.add(many(4))
    assert len(desk.take(Fetch)) == 1


def test_who_gets_less_hears_of_it_before_who_gets_more() -> None:
    desk = Desk(parallel=2, limit=10 * MB)
    desk.add(many(2))
    one, two = (deed.lease for deed in desk.take(Fetch))
    desk.take(Allot)
    desk.flow(5, {one: 1 * MB, two: 5 * MB})
    first = desk.take(Allot)[:2]
    assert [deed.lease for deed in first] == [one, two]
    assert first[0].rate < 5 * MB < first[1].rate


def test_at_the_limit_the_limit_is_the_brake() -> None:
    desk = Desk(parallel=2, limit=10 * MB)
    desk.add(many(2))
    one, two = (deed.lease for deed in desk.take(Fetch))
    desk.flow(6, {one: 5 * MB, two: 5 * MB})
    assert desk.core.brake(desk.now()) == (Brake.LIMIT, None)
    desk.flow(6, {one: 2 * MB, two: 2 * MB})
    assert desk.core.brake(desk.now()) == (Brake.NONE, None)


# ---- a slow drive ----


def test_a_drive_slower_than_the_hub_gets_fewer_streams_and_none_is_stopped() -> None:
    desk = Desk(parallel=4)
    desk.add(many(9))
    leases = [deed.lease for deed in desk.take(Fetch)]
    desk.flow(12, dict.fromkeys(leases, 5 * MB), held=0.5)
    assert desk.core.brake(desk.now())[0] is Brake.DRIVE
    assert desk.core.traffic.wanted < 4
    assert desk.take(Halt) == []
    desk.receive_lease(leases[0])
    assert desk.take(Fetch) == []


def test_a_drive_so_slow_that_the_hub_would_cut_loses_the_stream_that_has_least() -> None:
    desk = Desk(parallel=3)
    desk.add(many(3))
    one, two, three = (deed.lease for deed in desk.take(Fetch))
    desk.flow(4, {one: 0.3 * MB, two: 0.1 * MB, three: 0.3 * MB}, held=0.9)
    assert [deed.lease for deed in desk.take(Halt)] == [two]
    desk.flow(5, {one: 0.3 * MB, three: 0.3 * MB}, held=0.9)
    assert desk.take(Halt) == [], "what that brought is seen first"


# ---- refusals ----


def test_a_refused_start_moves_the_starts_apart_and_comes_again() -> None:
    desk = Desk(parallel=4, spread=2.0, backoff_first=0.1)
    number = desk.add(many(3))
    (first,) = desk.take(Fetch)
    desk.tell(Reached(first.lease, 1, [], True))
    desk.wait(1.6)
    (second,) = desk.take(Fetch)
    desk.tell(Ended(second.lease, Problem(Code.HUB_BUSY)))
    desk.wait(1.9)
    assert desk.take(Fetch) == []
    desk.wait(2.2)
    assert len(desk.take(Fetch)) == 1
    assert desk.state(number) is TransferState.RUNNING
    assert desk.core.traffic.wanted >= 4, "too close together, not too many"


def test_a_refusal_at_the_full_distance_means_that_there_are_enough() -> None:
    desk = Desk(parallel=4, spread=2.0, backoff_first=0.1)
    desk.add(many(4))
    (first,) = desk.take(Fetch)
    desk.wait(2.1)
    (second,) = desk.take(Fetch)
    desk.tell(Reached(first.lease, 1, [], True))
    desk.core.traffic.line_changed()  # no start was accepted on this line yet, so none came closer
    desk.tell(Ended(second.lease, Problem(Code.HUB_BUSY)))
    assert desk.core.traffic.wanted == 1
    for _ in range(25):
        desk.flow(2, {first.lease: MB})
    assert desk.take(Fetch) == []
    desk.flow(30, {first.lease: MB})
    assert len(desk.take(Fetch)) == 1, "after a minute one more is tried"


# ---- hours ----


def test_outside_the_hours_nothing_begins_and_the_moment_is_known() -> None:
    desk = Desk(parallel=2, hours="sun 3-4")  # it is Sunday, 01:48:20
    desk.add(many(2))
    assert desk.take(Fetch) == []
    opens = WALL + 100 + 11 * 60 + 40 + 3600
    assert desk.core.brake(desk.now()) == (Brake.HOURS, opens)
    assert desk.core.next_moment(desk.now()) == pytest.approx(opens - WALL - 100)
    desk.wait(opens - WALL - 100 - 0.01)
    assert desk.take(Fetch) == []
    desk.wait(0.02)
    assert len(desk.take(Fetch)) == 2
    assert desk.core.brake(desk.now()) == (Brake.NONE, None)


def test_nothing_to_do_is_no_brake() -> None:
    desk = Desk(hours="sun 3-4")
    assert desk.core.brake(desk.now()) == (Brake.NONE, None)
    number = desk.add(many(1))
    assert desk.core.brake(desk.now())[0] is Brake.HOURS
    desk.tell(m.Pause(1, [number]))
    assert desk.core.brake(desk.now()) == (Brake.NONE, None)


def test_when_the_hours_end_streams_stop_unless_they_are_nearly_through() -> None:
    desk = Desk(parallel=2, hours="sun 1-2")
    desk.add([("short.zip", 900 * MB), ("long.zip", 90 * GB)])
    short, long = (deed.lease for deed in desk.take(Fetch))
    desk.flow(11 * 60 + 35, {short: MB, long: MB})
    assert desk.take(Halt) == []
    desk.flow(10, {short: MB, long: MB})
    assert [deed.lease for deed in desk.take(Halt)] == [long]
    desk.tell(Ended(long))
    desk.flow(60, {short: 0.2 * MB})
    assert desk.take(Halt) == [], "a slow minute does not take it all away again"
    desk.flow(560, {short: 0.1 * MB})
    assert [deed.lease for deed in desk.take(Halt)] == [short], "but there is an end to it"
    assert desk.take(Fetch) == []


def test_checks_may_run_at_any_time() -> None:
    desk = Desk(hours="sun 1-2")
    number = desk.add([("a.zip", 300 * MB)])
    (fetch,) = desk.take(Fetch)
    desk.flow(11 * 60 + 35, {fetch.lease: 0.4 * MB})
    desk.flow(20, {fetch.lease: 0.4 * MB})
    desk.tell(Whole(fetch.lease, fetch.files[0].id, GB, "ab", Proof.ARCHIVE, "n"))
    desk.tell(Ended(fetch.lease))
    (prove,) = desk.take(Prove)
    assert (prove.files[0].proof, prove.files[0].note) == (Proof.ARCHIVE, "n")
    desk.prove(prove)
    assert desk.state(number) is TransferState.DONE


def test_hours_set_while_running_count_at_once() -> None:
    desk = Desk()
    desk.add(many(1))
    (fetch,) = desk.take(Fetch)
    desk.configure(hours="mon 1-2")
    assert [deed.lease for deed in desk.take(Halt)] == [fetch.lease]
    desk.tell(Ended(fetch.lease))
    assert desk.take(Fetch) == []
    desk.configure(hours="")
    assert len(desk.take(Fetch)) == 1


def live_in(zone: str | None) -> None:
    """Makes the wall's clock that of `zone`, or of this machine again."""
    if sys.platform == "win32":
        pytest.skip("Windows has no tzset to choose a time zone with")
    else:
        os.environ.pop("TZ", None)
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()


@pytest.fixture
def _home_again() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    if sys.platform != "win32":
        live_in(before)


@pytest.mark.usefixtures("_home_again")
@pytest.mark.parametrize(
    ("zone", "wall", "hours", "opens"),
    [
        ("Asia/Seoul", 1767225600, "thu 10-12", 1767229200),  # 2026-01-01 09:00 there
        ("Asia/Kolkata", 1767225600, "thu 6-7", 1767227400),  # 05:30 there: the hour begins at half past in UTC
        # 2026-03-29 at 01:00 UTC Berlin goes from 02:00 to 03:00: what begins at 2 begins at 3 then.
        ("Europe/Berlin", 1774742400, "sun 3-4", 1774746000),
        ("Europe/Berlin", 1774742400, "sun 2-4", 1774746000),
        # 2026-10-25 at 01:00 UTC Berlin goes back from 03:00 to 02:00: the hour from 2 comes twice, 3 is an hour later.
        ("Europe/Berlin", 1792882800, "sun 3-4", 1792893600),
        ("Europe/Berlin", 1792882800, "sun 2-3", 1792886400),
    ],
)
def test_hours_are_those_of_the_wall(zone: str, wall: int, hours: str, opens: int) -> None:
    live_in(zone)
    table = Timetable(local_hour)
    table.use(hours)
    assert table.opens_at(wall) == opens
    assert table.opens_at(opens - 0.5) == opens
    assert table.opens_at(opens) is None


def test_a_clock_set_anew_is_believed() -> None:
    table = Timetable()
    table.use("sun 3-4")
    opens = table.opens_at(WALL)
    assert opens is not None
    assert table.opens_at(WALL - 7 * 86400) == opens - 7 * 86400


# ---- pauses ----


def test_a_pause_that_finishes_brings_what_runs_to_its_verified_end() -> None:
    desk = Desk(parallel=2)
    number = desk.add(many(3))
    one, two = desk.take(Fetch)
    desk.tell(m.Pause(1, [number], finish=True))
    row = desk.core.book.transfers[number].row()
    assert (row.state, row.finishing) == (TransferState.PAUSED, True)
    assert desk.take(Halt) == []
    desk.receive(one)
    (prove,) = desk.take(Prove)
    desk.prove(prove)
    assert desk.core.book.transfers[number].finishing
    desk.receive(two)
    desk.prove(desk.take(Prove)[0])
    assert desk.take(Fetch) == []
    row = desk.core.book.transfers[number].row()
    assert (row.state, row.finishing, row.done) == (TransferState.PAUSED, False, 2)
    desk.tell(m.Resume(2, [number]))
    desk.look()
    assert names(desk.take(Fetch)[0].files) == ["2.zip"]


def test_the_last_files_of_a_pause_that_finishes_end_the_transfer() -> None:
    desk = Desk()
    number = desk.add(many(1))
    (fetch,) = desk.take(Fetch)
    desk.tell(m.Pause(1, finish=True))
    desk.receive(fetch)
    desk.prove(desk.take(Prove)[0])
    row = desk.core.book.transfers[number].row()
    assert (row.state, row.finishing) == (TransferState.DONE, False)


def test_a_second_pause_stops_and_a_resume_goes_on() -> None:
    desk = Desk(parallel=1)
    number = desk.add(many(2))
    (fetch,) = desk.take(Fetch)
    desk.tell(m.Pause(1, [number], finish=True))
    desk.tell(m.Resume(2, [number]))
    assert desk.state(number) is TransferState.RUNNING
    assert not desk.core.book.transfers[number].finishing
    desk.tell(m.Pause(3, [number], finish=True))
    desk.tell(m.Pause(4, [number], finish=True))
    assert desk.take(Halt) == []
    desk.tell(m.Pause(5, [number]))
    assert [deed.lease for deed in desk.take(Halt)] == [fetch.lease]
    assert not desk.core.book.transfers[number].finishing


def test_a_pause_that_finishes_with_nothing_under_way_is_a_pause() -> None:
    desk = Desk(hours="mon 1-2")
    number = desk.add(many(1))
    desk.tell(m.Pause(1, [number], finish=True))
    row = desk.core.book.transfers[number].row()
    assert (row.state, row.finishing) == (TransferState.PAUSED, False)


@pytest.mark.parametrize("code", [Code.CUT, Code.DISK_FULL])
def test_what_breaks_while_finishing_waits_for_the_resume(code: Code) -> None:
    desk = Desk(parallel=2)
    number = desk.add(many(2))
    one, two = desk.take(Fetch)
    desk.tell(m.Pause(1, [number], finish=True))
    desk.tell(Ended(one.lease, Problem(code)))
    assert desk.take(Fetch) == []
    assert [deed.lease for deed in desk.take(Halt)] == ([] if code is Code.CUT else [two.lease])
    desk.tell(Ended(two.lease, Problem(Code.CUT)))
    desk.wait(1000)
    assert desk.take(Fetch) == []
    assert desk.state(number) is TransferState.PAUSED
    assert not desk.core.book.transfers[number].finishing
    desk.tell(m.Resume(2, [number]))
    desk.look()
    assert len(desk.take(Fetch)) == 2


# ---- another line ----


def test_on_another_line_all_streams_begin_anew_and_nothing_is_counted() -> None:
    desk = Desk(parallel=2, backoff_first=100.0)
    number = desk.add(many(3))
    one, two = desk.take(Fetch)
    desk.tell(Ended(one.lease, Problem(Code.UNREACHABLE)))
    (three,) = desk.take(Fetch)
    desk.tell(LineChanged())
    assert {deed.lease for deed in desk.take(Halt)} == {two.lease, three.lease}
    desk.tell(Ended(two.lease, Problem(Code.CUT)))
    desk.tell(Ended(three.lease, Problem(Code.STALLED)))
    again = [place for deed in desk.take(Fetch) for place in names(deed.files)]
    assert again == ["0.zip", "1.zip"], "the delay of what was unreachable is over as well"
    assert [row.attempts for row in desk.files(number)] == [1, 0, 0]


# ---- going on after a break ----


def test_bytes_that_pass_again_are_told_beforehand() -> None:
    desk = Desk()
    desk.tell(m.Add(1, desk.dataset(), desk.remote(many(1)), "/f"))
    desk.look(PART)
    (fetch,) = desk.take(Fetch)
    file = desk.core.book.files[fetch.files[0].id]
    assert file.repeat == GB // 2
    desk.tell(Reached(fetch.lease, 10, [FileReach(file.id, GB // 2, 10)], True))
    assert file.repeat == GB // 2
    assert desk.take(LookAt) == []


def test_a_stream_that_gets_further_than_any_before_it_is_on_its_way() -> None:
    desk = Desk(patience=1000.0, backoff_first=1.0)
    number = desk.add(many(1))
    (fetch,) = desk.take(Fetch)
    file = fetch.files[0].id
    desk.tell(Safe(fetch.lease, file, GB // 2, GB // 2))
    desk.tell(Reached(fetch.lease, GB // 2, [FileReach(file, GB // 2, 0)], True))
    desk.tell(Ended(fetch.lease, Problem(Code.SHORT)))
    for tenth in range(1, 10):  # nine attempts, each an hour long and a bit further: no four of them are too many
        desk.wait(60)
        (fetch,) = desk.take(Fetch)
        desk.wait(3600)
        again = GB // 20 * tenth
        desk.tell(Reached(fetch.lease, again, [FileReach(file, GB // 2, again)], True))
        desk.tell(Ended(fetch.lease, Problem(Code.SHORT)))
        assert desk.files(number)[0].attempts == 1
    for _ in range(3):  # no further than before: now they count, and their delays grow
        assert desk.files(number)[0].state is FileState.WAITING
        desk.wait(60)
        (fetch,) = desk.take(Fetch)
        desk.tell(Reached(fetch.lease, 10, [FileReach(file, GB // 2, GB // 3)], True))
        desk.tell(Ended(fetch.lease, Problem(Code.SHORT)))
    assert desk.files(number)[0].state is FileState.FAILED


def test_a_stream_cut_before_anything_new_backs_off_ever_longer_and_is_never_given_up() -> None:
    desk = Desk(backoff_first=1.0, backoff_longest=300.0)
    number = desk.add(many(1))
    (fetch,) = desk.take(Fetch)
    file = fetch.files[0].id
    desk.tell(Safe(fetch.lease, file, GB // 2, GB // 2))
    desk.tell(Reached(fetch.lease, GB // 2, [FileReach(file, GB // 2, 0)], True))
    desk.tell(Ended(fetch.lease, Problem(Code.CUT)))
    delays = []
    for _ in range(15):
        delay = desk.core.next_moment(desk.now())
        assert delay is not None
        delays.append(delay)
        desk.wait(delay)
        (fetch,) = desk.take(Fetch)
        desk.tell(Reached(fetch.lease, 10, [FileReach(file, GB // 2, GB // 4)], True))
        desk.tell(Ended(fetch.lease, Problem(Code.CUT)))
    assert desk.files(number)[0].state is FileState.WAITING
    assert delays[-1] > 200


def test_patience_ends_no_file_before_its_third_attempt_in_vain() -> None:
    desk = Desk(patience=60.0, backoff_first=1.0)
    number = desk.add(many(1))
    (fetch,) = desk.take(Fetch)
    file = fetch.files[0].id
    desk.tell(Safe(fetch.lease, file, GB // 2, GB // 2))
    desk.tell(Ended(fetch.lease, Problem(Code.CUT)))
    for state in (FileState.WAITING, FileState.FAILED):
        desk.wait(60)
        (fetch,) = desk.take(Fetch)
        desk.wait(3600)
        desk.tell(Reached(fetch.lease, 10, [FileReach(file, GB // 2, 10)], True))
        desk.tell(Ended(fetch.lease, Problem(Code.CUT)))
        assert desk.files(number)[0].state is state


def test_a_request_that_moves_costs_none_of_its_files_an_attempt_they_did_not_have() -> None:
    desk = Desk(parallel=1, backoff_first=0.0)
    number = desk.add([(f"{n:02}.csv", 1000) for n in range(40)])
    done = 0
    while done < 36:
        (fetch,) = desk.take(Fetch)
        for file in fetch.files[:2]:
            desk.tell(Whole(fetch.lease, file.id, 1000, "ab"))
            done += 1
        for prove in desk.take(Prove):
            desk.prove(prove)
        desk.tell(Ended(fetch.lease, Problem(Code.SHORT)))
        for prove in desk.take(Prove):
            desk.prove(prove)
    assert desk.core.book.transfers[number].failed == 0
