"""Where files stand on disk, at every point at which a run can end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tapes import Tape, check, order, pieces, receive, sha256, tar, work

from aihub_desktop.disk.target import Target
from aihub_desktop.disk.volume import allocated
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, Proved, WorkFile
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import NOTHING, Standing, StandingKind, forget_journal, look, sweep

DATA = bytes(range(256)) * 100
WORK = work(1, "d/a b.csv", len(DATA))
WHOLE: dict[str, Any] = {"bytes": len(DATA), "size": len(DATA), "sha256": sha256(DATA)}
DONE = Standing(StandingKind.DONE, **WHOLE, proof="length")


def stand(folder: Path, one: WorkFile = WORK) -> Standing:
    return msgspec.structs.replace(look(folder, [one])[one.id], allocated=0)


def fetch(folder: Path, one: WorkFile = WORK, data: bytes = DATA, cut: int | None = None) -> None:
    stream = tar(pieces(one.place, data, 10_000))
    receive(order(folder, [one]), Tape(stream[:cut], ending="clean" if cut is None else "cut"))


def record(folder: Path, one: WorkFile = WORK, data: bytes = DATA) -> None:
    Ledger(folder).record([Entry.of(one, Proved(1, one.id, len(data), sha256(data), Proof.LENGTH))])


def finished(folder: Path, one: WorkFile = WORK, data: bytes = DATA) -> None:
    fetch(folder, one, data)
    assert check(folder, [one]).proved
    record(folder, one, data)
    forget_journal(Target(folder), one.place)


def test_what_a_part_takes_up_is_told_until_it_is_whole(folder: Path) -> None:
    fetch(folder, cut=15_000)
    part = folder / "d/a_b.csv.part"
    assert look(folder, [WORK])[WORK.id].allocated == allocated(os.stat(part)) >= 10_000
    (folder / "d/a_b.csv.part.journal").unlink()
    assert look(folder, [WORK])[WORK.id].allocated == allocated(os.stat(part))
    fetch(folder)
    assert look(folder, [WORK])[WORK.id].allocated == 0


def test_the_road_of_a_file(folder: Path) -> None:
    assert stand(folder) == NOTHING
    fetch(folder, cut=15_000)
    partial = stand(folder)
    assert partial.kind is StandingKind.PARTIAL
    assert 10_000 < partial.bytes < 15_000
    fetch(folder)
    assert stand(folder) == Standing(StandingKind.WHOLE, **WHOLE)
    assert check(folder, [WORK]).proved
    assert stand(folder) == Standing(StandingKind.PUBLISHED, **WHOLE)
    record(folder)
    assert (folder / "d/a_b.csv.part.journal").exists()
    assert stand(folder) == DONE
    sweep(folder, [WORK])
    assert [path.name for path in (folder / "d").iterdir()] == ["a_b.csv"]


def test_a_crash_between_link_and_unlink_is_no_stranger(folder: Path) -> None:
    fetch(folder)
    os.link(folder / "d/a_b.csv.part", folder / "d/a_b.csv")
    assert stand(folder).kind is StandingKind.PUBLISHED
    assert check(folder, [WORK]).proved[1].sha256 == sha256(DATA)
    assert not (folder / "d/a_b.csv.part").exists()
    record(folder)
    assert stand(folder) == DONE


def test_a_journal_that_cannot_be_removed_does_no_harm(folder: Path) -> None:
    fetch(folder)
    assert check(folder, [WORK]).proved
    record(folder)
    (folder / "d").chmod(0o500)
    try:
        assert stand(folder) == DONE
    finally:
        (folder / "d").chmod(0o700)


def test_forgetting_also_ends_a_second_name(folder: Path) -> None:
    fetch(folder)
    os.link(folder / "d/a_b.csv.part", folder / "d/a_b.csv")
    forget_journal(Target(folder), WORK.place)
    assert [path.name for path in (folder / "d").iterdir()] == ["a_b.csv"]
    forget_journal(Target(folder), WORK.place)


def test_another_file_under_the_name_is_in_the_way(folder: Path) -> None:
    (folder / "d").mkdir()
    (folder / "d/a_b.csv").write_bytes(DATA)
    assert stand(folder).kind is StandingKind.IN_THE_WAY
    fetch(folder)
    assert stand(folder).kind is StandingKind.IN_THE_WAY


@pytest.mark.parametrize("name", ["d/a_b.csv", "d/a_b.csv.part", "d/a_b.csv.part.journal"])
def test_what_is_no_file_is_in_the_way(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    assert stand(folder).kind is StandingKind.IN_THE_WAY


def test_a_file_that_was_changed_by_someone_is_in_the_way(folder: Path) -> None:
    finished(folder)
    with (folder / "d/a_b.csv").open("ab") as file:
        file.write(b"a note of mine")
    assert stand(folder).kind is StandingKind.IN_THE_WAY


def test_a_file_that_was_removed_is_nothing_again(folder: Path) -> None:
    finished(folder)
    (folder / "d/a_b.csv").unlink()
    assert stand(folder) == NOTHING


def test_our_file_of_an_older_release_may_be_replaced(folder: Path) -> None:
    finished(folder)
    newer = work(1, "d/a b.csv", len(DATA), key="released anew")
    assert stand(folder, newer) == NOTHING
    data = DATA[::-1]
    fetch(folder, newer, data, cut=15_000)
    assert stand(folder, newer).kind is StandingKind.PARTIAL
    finished(folder, newer, data)
    assert (folder / "d/a_b.csv").read_bytes() == data
    assert stand(folder, newer).kind is StandingKind.DONE
    # The older one is not there any more; what is there is ours.
    assert stand(folder) == NOTHING


def test_the_same_key_in_another_dataset_is_another_file(folder: Path) -> None:
    finished(folder)
    package = msgspec.structs.replace(WORK, file=msgspec.structs.replace(WORK.file, package=True))
    other = msgspec.structs.replace(WORK, file=msgspec.structs.replace(WORK.file, dataset="8"))
    assert stand(folder, package) == stand(folder, other) == NOTHING


def test_a_file_received_anew_is_not_taken_for_the_recorded_one(folder: Path) -> None:
    """The crash came between the new file's name and its line: the old line must not vouch for it."""
    finished(folder)
    (folder / "d/a_b.csv").unlink()
    data = DATA[::-1]
    fetch(folder, data=data)
    assert check(folder, [WORK]).proved
    assert stand(folder) == Standing(StandingKind.PUBLISHED, len(data), len(data), sha256(data))


def test_a_journal_of_another_file_counts_for_nothing(folder: Path) -> None:
    fetch(folder, cut=15_000)
    assert stand(folder, work(1, "d/a b.csv", len(DATA), key="other")) == NOTHING


def test_a_part_that_was_cut_short_counts_for_what_it_holds(folder: Path) -> None:
    fetch(folder)
    os.truncate(folder / "d/a_b.csv.part", 12_000)
    assert stand(folder) == Standing(StandingKind.PARTIAL, 12_000)
    (folder / "d/a_b.csv.part").unlink()
    assert stand(folder) == NOTHING


def test_a_part_without_its_journal_is_nothing(folder: Path) -> None:
    fetch(folder, cut=15_000)
    (folder / "d/a_b.csv.part.journal").unlink()
    assert stand(folder) == NOTHING


def test_a_manifest_of_someone_else_proves_no_file_of_ours(folder: Path) -> None:
    finished(folder)
    (folder / ".aihub/log.jsonl").unlink()
    assert stand(folder).kind is StandingKind.IN_THE_WAY


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert stand(tmp_path / "none") == NOTHING


def test_a_ledger_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / ".aihub").symlink_to(tmp_path)
    with pytest.raises(ProblemError) as caught:
        look(folder, [WORK])
    assert caught.value.problem.code is Code.IN_THE_WAY


def test_a_moved_folder_stands_where_it_stood(folder: Path, tmp_path: Path) -> None:
    fetch(folder, cut=15_000)
    before = stand(folder)
    folder.rename(tmp_path / "another drive")
    assert stand(tmp_path / "another drive") == before


def test_four_thousand_files_are_looked_at_in_moments(folder: Path) -> None:
    works = [work(number, f"d/{number % 50}/파일 {number}.json", 10) for number in range(4000)]
    for number in range(50):
        (folder / "d" / str(number)).mkdir(parents=True)
    for one in works[::2]:
        (folder / one.place).write_bytes(b"0123456789")
    digest = sha256(b"0123456789")
    Ledger(folder).record([Entry.of(one, Proved(1, one.id, 10, digest, Proof.LENGTH)) for one in works[::2]])
    began = time.process_time()
    standings = look(folder, works)
    assert time.process_time() - began < 3
    kinds = [standings[one.id].kind for one in works]
    assert kinds == [StandingKind.DONE, StandingKind.NOTHING] * 2000
