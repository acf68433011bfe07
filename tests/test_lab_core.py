"""When files of a lab's machine are left to the hub, and when they are not: the decisions, without any machine."""

from __future__ import annotations

import msgspec
import pytest
from desks import Desk, names

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Ended, Failed, FileReach, Reached, Safe
from aihub_desktop.domain.model import HUB, Algorithm, Checksum, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import Collect, Fetch, Halt
from aihub_desktop.engine.records import FileRecord
from aihub_desktop.sources.aihub.listing import parse_size

ONE, TWO = "http://10.0.0.7:8717", "https://lab.example"
AWAY = Problem(Code.UNREACHABLE, {"why": "refused"})


def lab_file(number: int, size: int = 20_000_000, lab: str = ONE, *, alone: bool = False) -> RemoteFile:
    checksum = Checksum(Algorithm.SHA256, f"{number:064x}")
    origin = Origin((f"{lab}/files/{number}.zip",), f'"{number:064x}"', (checksum,), alone=alone)
    shown = msgspec.structs.replace(SizeRange.exactly(size), shown="19 MB")
    return RemoteFile(HUB, "7", str(number), f"{number}.zip", shown, origin=origin)


def desk_with(files: list[RemoteFile]) -> Desk:
    desk = Desk()
    desk.core = Core(Settings(spread=0.0, backoff_first=0.1, backoff_longest=0.1), seed=1, processes=1)
    desk.tell(m.Add(1, Dataset(HUB, "7", ""), files, "/f"))
    desk.look()
    return desk


def records(desk: Desk) -> list[FileRecord]:
    return sorted(desk.core.book.files.values(), key=lambda file: int(file.remote.key))


def of_hub(desk: Desk) -> list[str]:
    return [file.remote.key for file in records(desk) if not file.remote.is_of_lab]


def test_what_a_lab_has_is_asked_of_it_alone() -> None:
    others = [lab_file(3, lab=TWO), RemoteFile(HUB, "7", "4", "4.zip", parse_size("19 MB"))]
    desk = desk_with([lab_file(1), lab_file(2), *others])
    assert [names(deed.files) for deed in desk.take(Fetch)] == [["4.zip"]]
    gathers = desk.take(Collect)
    assert sorted(names(deed.files) for deed in gathers) == [["1.zip", "2.zip"], ["3.zip"]]
    assert {lease.place for lease in desk.core.book.leases.values() if lease.place} == {f"lab {ONE}", f"lab {TWO}"}


@pytest.mark.parametrize(
    "code",
    [Code.NO_ACCESS, Code.NO_CREDENTIALS, Code.NOT_THERE, Code.CHANGED, Code.WRONG_CHECKSUM, Code.WRONG_SIZE,
     Code.WRONG_ANSWER, Code.KEYCHAIN_LOCKED, Code.TLS_UNTRUSTED],
)  # fmt: skip
def test_what_another_try_cannot_mend_is_left_to_the_hub(code: Code) -> None:
    desk = desk_with([lab_file(1), lab_file(2)])
    (deed,) = desk.take(Collect)
    desk.tell(Failed(deed.lease, deed.files[0].id, Problem(code)))
    first, second = records(desk)
    assert first.remote == RemoteFile(HUB, "7", "1", "1.zip", parse_size("19 MB"))
    assert first.problem == Problem(code)
    # The machine is given up where it is to blame, and not for one file.
    is_given_up = code in (Code.NO_ACCESS, Code.NO_CREDENTIALS, Code.KEYCHAIN_LOCKED, Code.TLS_UNTRUSTED)
    assert [deed.lease for deed in desk.take(Halt)] == ([deed.lease] if is_given_up else [])
    desk.tell(Ended(deed.lease))
    assert second.remote.is_of_lab is not is_given_up
    assert desk.take(Fetch)


def test_a_line_that_breaks_is_tried_again_first() -> None:
    desk = desk_with([lab_file(1), lab_file(2), lab_file(3, lab=TWO)])
    gathers = desk.take(Collect)
    for turn in range(3):
        (deed,) = [one for one in gathers if names(one.files)[0] in ("1.zip", "2.zip")]
        assert of_hub(desk) == []
        desk.tell(Ended(deed.lease, AWAY))
        desk.wait(1.0)
        gathers = desk.take(Collect)
        assert bool(gathers) == (turn < 2)
    assert of_hub(desk) == ["1", "2"]  # and the other machine's stay there
    assert [names(deed.files) for deed in desk.take(Fetch)]


def test_tries_count_only_while_nothing_comes() -> None:
    desk = desk_with([lab_file(1)])
    for turn in range(1, 12):
        (deed,) = desk.take(Collect)
        file = deed.files[0].id
        desk.tell(Reached(deed.lease, turn, [FileReach(file, turn * 1000, 0)], opened=True))
        desk.tell(Safe(deed.lease, file, turn * 1000, 1000))
        desk.tell(Ended(deed.lease, Problem(Code.CUT)))
        desk.wait(1.0)
    assert of_hub(desk) == []


def test_only_from_the_lab() -> None:
    desk = desk_with([lab_file(1, alone=True), lab_file(2)])
    (deed,) = desk.take(Collect)
    desk.tell(Ended(deed.lease, Problem(Code.NO_ACCESS)))
    assert of_hub(desk) == ["2"]
    assert desk.core.book.transfers[1].state is TransferState.NEEDS_USER


def test_the_disk_is_not_the_labs_affair() -> None:
    desk = desk_with([lab_file(1)])
    (deed,) = desk.take(Collect)
    desk.tell(Ended(deed.lease, Problem(Code.DISK_FULL)))
    assert of_hub(desk) == []


def test_who_asks_again_asks_the_lab_again() -> None:
    files = [lab_file(1), lab_file(2)]
    desk = desk_with(files)
    (deed,) = desk.take(Collect)
    desk.tell(Ended(deed.lease, Problem(Code.NO_ACCESS)))
    assert of_hub(desk) == ["1", "2"]
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.tell(m.Pause(2))
    for lease in list(desk.core.book.leases):
        desk.tell(Ended(lease))
    desk.tell(m.Add(3, Dataset(HUB, "7", ""), files, "/f"))
    assert of_hub(desk) == []
    assert {file.state for file in records(desk)} == {FileState.WAITING}
