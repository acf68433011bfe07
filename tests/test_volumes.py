"""Who may begin on a volume, who stops and who goes on: the decisions, without a disk."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from desks import GB, NOTHING, Desk, names
from hypothesis import given, settings
from hypothesis import strategies as st

from aihub_desktop.disk.volume import Mark, Volume, allocated, is_unmounted, nearest, volume_of
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Ended, FileReach, Reached
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, FileState, TransferState
from aihub_desktop.engine.deeds import Fetch, Halt, LookAt, Looked, Survey, Surveyed, Word
from aihub_desktop.engine.records import Moment
from aihub_desktop.engine.volumes import floor_of, place_problem, usable
from aihub_desktop.transport.reconcile import Standing, StandingKind

MB = 1 << 20
NEEDS_USER, DONE, RUNNING, QUEUED = (
    TransferState.NEEDS_USER, TransferState.DONE, TransferState.RUNNING, TransferState.QUEUED,
)  # fmt: skip


class Disks(Desk):
    """A desk over one volume whose free space is at hand."""

    def __init__(self, free: int, *, file_system: str = "ext4") -> None:
        super().__init__(floor_bytes=2 * GB, parallel=32)
        self.looks: list[LookAt] = []
        self.volume = Volume("uuid:1", "/", 7, file_system, free, 1000 * GB)

    def look(self, standing: Standing = NOTHING) -> None:
        self.looks = self.take(LookAt)
        for deed in self.looks:
            self.tell(Looked(deed.transfer, {file.id: standing for file in deed.files}, None, self.volume))

    def survey(self, free: int | None = None, allocated: dict[int, int] | None = None) -> None:
        """The next survey of all, which finds so much free; whoever goes on by that is looked at."""
        if free is not None:
            self.volume = msgspec.structs.replace(self.volume, free=free)
        self.wait(3.0)
        for deed in self.take(Survey):
            # As in the engine: all that came in, then one plan.
            news = Surveyed(deed.transfer, self.volume, allocated or {})
            self.deeds += self.core.handle(news, Moment(self.at, self.at))[0]
        self.wait(0.0)
        self.look()

    def code(self, number: int) -> Code | None:
        problem = self.core.book.transfers[number].problem
        return problem.code if problem else None

    def fail(self, code: Code) -> None:
        """A worker's word on the first lease that is under way, if any."""
        for fetch in self.take(Fetch):
            if fetch.lease in self.core.book.leases:
                self.tell(Ended(fetch.lease, Problem(code)))
                return

    def give_back(self) -> None:
        for halt in self.take(Halt):
            self.tell(Ended(halt.lease))


# ---- room ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "floor"), [(1000 * GB, 2 * GB), (40 * GB, 2 * GB), (20 * GB, GB), (8 * MB, 8 * MB // 20), (0, 0)]
)
def test_a_small_volume_has_a_small_floor(total: int, floor: int) -> None:
    assert floor_of(total, 2 * GB) == floor


def test_a_trifle_fits_below_the_floor() -> None:
    assert usable(100 * GB, 1000 * GB, 2 * GB) == 98 * GB
    assert usable(GB, 1000 * GB, 2 * GB) == GB // 20
    assert usable(0, 1000 * GB, 2 * GB) == 0


def test_what_does_not_fit_waits_and_what_fits_runs() -> None:
    desk = Disks(20 * GB)
    first = desk.add([("a.zip", 10 * GB)], "/f")
    second = desk.add([("b.zip", 9 * GB)], "/g")
    third = desk.add([("c.zip", 7 * GB)], "/h")
    assert [desk.state(one) for one in (first, second, third)] == [RUNNING, NEEDS_USER, RUNNING]
    problem = desk.core.book.transfers[second].problem
    facts: dict[str, str | int] = {"need": 9 * GB, "free": 20 * GB, "taken": 10 * GB, "floor": 2 * GB, "path": "/g"}
    assert problem == Problem(Code.NO_ROOM, facts)
    desk.survey(24 * GB)  # nine do not fit beside seventeen
    assert desk.state(second) is NEEDS_USER
    desk.survey(30 * GB)
    assert desk.state(second) is RUNNING
    fetched = [names(fetch.files) for fetch in desk.take(Fetch)]
    assert fetched == [["a.zip"], ["c.zip"], ["b.zip"]]


def test_only_as_many_go_on_as_there_is_room_for() -> None:
    desk = Disks(5 * GB)
    numbers = [desk.add([("a.zip", 10 * GB)], f"/{place}") for place in range(3)]
    assert [desk.code(one) for one in numbers] == [Code.NO_ROOM] * 3
    desk.survey(23 * GB)
    assert [desk.state(one) for one in numbers] == [RUNNING, RUNNING, NEEDS_USER]
    assert [look.transfer for look in desk.looks] == numbers[:2], "the third was not stirred in vain"


def test_what_lies_there_and_what_is_reserved_is_not_needed_again() -> None:
    desk = Disks(3 * GB)
    number = desk.tell(m.Add(1, *_wish("a.zip", 10 * GB)))
    assert number is not None
    desk.look(Standing(StandingKind.PARTIAL, GB, allocated=9 * GB))
    assert desk.state(number) is RUNNING
    # A worker that reserved the rest has taken nothing away from the sum.
    file = desk.take(Fetch)[0].files[0]
    desk.survey(2 * GB - 1, {file.id: 10 * GB})
    assert desk.state(number) is RUNNING
    desk.survey(2 * GB - 1, {file.id: 8 * GB})
    assert desk.code(number) is Code.DISK_FULL


def _wish(path: str, size: int) -> tuple[Dataset, list[RemoteFile], str]:
    return Dataset("aihub", "1", ""), [RemoteFile("aihub", "1", path, path, SizeRange(size, size, ""))], "/f"


def test_rounded_sizes_ask_for_their_low_end() -> None:
    desk = Disks(12 * GB)
    dataset, (file,), folder = _wish("a.zip", 0)
    rounded = RemoteFile("aihub", "1", "a", file.path, SizeRange(10 * GB, 11 * GB, "10 GB"))
    number = desk.tell(m.Add(1, dataset, [rounded], folder))
    assert number is not None
    desk.look()
    assert desk.state(number) is RUNNING


def test_without_a_volume_nothing_is_refused() -> None:
    desk = Desk()
    number = desk.add([("a.zip", 1 << 60)])
    assert desk.state(number) is RUNNING


# ---- full ----------------------------------------------------------------------------------------


def test_a_full_disk_stops_all_on_it_once_and_they_go_on_together() -> None:
    desk = Disks(100 * GB)
    first, second = desk.add([("a.zip", 9 * GB)], "/f"), desk.add([("b.zip", 9 * GB)], "/g")
    fetches = desk.take(Fetch)
    desk.tell(Ended(fetches[0].lease, Problem(Code.DISK_FULL)))
    assert [desk.code(one) for one in (first, second)] == [Code.DISK_FULL] * 2
    assert [halt.lease for halt in desk.take(Halt)] == [fetches[1].lease]
    desk.tell(Ended(fetches[1].lease))
    desk.survey(0)
    assert [desk.state(one) for one in (first, second)] == [NEEDS_USER] * 2
    desk.survey(2 * GB + 1)  # above the floor, but not clearly
    assert [desk.state(one) for one in (first, second)] == [NEEDS_USER] * 2
    desk.survey(30 * GB)
    assert [desk.state(one) for one in (first, second)] == [RUNNING] * 2


def test_below_the_floor_who_is_nearly_through_may_end() -> None:
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", 9 * GB)])
    (fetch,) = desk.take(Fetch)
    desk.tell(Reached(fetch.lease, 9 * GB, [FileReach(fetch.files[0].id, 9 * GB - 100 * MB, 0)]))
    desk.survey(GB)
    assert desk.state(number) is RUNNING
    desk.survey(150 * MB)
    assert desk.code(number) is Code.DISK_FULL


def test_where_room_only_seems_to_be_each_try_waits_longer() -> None:
    """A quota: the disk is full for us, whatever it shows."""
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", 9 * GB)])
    waits = []
    for _ in range(6):
        (fetch,) = desk.take(Fetch)
        desk.tell(Ended(fetch.lease, Problem(Code.DISK_FULL)))
        begun = desk.at
        while not any(isinstance(deed, Fetch) for deed in desk.deeds):
            desk.survey()
            assert desk.at < begun + 1000
        waits.append(desk.at - begun)
    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]
    # A person's word is tried at once.
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.DISK_FULL)))
    desk.tell(m.Resume(1, [number]))
    desk.look()
    desk.survey()
    assert desk.state(number) is RUNNING


# ---- files too large -----------------------------------------------------------------------------


def test_a_file_that_the_file_system_cannot_hold_fails_before_its_first_byte() -> None:
    desk = Disks(100 * GB, file_system="vfat")
    number = desk.add([("a.zip", 4 * GB), ("b.zip", 4 * GB - 1)])
    assert [names(fetch.files) for fetch in desk.take(Fetch)] == [["b.zip"]]
    large, other = desk.files(number)
    assert large.problem == Problem(Code.FILE_TOO_LARGE, {"name": "a.zip", "file_system": "vfat"})
    assert (large.state, other.state) == (FileState.FAILED, FileState.FETCHING)


def test_a_transfer_of_nothing_but_large_files_ends() -> None:
    desk = Disks(100 * GB, file_system="msdos")
    assert desk.state(desk.add([("a.zip", 5 * GB)])) is TransferState.FAILED


@pytest.mark.parametrize("name", ["exfat", "ntfs", "ext4", "APFS", "fuseblk", ""])
def test_other_file_systems_hold_large_files(name: str) -> None:
    assert Volume("", "/", 1, name, 0, 0).largest is None


@pytest.mark.parametrize("name", ["vfat", "msdos", "FAT32", "FAT"])
def test_fat_ends_at_four_gibibytes(name: str) -> None:
    assert Volume("", "/", 1, name, 0, 0).largest == 4 * GB - 1


# ---- drives that are away ------------------------------------------------------------------------

USB, OTHER = Mark("uuid:A", "/media/usb"), Mark("uuid:B", "/media/usb")
ROOT, NAMELESS = Mark("uuid:R", "/"), Mark("", "/media/usb")
BELOW, POINT = "/media/usb/data", "/media/usb"
NONE, ASKED, ACCEPTED = Word.NONE, Word.ASKED, Word.ACCEPTED


@pytest.mark.parametrize(
    "case",
    [
        (BELOW, None, ROOT, False, False, NONE, None),  # the first look of all
        (BELOW, USB, USB, True, False, NONE, None),
        (BELOW, USB, NAMELESS, True, False, NONE, None),  # nothing can be told: nothing is refused
        (BELOW, Mark("fsid:1", "/media/usb"), USB, True, False, NONE, None),  # two kinds of names do not compare
        (BELOW, USB, ROOT, False, False, NONE, Code.DRIVE_MISSING),
        (BELOW, NAMELESS, ROOT, False, False, NONE, Code.DRIVE_MISSING),  # its mount point is gone
        (BELOW, Mark("uuid:R", "/media/usb"), ROOT, False, False, NONE, Code.DRIVE_MISSING),  # a bound folder
        (POINT, USB, ROOT, True, False, NONE, Code.DRIVE_MISSING),  # an empty mount point
        (POINT, USB, ROOT, True, False, ASKED, Code.DRIVE_MISSING),
        (BELOW, USB, OTHER, False, False, NONE, Code.DRIVE_MISSING),
        (BELOW, USB, OTHER, True, False, NONE, Code.DRIVE_MISSING),
        (BELOW, USB, OTHER, True, True, NONE, None),  # carried over by hand
        (BELOW, USB, ROOT, True, True, NONE, None),
        (BELOW, USB, OTHER, False, False, ASKED, None),  # a new drive in the place of the old
        (BELOW, USB, ROOT, False, False, ASKED, Code.DRIVE_MISSING),
        (BELOW, USB, ROOT, True, False, ASKED, None),  # made by hand
        (BELOW, USB, ROOT, False, False, ACCEPTED, None),
        (BELOW, USB, USB, False, False, NONE, Code.TARGET_MISSING),  # deleted
        (BELOW, USB, USB, False, False, ASKED, None),
    ],
)
def test_where_a_folder_may_be_used_or_made(
    case: tuple[str, Mark | None, Mark, bool, bool, Word, Code | None],
) -> None:
    folder, known, here, exists, ours, word, code = case
    assert place_problem(folder, known, here, exists=exists, ours=ours, word=word) is code


def test_a_mark_is_text() -> None:
    assert Mark.of("") is None
    for mark in (USB, NAMELESS, Mark("", "/odd\nname")):
        assert Mark.of(str(mark)) == mark


def test_a_drive_that_is_away_is_waited_for() -> None:
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", GB)])
    desk.take(Fetch)
    desk.wait(3.0)
    (survey,) = desk.take(Survey)
    assert survey.volume == "uuid:1\n/"
    assert list(survey.parts.values()) == ["a.zip"]
    assert not survey.traces
    desk.tell(Surveyed(number, None, {}, Problem(Code.DRIVE_MISSING)))
    assert desk.code(number) is Code.DRIVE_MISSING
    desk.give_back()
    desk.survey()
    assert desk.state(number) is RUNNING


def test_a_worker_that_sees_less_is_corrected_by_the_survey() -> None:
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.DISK_ERROR)))
    desk.wait(3.0)
    (survey,) = desk.take(Survey)
    assert survey.traces
    desk.tell(Surveyed(number, None, {}, Problem(Code.NOT_WRITABLE)))
    assert desk.code(number) is Code.DISK_ERROR
    desk.survey()
    assert desk.state(number) is NEEDS_USER, "an error of the disk takes a person's word"
    desk.wait(3.0)
    desk.take(Survey)
    desk.tell(Surveyed(number, None, {}, Problem(Code.DRIVE_MISSING)))
    assert desk.code(number) is Code.DRIVE_MISSING
    desk.survey()
    assert desk.state(number) is RUNNING


def test_a_share_that_says_nothing_is_away_until_it_speaks() -> None:
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", GB)])
    desk.take(Fetch)
    desk.wait(3.0)
    (survey,) = desk.take(Survey)
    desk.wait(58.0)
    assert desk.state(number) is RUNNING
    desk.wait(3.0)
    assert desk.code(number) is Code.DRIVE_MISSING
    assert desk.take(Survey) == [], "one at a time: each holds a thread"
    desk.give_back()
    desk.tell(Surveyed(survey.transfer, desk.volume, {}))
    desk.look()
    assert desk.state(number) is RUNNING


def test_what_fails_again_though_it_looks_well_is_tried_ever_later() -> None:
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", GB)])
    waits = []
    for _ in range(5):
        (fetch,) = desk.take(Fetch)
        desk.tell(Ended(fetch.lease, Problem(Code.NOT_WRITABLE)))
        begun = desk.at
        while desk.state(number) is NEEDS_USER:
            desk.survey()
        waits.append(desk.at - begun)
    assert waits == sorted(waits)
    assert waits[-1] > 5 * waits[0]


def test_who_is_named_accepts_the_place_and_who_resumes_all_does_not() -> None:
    desk = Disks(100 * GB)
    number = desk.add([("a.zip", GB)])
    (fetch,) = desk.take(Fetch)
    desk.tell(Ended(fetch.lease, Problem(Code.TARGET_MISSING)))
    for keys, word in ((None, NONE), ([number], ACCEPTED)):
        desk.tell(m.Resume(1, keys))
        (look,) = desk.take(LookAt)
        assert look.word is word
        desk.tell(Looked(number, {}, Problem(Code.DRIVE_MISSING)))


# ---- this machine's volumes ----------------------------------------------------------------------


def test_a_volume_of_this_machine(tmp_path: Path) -> None:
    volume = volume_of(tmp_path)
    assert volume.device == tmp_path.stat().st_dev
    assert 0 <= volume.free <= volume.total
    assert volume.total > 0
    assert volume.mount
    assert tmp_path.resolve().is_relative_to(volume.mount)
    assert volume.mark.is_same(volume_of(tmp_path).mark)


def test_the_nearest_folder_follows_links(tmp_path: Path) -> None:
    assert nearest(tmp_path) == tmp_path.resolve()
    assert nearest(tmp_path / "a" / "b") == tmp_path.resolve()
    away = tmp_path / "away" / "drive"
    (tmp_path / "link").symlink_to(away, target_is_directory=True)
    assert nearest(tmp_path / "link" / "data") == tmp_path.resolve()
    assert not is_unmounted(tmp_path / "a", tmp_path)


def test_what_a_file_takes_up(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(bytes(100_000))
    assert allocated(file.stat()) >= 100_000


# ---- any order -----------------------------------------------------------------------------------

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 40 * GB)),
        st.tuples(st.just("free"), st.integers(0, 100 * GB)),
        st.tuples(st.just("full"), st.just(0)),
        st.tuples(st.just("missing"), st.just(0)),
        st.tuples(st.just("sealed"), st.just(0)),
    ),
    max_size=25,
)
_CODES = {"full": Code.DISK_FULL, "missing": Code.TARGET_MISSING, "sealed": Code.NOT_WRITABLE}


@given(_STEPS)
@settings(deadline=None, max_examples=60)
def test_in_any_order_nobody_is_promised_room_twice_and_all_go_on_in_the_end(steps: list[tuple[str, int]]) -> None:
    desk = Disks(50 * GB)
    transfers = desk.core.book.transfers
    for place, (word, amount) in enumerate(steps):
        match word:
            case "add":
                desk.add([("a.zip", amount)], f"/{place}")
            case "free":
                desk.survey(amount)
            case _:
                desk.fail(_CODES[word])
        promised = [one.still_low for one in transfers.values() if one.state in TRANSFER_MAY_RUN and one.berth.admitted]
        newest = [one for one in transfers.values() if one.id == max(transfers)]
        if word == "add" and newest[0].berth.admitted:
            assert sum(promised) <= usable(desk.volume.free, desk.volume.total, 2 * GB)
        desk.give_back()
    desk.volume = msgspec.structs.replace(desk.volume, free=10_000 * GB, total=20_000 * GB)
    for _ in range(500):
        desk.survey()
        desk.give_back()
        if all(one.state in TRANSFER_MAY_RUN and one.berth.admitted for one in transfers.values()):
            return
    raise AssertionError([(one.state, one.problem) for one in transfers.values()])
