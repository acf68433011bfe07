"""Places that serve ranges: which files go together, over how many connections, and what follows from news."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import count

import pytest
from desks import GB, NOTHING, Desk, names
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aihub_desktop.disk.volume import Volume
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Ended, Failed, FileReach, Proof, Proved, Reached, Safe, Whole
from aihub_desktop.domain.model import S3, UNKNOWN_SIZE, WEB, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import (
    Allot,
    Collect,
    Fetch,
    Halt,
    KeyChanged,
    LineChanged,
    LookAt,
    Looked,
    NotRecorded,
    Prove,
    Record,
    Recorded,
    StorageChanged,
)
from aihub_desktop.engine.records import LeaseKind, Moment
from aihub_desktop.engine.shares import divided, shared
from aihub_desktop.transport.reconcile import Standing, StandingKind

KB, MB = 1 << 10, 1 << 20
ENDPOINT = "https://kr.example"
BUCKET = f"{ENDPOINT}/data"


def objects(sizes: list[int], bucket: str = "data", first: int = 0) -> list[RemoteFile]:
    return [
        RemoteFile(S3, f"{ENDPOINT}/{bucket}", f"{bucket}/{n:05}", f"{n:05}", SizeRange.exactly(size), origin=Origin())
        for n, size in enumerate(sizes, first)
    ]


def address(name: str, size: SizeRange = UNKNOWN_SIZE, signature: str = "", host: str = "a.example") -> RemoteFile:
    clean = f"https://{host}/{name}"
    return RemoteFile(WEB, "", clean, name, size, origin=Origin((clean + signature,)))


def ask(desk: Desk, files: list[RemoteFile], folder: str = "/f") -> int:
    """Adds and looks: what waits begins."""
    source, dataset = files[0].source, files[0].dataset
    number = desk.tell(m.Add(1, Dataset(source, dataset, ""), files, folder))
    assert number is not None
    desk.look()
    return number


def desk_of(processes: int = 2, **settings: int | float | str) -> Desk:
    desk = Desk()
    desk.core = Core(changed(Settings(spread=0.0), settings), seed=1, processes=processes)
    return desk


def record(desk: Desk) -> None:
    for one in desk.take(Record):
        desk.tell(Recorded(one.proof))


def prove(desk: Desk, deed: Collect) -> None:
    """A lease of small files comes through."""
    for file in deed.files:
        desk.tell(Proved(deed.lease, file.id, file.file.size.high, "ab", Proof.CHECKSUM, "md5"))
    desk.tell(Ended(deed.lease))
    record(desk)


# ---- which files, how many connections -----------------------------------------------------------


def test_small_files_are_spread_over_the_processes_which_share_the_connections() -> None:
    desk = desk_of(processes=2, connections=8)
    number = ask(desk, objects([50 * KB] * 1000))
    first, second = desk.take(Collect)
    assert (first.connections, second.connections) == (4, 4)
    assert names(first.files) == [f"{n:05}" for n in range(256)]
    assert names(second.files) == [f"{n:05}" for n in range(256, 512)]
    prove(desk, first)
    (third,) = desk.take(Collect)
    assert names(third.files)[0] == "00512"
    prove(desk, second)
    (fourth,) = desk.take(Collect)
    for deed in (third, fourth, *desk.take(Collect)):
        prove(desk, deed)
    assert desk.state(number) is TransferState.DONE
    assert desk.take(Prove) == [], "what came proved needs no check"


def test_the_last_small_files_are_spread_too() -> None:
    desk = desk_of(processes=2, connections=8)
    ask(desk, objects([50 * KB] * 60))
    first, second = desk.take(Collect)
    assert (len(first.files), len(second.files)) == (30, 30)


def test_few_small_files_are_one_lease_with_a_connection_each_at_most() -> None:
    desk = desk_of(processes=4, connections=64)
    ask(desk, objects([KB, KB, KB]))
    (deed,) = desk.take(Collect)
    assert (len(deed.files), deed.connections) == (3, 3)


def test_a_lease_of_small_files_holds_so_many_bytes_at_most() -> None:
    desk = desk_of(processes=1)
    ask(desk, objects([7 * MB] * 100))
    (deed,) = desk.take(Collect)
    assert len(deed.files) == 18, "128 MiB"


def test_large_files_take_every_connection_and_go_many_in_a_lease() -> None:
    desk = desk_of(connections=8)
    ask(desk, objects([GB] * 40))
    (deed,) = desk.take(Collect)
    assert (len(deed.files), deed.connections) == (32, 8)


def test_a_lease_of_large_files_holds_so_many_bytes_at_most_and_one_file_always() -> None:
    desk = desk_of(connections=8)
    ask(desk, objects([3 << 40, GB, 1 << 40]))
    (deed,) = desk.take(Collect)
    assert names(deed.files) == ["00000"]
    desk.receive_lease(deed.lease)
    (deed,) = desk.take(Collect)
    assert names(deed.files) == ["00001"]


def test_large_and_small_never_share_a_lease_and_the_first_of_the_tree_comes_first() -> None:
    desk = desk_of(connections=8)
    ask(desk, objects([KB, GB, KB, GB]))
    small, large = desk.take(Collect)
    assert names(small.files) == ["00000", "00002"]
    assert small.connections == 2
    assert names(large.files) == ["00001", "00003"]
    assert large.connections == 6


def test_each_bucket_has_connections_of_its_own() -> None:
    desk = desk_of(connections=8)
    ask(desk, objects([GB]))
    ask(desk, objects([GB], bucket="other"), folder="/g")
    assert [deed.connections for deed in desk.take(Collect)] == [8, 8]


def test_two_transfers_share_the_connections_to_one_bucket() -> None:
    desk = desk_of(connections=8)
    ask(desk, objects([GB]))
    ask(desk, objects([GB], first=7), folder="/g")
    (deed,) = desk.take(Collect)
    desk.receive_lease(deed.lease)
    (other,) = desk.take(Collect)
    assert other.folder == "/g"


def test_web_addresses_of_a_transfer_are_one_place_whatever_their_hosts() -> None:
    desk = desk_of(connections=8)
    ask(desk, [address(f"{n}.bin", SizeRange.exactly(GB), host=f"h{n}.example") for n in range(3)])
    (deed,) = desk.take(Collect)
    assert (len(deed.files), deed.connections) == (3, 8)


def test_ranges_and_streams_do_not_count_against_each_other() -> None:
    desk = desk_of(connections=8, parallel=2)
    desk.add([(f"{n}.zip", GB) for n in range(5)])
    assert len(desk.take(Fetch)) == 2
    ask(desk, objects([GB]), folder="/g")
    assert len(desk.take(Collect)) == 1
    assert desk.core.traffic.slots() == 0
    assert desk.core.traffic.wanted == 2


def test_gathers_begin_without_a_spread() -> None:
    desk = desk_of(connections=8, spread=60.0)
    ask(desk, objects([KB] * 600))
    assert len(desk.take(Collect)) == 2


def test_a_name_that_another_lease_still_writes_to_waits_for_its_end() -> None:
    desk = desk_of()
    number = ask(desk, objects([KB, KB]))
    (deed,) = desk.take(Collect)
    desk.tell(m.Cancel(1, [number]))
    other = desk.tell(m.Add(2, Dataset(S3, f"{ENDPOINT}/other", ""), objects([KB] * 3, bucket="other"), "/f"))
    desk.look()
    (begun,) = desk.take(Collect)
    assert names(begun.files) == ["00002"]
    desk.tell(Ended(deed.lease))
    (rest,) = desk.take(Collect)
    assert names(rest.files) == ["00000", "00001"]
    assert other is not None
    assert desk.state(other) is TransferState.RUNNING


@given(
    sizes=st.lists(st.sampled_from([0, KB, 50 * KB, 7 * MB, 8 * MB, GB, 2 << 40]), min_size=1, max_size=400),
    connections=st.integers(1, 64),
    processes=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_every_file_comes_once_and_no_connection_is_one_too_many(
    sizes: list[int], connections: int, processes: int, seed: int
) -> None:
    desk, dice = desk_of(processes=processes, connections=connections), random.Random(seed)
    number = ask(desk, objects(sizes))
    seen: list[int] = []
    running: list[Collect] = []
    while new := desk.take(Collect) + running:
        running = new
        assert sum(deed.connections for deed in running) <= connections
        for deed in running:
            large = {file.file.size.high >= 8 * MB for file in deed.files}
            assert len(large) == 1
            assert len(deed.files) <= (32 if True in large else 256)
        deed = running.pop(dice.randrange(len(running)))
        seen += [file.id for file in deed.files]
        prove(desk, deed)
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == len(sizes)
    assert desk.state(number) is TransferState.DONE


# ---- news ----------------------------------------------------------------------------------------


def test_a_small_file_comes_proved_and_a_large_one_is_checked() -> None:
    desk = desk_of()
    number = ask(desk, objects([KB, GB]))
    small, large = desk.take(Collect)
    desk.tell(Proved(small.lease, small.files[0].id, KB, "cd", Proof.CHECKSUM, "md5"))
    assert desk.files(number)[0].state is FileState.CHECKING
    (entry,) = desk.take(Record)
    assert (entry.proof.sha256, entry.proof.note) == ("cd", "md5")
    desk.tell(Whole(large.lease, large.files[0].id, GB, "ef", Proof.CHECKSUM, "etag"))
    (check,) = desk.take(Prove)
    assert (check.files[0].proof, check.files[0].note) == (Proof.CHECKSUM, "etag")
    desk.tell(Recorded(entry.proof))
    assert desk.files(number)[0].state is FileState.DONE


def test_the_end_of_a_lease_before_the_manifest_is_written_changes_nothing() -> None:
    desk = desk_of()
    number = ask(desk, objects([KB]))
    (deed,) = desk.take(Collect)
    desk.tell(Proved(deed.lease, deed.files[0].id, KB, "cd", Proof.CHECKSUM))
    desk.tell(Ended(deed.lease, Problem(Code.WORKER_LOST)))
    assert desk.files(number)[0].state is FileState.CHECKING
    assert desk.take(Prove) + desk.take(Collect) == [], "its proof is being entered"
    record(desk)
    assert desk.state(number) is TransferState.DONE


def test_a_manifest_that_cannot_be_written_stops_the_transfer_and_the_disk_is_asked_anew() -> None:
    desk = desk_of()
    number = ask(desk, objects([KB]))
    (deed,) = desk.take(Collect)
    desk.tell(Proved(deed.lease, deed.files[0].id, KB, "cd", Proof.CHECKSUM))
    (entry,) = desk.take(Record)
    desk.tell(NotRecorded(entry.proof, Problem(Code.DISK_FULL)))
    assert desk.core.book.transfers[number].problem == Problem(Code.DISK_FULL)
    assert [halt.lease for halt in desk.take(Halt)] == [deed.lease]
    desk.tell(Ended(deed.lease))
    desk.tell(m.Resume(2))
    desk.look(Standing(StandingKind.PUBLISHED, KB, KB, "cd"))
    (check,) = desk.take(Prove)
    assert desk.files(number)[0].state is FileState.CHECKING
    assert check.files[0].id == deed.files[0].id


def test_what_is_on_disk_does_not_pass_by_again_in_ranges() -> None:
    desk = desk_of()
    ask(desk, objects([GB]))
    (deed,) = desk.take(Collect)
    desk.tell(Safe(deed.lease, deed.files[0].id, GB // 2, GB // 2))
    desk.tell(Reached(deed.lease, GB // 2, [FileReach(deed.files[0].id, GB // 2, 0)], True))
    desk.tell(Ended(deed.lease, Problem(Code.CUT)))
    desk.wait(10)
    (deed,) = desk.take(Collect)
    assert desk.core.book.files[deed.files[0].id].repeat == 0


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (Code.NOT_THERE, FileState.FAILED),
        (Code.BAD_ADDRESS, FileState.FAILED),
        (Code.SERVER_BUSY, FileState.WAITING),
        (Code.SERVER_ERROR, FileState.WAITING),
        (Code.WRONG_CHECKSUM, FileState.WAITING),
    ],
)
def test_a_file_that_fails_leaves_the_others_alone(code: Code, state: FileState) -> None:
    desk = desk_of()
    number = ask(desk, objects([KB, KB]))
    (deed,) = desk.take(Collect)
    desk.tell(Failed(deed.lease, deed.files[0].id, Problem(code)))
    assert [row.state for row in desk.files(number)] == [state, FileState.FETCHING]
    assert desk.state(number) is TransferState.RUNNING


def test_bytes_that_are_not_those_of_the_checksum_are_dropped_three_times_at_most() -> None:
    desk = desk_of(backoff_first=0.0)
    number = ask(desk, objects([GB]))
    for _ in range(3):
        (deed,) = desk.take(Collect)
        desk.tell(Safe(deed.lease, deed.files[0].id, GB, GB))
        desk.tell(Failed(deed.lease, deed.files[0].id, Problem(Code.WRONG_CHECKSUM, {"sha256": "ab"})))
        desk.tell(Ended(deed.lease))
        assert desk.files(number)[0].bytes == 0
    assert desk.take(Collect) == []
    assert desk.state(number) is TransferState.FAILED


def test_a_place_that_is_too_busy_gets_half_as_many_connections_and_earns_them_back() -> None:
    desk = desk_of(processes=1, connections=8)
    ask(desk, objects([KB] * 256 * 12))
    (deed,) = desk.take(Collect)
    assert deed.connections == 8
    desk.tell(Reached(deed.lease, KB, [], True, connections=8, eased=True))
    desk.tell(Reached(deed.lease, KB, [], True, connections=4, eased=True))
    prove(desk, deed)
    seen = []
    for _ in range(6):
        (deed,) = desk.take(Collect)
        seen.append(deed.connections)
        desk.tell(Reached(deed.lease, KB, [], True, connections=1))
        prove(desk, deed)
    assert seen == [4, 5, 6, 7, 8, 8]


def test_what_several_leases_say_at_once_of_a_busy_place_is_heard_once() -> None:
    desk = desk_of(processes=2, connections=8)
    ask(desk, objects([KB] * 2000))
    first, second = desk.take(Collect)
    for deed in (first, second):
        desk.tell(Reached(deed.lease, KB, [], True, eased=True))
    prove(desk, first)
    assert desk.take(Collect) == [], "the other one still has four"
    prove(desk, second)
    assert [deed.connections for deed in desk.take(Collect)] == [2, 2]


def test_progress_tells_of_the_files_of_a_gather_that_move() -> None:
    desk = desk_of()
    ask(desk, objects([KB] * 100))
    deed = desk.take(Collect)[0]
    assert desk.core.outcome.progress() == []
    desk.tell(Reached(deed.lease, 10, [FileReach(deed.files[3].id, 10, 0)], True))
    assert [file.id for file in desk.core.outcome.progress()] == [deed.files[3].id]


# ---- sizes that nobody knows ---------------------------------------------------------------------


def test_a_file_of_unknown_size_grows_and_is_not_done_before_it_is() -> None:
    desk = desk_of()
    number = ask(desk, [address("a.bin")])
    transfer = desk.core.book.transfers[number]
    (deed,) = desk.take(Collect)
    assert deed.connections == 8, "it may be large"
    assert (transfer.low, transfer.high, transfer.endless) == (0, 0, 1)
    desk.tell(Reached(deed.lease, 5 * MB, [FileReach(deed.files[0].id, 5 * MB, 0)], True))
    assert (transfer.bytes, transfer.low, transfer.high) == (5 * MB, 5 * MB, 5 * MB)
    assert transfer.state is TransferState.RUNNING
    desk.tell(Whole(deed.lease, deed.files[0].id, 6 * MB, "ab"))
    assert (transfer.bytes, transfer.high, transfer.endless) == (6 * MB, 6 * MB, 0)
    assert transfer.state is TransferState.RUNNING


def volume(free: int) -> Volume:
    return Volume("uuid:1", "/", 7, "ext4", free, 100 * GB)


@pytest.mark.parametrize(("free", "begins"), [(3 * GB, True), (GB, False)])
def test_a_file_of_unknown_size_begins_where_the_floor_is_free(free: int, begins: bool) -> None:
    desk = desk_of()
    number = desk.tell(m.Add(1, Dataset(WEB, "", ""), [address("a.bin")], "/f"))
    assert number is not None
    (look,) = desk.take(LookAt)
    desk.tell(Looked(number, {file.id: NOTHING for file in look.files}, None, volume(free)))
    assert bool(desk.take(Collect)) is begins
    problem = desk.core.book.transfers[number].problem
    assert (problem is None) if begins else (problem is not None and problem.code is Code.NO_ROOM)


# ---- hours, limit, pause, another line -----------------------------------------------------------


def test_gathers_stop_at_once_when_the_hours_end_and_go_on_when_they_begin() -> None:
    desk = desk_of(hours="sun 0-2")
    number = ask(desk, objects([GB]))
    (deed,) = desk.take(Collect)
    desk.flow(20, {deed.lease: 100.0 * MB})  # it has less than five minutes left, which would keep a stream
    desk.wait(3600)
    assert [halt.lease for halt in desk.take(Halt)] == [deed.lease]
    desk.tell(Ended(deed.lease))
    assert desk.take(Collect) == []
    assert desk.state(number) is TransferState.RUNNING
    desk.wait(6 * 86400 + 22.5 * 3600)
    assert len(desk.take(Collect)) == 1


def test_the_limit_is_divided_over_streams_and_gathers() -> None:
    desk = desk_of(limit=10 * MB, parallel=1)
    desk.add([("a.zip", GB)])
    ask(desk, objects([GB]), folder="/g")
    (stream,), (gather,) = desk.take(Fetch), desk.take(Collect)
    desk.flow(10, {stream.lease: 20.0 * MB, gather.lease: 20.0 * MB})
    leases = desk.core.book.leases
    assert leases[stream.lease].share == leases[gather.lease].share == 5 * MB
    desk.take(Allot)
    desk.flow(10, {stream.lease: 1.0 * MB, gather.lease: 20.0 * MB})
    assert leases[gather.lease].share > 8 * MB
    assert sum(lease.share for lease in leases.values()) <= 10 * MB
    assert desk.take(Allot) != []


def test_streams_keep_what_the_hub_wants_of_a_reader_where_the_limit_is_small() -> None:
    desk = desk_of(limit=1_300_000, parallel=4, slowest_stream=600_000, connections=8)
    desk.add([(f"{n}.zip", GB) for n in range(3)])
    ask(desk, objects([KB] * 600), folder="/g")
    streams = [deed.lease for deed in desk.take(Fetch)]
    assert len(streams) == 2
    leases = desk.core.book.leases
    assert all(leases[lease].share >= 580_000 for lease in streams)
    assert all(lease.share > 0 for lease in leases.values())
    assert sum(lease.share for lease in leases.values()) <= 1_300_000
    assert desk.take(Halt) == [], "no stream is stopped for a gather"


@given(
    limit=st.integers(1000, 10**9),
    needs=st.lists(st.sampled_from([1.0, 1e4, 1e6, float("inf")]), min_size=1, max_size=9),
    streams=st.integers(0, 9),
    slowest=st.sampled_from([0, 1000, 600_000]),
)
def test_shares_never_exceed_the_limit_and_leave_nobody_out(
    limit: int, needs: list[float], streams: int, slowest: int
) -> None:
    wanted = dict(enumerate(needs))
    found = shared(limit, wanted, {key for key in wanted if key < streams}, slowest)
    assert found.keys() == wanted.keys()
    assert sum(found.values()) <= limit
    assert min(found.values()) >= 1
    if streams == 0 or streams >= len(needs):
        assert found == divided(limit, wanted)


def test_what_gathers_bring_says_nothing_about_the_number_of_streams() -> None:
    desk = desk_of(parallel=8)
    desk.add([(f"{n}.zip", GB) for n in range(20)])
    ask(desk, objects([GB] * 3), folder="/g")
    (gather,) = desk.take(Collect)
    before = desk.core.traffic.wanted
    desk.flow(60, {gather.lease: 100.0 * MB}, held=0.9)
    assert desk.core.traffic.wanted == before
    assert desk.take(Halt) == []
    assert desk.core.traffic.brake(desk.now())[0] is m.Brake.DRIVE


def test_a_pause_halts_gathers_and_another_line_too() -> None:
    desk = desk_of()
    number = ask(desk, objects([GB]))
    (deed,) = desk.take(Collect)
    desk.tell(LineChanged())
    assert [halt.lease for halt in desk.take(Halt)] == [deed.lease]
    desk.tell(Ended(deed.lease))
    (deed,) = desk.take(Collect)
    assert desk.files(number)[0].attempts == 0
    desk.tell(m.Pause(2, [number]))
    assert [halt.lease for halt in desk.take(Halt)] == [deed.lease]


def test_a_finishing_pause_lets_a_gather_come_to_its_end_and_begins_no_other() -> None:
    desk = desk_of(processes=1)
    number = ask(desk, objects([KB] * 600))
    (deed,) = desk.take(Collect)
    desk.tell(m.Pause(2, [number], finish=True))
    prove(desk, deed)
    assert desk.take(Collect) + desk.take(Halt) == []
    assert desk.state(number) is TransferState.PAUSED
    assert not desk.core.book.transfers[number].finishing


# ---- who is let in, and addresses that are renewed -----------------------------------------------


@pytest.mark.parametrize("code", [Code.NO_ACCESS, Code.NO_CREDENTIALS])
def test_who_waits_for_a_storage_goes_on_when_its_keys_are_there(code: Code) -> None:
    desk = desk_of()
    number = ask(desk, objects([GB]))
    (deed,) = desk.take(Collect)
    desk.tell(Ended(deed.lease, Problem(code)))
    assert desk.state(number) is TransferState.NEEDS_USER
    desk.tell(StorageChanged("https://elsewhere.example"))
    desk.tell(KeyChanged())
    assert desk.state(number) is TransferState.NEEDS_USER
    desk.tell(StorageChanged(ENDPOINT))
    desk.look()
    assert len(desk.take(Collect)) == 1


@pytest.mark.parametrize(
    "tell",
    [Failed, lambda lease, file, problem: Ended(lease, problem)],
)
def test_a_refusal_of_old_keys_says_nothing_about_the_new(tell: Callable[[int, int, Problem], object]) -> None:
    desk = desk_of()
    number = ask(desk, objects([GB]))
    (deed,) = desk.take(Collect)
    desk.tell(StorageChanged(ENDPOINT))
    desk.tell(tell(deed.lease, deed.files[0].id, Problem(Code.NO_ACCESS)))
    assert desk.state(number) is TransferState.RUNNING
    assert len(desk.take(Collect)) == (1 if deed.lease not in desk.core.book.leases else 0)


@pytest.mark.parametrize("code", [Code.ARCHIVED, Code.NO_ACCESS, Code.INSECURE])
def test_what_is_said_of_one_file_keeps_no_other_back(code: Code) -> None:
    desk = desk_of()
    files = objects([GB, GB]) if code is Code.ARCHIVED else [address(f"{n}.bin", SizeRange.exactly(GB)) for n in "ab"]
    number = ask(desk, files)
    (deed,) = desk.take(Collect)
    desk.tell(Failed(deed.lease, deed.files[0].id, Problem(code)))
    assert desk.state(number) is TransferState.RUNNING
    assert [file.state for file in desk.files(number)] == [FileState.FAILED, FileState.FETCHING]


@pytest.mark.parametrize(("facts", "is_known"), [({"why": "endless"}, True), ({"size": 5}, False)])
def test_an_answer_without_an_end_is_no_word_about_the_size(facts: dict[str, str | int], is_known: bool) -> None:
    """Else the next try would have no limit but the disk."""
    desk = desk_of()
    number = ask(desk, [address("a.bin", SizeRange.exactly(GB))])
    (deed,) = desk.take(Collect)
    desk.tell(Failed(deed.lease, deed.files[0].id, Problem(Code.WRONG_SIZE, facts)))
    (file,) = desk.files(number)
    assert desk.core.book.files[file.id].remote.size == (SizeRange.exactly(GB) if is_known else UNKNOWN_SIZE)


def test_a_renewed_address_takes_the_place_of_the_old_and_the_transfer_goes_on() -> None:
    desk = desk_of()
    number = ask(desk, [address("a.bin", SizeRange.exactly(GB), "?sig=old")])
    (deed,) = desk.take(Collect)
    desk.tell(Ended(deed.lease, Problem(Code.ADDRESS_EXPIRED)))
    assert desk.state(number) is TransferState.NEEDS_USER
    desk.core.book.changes()
    again = ask(desk, [address("a.bin", SizeRange.exactly(GB), "?sig=new")])
    assert again == number
    (deed,) = desk.take(Collect)
    origin = deed.files[0].file.origin
    assert origin is not None
    assert origin.addresses == ("https://a.example/a.bin?sig=new",)
    (row,) = desk.core.book.changes()[1]
    assert row.file.origin == origin
    assert len(desk.files(number)) == 1


def test_another_address_with_the_same_name_does_not_push_the_first_out() -> None:
    desk = desk_of()
    number = ask(desk, [address("a.bin", SizeRange.exactly(GB))])
    other = address("a.bin", SizeRange.exactly(GB), host="b.example")
    ask(desk, [other])
    first, second = desk.files(number)
    assert first.state is FileState.FETCHING
    assert second.problem is not None
    assert second.problem.code is Code.NAME_CLASH


def test_another_address_takes_the_place_of_one_that_failed() -> None:
    desk = desk_of()
    number = ask(desk, [address("a.bin", SizeRange.exactly(GB))])
    (deed,) = desk.take(Collect)
    desk.tell(Failed(deed.lease, deed.files[0].id, Problem(Code.NOT_THERE)))
    desk.tell(Ended(deed.lease))
    ask(desk, [address("a.bin", SizeRange.exactly(GB), host="b.example")])
    (row,) = desk.files(number)
    assert row.state is FileState.FETCHING
    assert row.file.key == "https://b.example/a.bin"


def test_a_size_that_is_told_later_puts_the_file_among_its_like() -> None:
    desk = desk_of(connections=1)
    blocker = ask(desk, objects([GB]))
    number = ask(desk, [address("a.bin"), address("b.bin", SizeRange.exactly(KB))], "/g")
    assert blocker != number
    desk.tell(m.Pause(2, [number]))
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.take(Collect)
    desk.tell(m.Add(3, Dataset(WEB, "", ""), [address("a.bin", SizeRange.exactly(KB))], "/g"))
    desk.look()
    (deed,) = desk.take(Collect)
    assert names(deed.files) == ["a.bin", "b.bin"]


# ---- twenty thousand -----------------------------------------------------------------------------


def test_twenty_thousand_small_files_cost_the_core_little_and_no_more_each_than_two_thousand() -> None:
    def cost(number: int) -> float:
        core = Core(Settings(connections=8), seed=1, processes=2)
        clock = count(1)
        began = time.process_time()

        def tell(message: object) -> list[object]:
            now = Moment(float(next(clock)), 1e9)
            return [*core.handle(message, now)[0]]

        deeds = tell(m.Add(1, Dataset(S3, BUCKET, ""), objects([50 * KB] * number), "/f"))
        (look,) = [deed for deed in deeds if isinstance(deed, LookAt)]
        tell(Looked(look.transfer, {file.id: NOTHING for file in look.files}))
        while leases := [deed for deed in core.plan(Moment(float(next(clock)), 1e9)) if isinstance(deed, Collect)]:
            for deed in leases:
                proofs = [Proved(deed.lease, file.id, 50 * KB, "ab", Proof.CHECKSUM) for file in deed.files]
                entries = [one for proof in proofs for one in tell(proof) if isinstance(one, Record)]
                tell(Ended(deed.lease))
                for entry in entries:
                    tell(Recorded(entry.proof))
                core.book.changes()
        assert core.book.transfers[1].state is TransferState.DONE
        assert not any(lease.kind is LeaseKind.GATHER for lease in core.book.leases.values())
        return (time.process_time() - began) / number

    cost(200)
    few, many = cost(2_000), cost(20_000)
    print(f"core: {few * 1e6:.0f} µs a file of 2,000, {many * 1e6:.0f} µs of 20,000")
    assert many < 2.5 * few + 20e-6, "something grows with the number of files"


def test_a_persons_order_takes_connections_from_who_comes_later_and_loses_nothing() -> None:
    desk = desk_of(connections=4)
    first = ask(desk, objects([GB, GB]))
    second = ask(desk, objects([GB], first=5), "/g")
    (running,) = desk.take(Collect)
    desk.tell(m.Prefer(1, [first], Priority.HIGH))
    assert desk.take(Halt) == []
    desk.tell(m.Prefer(1, [second], Priority.HIGH))
    assert desk.take(Halt) == []
    desk.tell(m.Move(1, [second], first))
    assert [halt.lease for halt in desk.take(Halt)] == [running.lease]
    desk.tell(Ended(running.lease))
    (next_one,) = desk.take(Collect)
    assert names(next_one.files) == ["00005"]
    assert next_one.connections == 4


def test_an_order_leaves_other_places_alone() -> None:
    desk = desk_of(connections=4)
    ask(desk, objects([GB, GB]))
    other = ask(desk, objects([GB], "other"), "/g")
    desk.tell(m.Move(1, [other], 1))
    assert desk.take(Halt) == []
