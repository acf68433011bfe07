"""What begins next: which files share a request, and which are proved together."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState
from aihub_desktop.engine.plan import next_check, next_request, unit_of, wake_due
from aihub_desktop.engine.records import Book, FileRecord, LeaseKind, Moment, TransferRecord

KB: Final = 1 << 10
MB: Final = 1 << 20
GB: Final = 1 << 30
SETTINGS: Final = Settings()


def queue(sizes: list[int], names: list[str] | None = None) -> tuple[Book, TransferRecord, list[FileRecord]]:
    """A book with one transfer of files of these sizes."""
    book = Book()
    transfer = book.new_transfer(Dataset(HUB, "1", ""), "/f", Moment(0.0, 0.0))
    files = []
    for number, size in enumerate(sizes):
        name = names[number] if names else f"{number}.bin"
        remote = RemoteFile(HUB, "1", str(number), name, SizeRange(size, size, ""))
        files.append(book.new_file(transfer, remote, name))
    return book, transfer, files


def requests(sizes: list[int], slots: int, settings: Settings = SETTINGS) -> list[list[int]]:
    """The sizes in each request, until none waits; every request keeps its slot."""
    book, transfer, _ = queue(sizes)
    made: list[list[int]] = []
    while chosen := next_request(book, transfer, settings, max(1, slots - len(made))):
        book.new_lease(LeaseKind.FETCH, transfer, chosen)
        made.append([file.remote.size.high for file in chosen])
    return made


def whole(book: Book, *files: FileRecord) -> None:
    """These files have all their bytes and wait for their check."""
    for file in files:
        book.set_file(file, state=FileState.FETCHING)
        book.set_file(file, state=FileState.CHECKING)


def test_where_nothing_waits_nothing_begins() -> None:
    book, transfer, _ = queue([])
    assert next_request(book, transfer, SETTINGS, 4) == []
    assert next_check(book, transfer) == []


def test_a_large_file_goes_alone() -> None:
    assert requests([GB, GB, GB], 4) == [[GB], [GB], [GB]]
    assert requests([KB, GB, KB, KB], 4) == [[KB], [GB], [KB, KB]]


def test_very_small_files_share_one_request() -> None:
    assert requests([KB] * 40, 4) == [[KB] * 40]


def test_a_request_has_no_more_keys_than_the_hub_takes() -> None:
    assert [len(one) for one in requests([KB] * 120, 1)] == [50, 50, 20]
    assert [len(one) for one in requests([KB] * 12, 1, Settings(bundle_files=5))] == [5, 5, 2]
    assert [len(one) for one in requests([KB] * 3, 1, Settings(bundle_files=1))] == [1, 1, 1]


def test_a_request_has_no_more_bytes_than_set() -> None:
    assert requests([100 * MB] * 5, 1) == [[100 * MB] * 2, [100 * MB] * 2, [100 * MB]]
    assert requests([KB] * 3, 1, Settings(bundle_bytes=0)) == [[KB]] * 3


def test_middling_files_are_spread_over_the_free_slots() -> None:
    assert requests([10 * MB] * 4, 4) == [[10 * MB]] * 4
    assert [len(one) for one in requests([10 * MB] * 8, 4)] == [2, 2, 2, 2]
    assert [len(one) for one in requests([10 * MB] * 8, 1)] == [8]


def test_files_begin_in_the_order_of_the_tree() -> None:
    book, transfer, files = queue([KB] * 10)
    first = next_request(book, transfer, Settings(bundle_files=4), 1)
    second = next_request(book, transfer, Settings(bundle_files=4), 1)
    assert first + second == files[:8]


def test_a_file_that_broke_a_large_request_shares_with_fewer() -> None:
    book, transfer, files = queue([KB] * 10)
    book.set_file(files[3], bundle=2)
    assert next_request(book, transfer, SETTINGS, 1) == files[:3]
    assert next_request(book, transfer, SETTINGS, 1) == files[3:5]
    assert next_request(book, transfer, SETTINGS, 1) == files[5:]


def test_what_no_longer_waits_is_passed_over() -> None:
    book, transfer, files = queue([KB] * 6)
    book.set_file(files[0], state=FileState.SKIPPED)
    book.set_file(files[1], due=50.0)
    book.new_lease(LeaseKind.FETCH, transfer, [files[2]])
    book.drop_file(files[3])
    assert next_request(book, transfer, SETTINGS, 1) == files[4:]


def test_a_file_that_was_queued_twice_is_requested_once() -> None:
    book, transfer, files = queue([KB] * 3)
    book.set_file(files[1], attempts=1)
    book.set_file(files[1], attempts=2)
    assert next_request(book, transfer, SETTINGS, 1) == files


def test_a_delayed_file_wakes_when_it_is_due() -> None:
    book, transfer, files = queue([KB, KB, KB])
    book.set_file(files[0], due=50.0)
    book.set_file(files[1], due=60.0)
    assert next_request(book, transfer, SETTINGS, 1) == [files[2]]
    wake_due(book, 49.9)
    assert next_request(book, transfer, SETTINGS, 1) == []
    wake_due(book, 50.0)
    assert next_request(book, transfer, SETTINGS, 1) == [files[0]]
    wake_due(book, 1000.0)
    assert next_request(book, transfer, SETTINGS, 1) == [files[1]]


def test_an_older_alarm_does_not_wake_a_file_that_was_delayed_again() -> None:
    book, transfer, files = queue([KB])
    book.set_file(files[0], due=50.0)
    book.set_file(files[0], due=90.0)
    wake_due(book, 60.0)
    assert next_request(book, transfer, SETTINGS, 1) == []
    wake_due(book, 90.0)
    assert next_request(book, transfer, SETTINGS, 1) == files


def test_a_due_file_in_a_worker_s_hands_begins_only_when_it_is_given_back() -> None:
    book, transfer, files = queue([KB])
    lease = book.new_lease(LeaseKind.FETCH, transfer, files)
    book.set_file(files[0], due=50.0)
    wake_due(book, 60.0)
    assert next_request(book, transfer, SETTINGS, 1) == []
    book.end_lease(lease)
    wake_due(book, 60.0)
    assert next_request(book, transfer, SETTINGS, 1) == files


def test_a_name_that_another_transfer_s_worker_still_holds_waits_for_it() -> None:
    book, transfer, files = queue([KB, KB])
    other = book.new_transfer(Dataset(HUB, "2", ""), transfer.folder, Moment(0.0, 0.0))
    rival = book.new_file(other, files[0].remote, files[0].place)
    lease = book.new_lease(LeaseKind.FETCH, other, [rival])
    assert next_request(book, transfer, SETTINGS, 1) == [files[1]]
    book.set_file(files[0], state=FileState.CHECKING)
    assert next_check(book, transfer) == []
    book.end_lease(lease)
    assert next_check(book, transfer) == [files[0]]
    book.set_file(files[0], state=FileState.WAITING)
    assert next_request(book, transfer, SETTINGS, 1) == [files[0]]


@given(
    st.lists(st.one_of(st.integers(0, 20 * MB), st.integers(0, 2 * GB)), max_size=150),
    st.integers(1, 32),
    st.integers(1, 50),
    st.integers(0, GB),
)
def test_every_file_begins_once_within_the_limits(sizes: list[int], slots: int, keys: int, most: int) -> None:
    made = requests(sizes, slots, Settings(bundle_files=keys, bundle_bytes=most))
    assert [size for one in made for size in one] == sizes
    assert all(len(one) <= keys for one in made)
    assert all(len(one) == 1 or sum(one) <= most for one in made)


@given(st.integers(1, 200), st.integers(8 * MB, 64 * MB), st.integers(1, 16))
def test_no_free_slot_stays_idle_while_one_stream_carries_what_two_could(count: int, size: int, slots: int) -> None:
    assert len(requests([size] * count, slots, Settings(bundle_bytes=1 << 40))) >= min(slots, count)


def test_a_whole_file_is_checked_by_itself() -> None:
    book, transfer, files = queue([KB] * 3)
    whole(book, files[1], files[2])
    assert next_check(book, transfer) == [files[1]]
    book.new_lease(LeaseKind.PROVE, transfer, [files[1]])
    book.set_file(files[1], attempts=0)
    assert next_check(book, transfer) == [files[2]]


def test_a_split_set_is_checked_when_all_its_volumes_are_whole() -> None:
    book, transfer, files = queue([KB] * 4, ["a.zip", "a.z02", "a.z01", "b.zip"])
    last, second, first, other = files
    whole(book, last, first)
    assert next_check(book, transfer) == []
    whole(book, other)
    assert next_check(book, transfer) == [other]
    whole(book, second)
    assert next_check(book, transfer) == [first, second, last]
    assert {tuple(unit_of(book, transfer, file)) for file in (first, second, last)} == {(first, second, last)}


@pytest.mark.parametrize("lost", [FileState.FAILED, FileState.SKIPPED, FileState.DONE])
def test_volumes_of_a_set_that_will_never_be_whole_are_checked_one_by_one(lost: FileState) -> None:
    book, transfer, files = queue([KB] * 3, ["a.z01", "a.z02", "a.zip"])
    whole(book, files[0])
    assert next_check(book, transfer) == []
    book.set_file(files[1], state=lost)
    assert next_check(book, transfer) == [files[0]]
    assert unit_of(book, transfer, files[2]) == [files[2]]


def test_a_volume_that_joins_later_makes_the_set_larger() -> None:
    book, transfer, files = queue([KB] * 2, ["a.z01", "a.zip"])
    assert unit_of(book, transfer, files[0]) == files
    second = book.new_file(transfer, RemoteFile(HUB, "1", "9", "a.z02", SizeRange(1, 1, "")), "a.z02")
    assert unit_of(book, transfer, files[0]) == [files[0], second, files[1]]
    book.drop_file(second)
    assert unit_of(book, transfer, files[0]) == files


def test_volumes_in_other_folders_are_other_sets() -> None:
    book, transfer, files = queue([KB] * 2, ["d/a.z01", "e/a.zip"])
    whole(book, files[0])
    assert next_check(book, transfer) == [files[0]]


def test_files_that_were_put_back_are_not_counted_twice() -> None:
    """Four large-enough files for four streams: one each, however often they came back to wait."""
    book, transfer, _ = queue([12 * MB] * 4)
    for file in book.files_of(transfer):
        for _ in range(3):
            book.set_file(file, state=FileState.WAITING)
    sizes = []
    for slots in (4, 3, 2, 1):
        files = next_request(book, transfer, Settings(), slots)
        for file in files:
            book.set_file(file, state=FileState.FETCHING)
        sizes.append(len(files))
    assert sizes == [1, 1, 1, 1]
