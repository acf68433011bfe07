"""What other tools left behind: found, proved, taken over. Right bytes under a final name, or the right word."""

from __future__ import annotations

import io
import os
import random
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from engines import final_files, manifest, sha256
from leavings import (
    BIG,
    MISSING,
    PIECE,
    SEED,
    SPLIT,
    TABLE,
    TOP,
    Leavings,
    archive,
    cat,
    files,
    finished,
    pieces_of,
    remote,
    snapshot,
    untar,
)
from rights import as_anybody

from aihub_desktop.archives.ziparchive import StoppedError
from aihub_desktop.demo.archives import Entry as Zipped
from aihub_desktop.demo.archives import zipped
from aihub_desktop.domain.adoption import Fate, Origin, State
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof, WorkFile
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.domain.names import safe_path
from aihub_desktop.holdings.adopt import Adoption
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.holdings.fates import Told, Ways
from aihub_desktop.holdings.leftovers import Names
from aihub_desktop.holdings.placing import NOTE
from aihub_desktop.holdings.survey import survey
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import StandingKind, look

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the official flow needs {', '.join(MISSING)} on the PATH")

BIG_PLACE = BIG.replace(" ", "_")
TABLE_PLACE = TABLE.replace(" ", "_")
# Of these the bytes themselves say that they are all.
PROVED = (".zip", ".tar", ".gz", ".json", ".z01", ".z02", ".z03", ".z04")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Leavings:
    return Leavings.of(files(), tmp_path_factory.mktemp("hub"))


def standings(left: Leavings, folder: Path) -> set[StandingKind]:
    """What an engine would think of the files."""
    works = [WorkFile(number, file, str(safe_path(file.path))) for number, file in enumerate(left.tree)]
    return {standing.kind for standing in look(folder, works).values()}


# The tar as it came.


@pytest.mark.parametrize(
    "name",
    [
        "download.tar",
        "download (1).tar",
        "download",
        "확인되지 않음 39412.crdownload",
        "Vk3x.tar.part",
        "x.tar.download",
    ],
)
def test_a_tar_by_any_name(made: Leavings, folder: Path, name: str) -> None:
    (folder / name).write_bytes(made.tar)
    assert {find.state for find in made.look(folder)} == {State.WHOLE}
    assert set(made.adopt(folder).values()) == {Fate.ADOPTED}
    made.check(folder)
    assert (folder / name).read_bytes() == made.tar
    assert standings(made, folder) == {StandingKind.DONE}


def test_the_ledger_tells_where_it_came_from_and_how_it_was_proved(made: Leavings, folder: Path) -> None:
    (folder / "download.tar").write_bytes(made.tar)
    made.adopt(folder)
    entries = Ledger(folder).entries()
    big = entries[BIG_PLACE]
    assert (big.source, big.dataset, big.key, big.path) == ("aihub", "90001", made.file(BIG).key, BIG)
    assert (big.proof, big.note, big.size) == (Proof.ARCHIVE, NOTE, len(made.right[BIG_PLACE]))
    assert entries[f"{SPLIT.replace(' ', '_')}.z01"].proof == Proof.ARCHIVE  # the set was proved together
    assert entries[TABLE_PLACE].proof == Proof.LENGTH


def test_a_tar_that_was_cut_off_anywhere(made: Leavings, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    for number in range(24):
        folder = tmp_path / str(number)
        folder.mkdir()
        length = dice.randrange(1, len(made.tar))
        (folder / "download.tar.crdownload").write_bytes(made.tar[:length])
        there = whole_before(made, length)
        fates = made.adopt(folder)
        adopted = {place for place, fate in fates.items() if fate is Fate.ADOPTED}
        assert adopted <= there, length
        assert {place for place in there if place.endswith(PROVED) and ".z" not in place[-4:]} <= adopted, length
        made.check(folder, sorted(adopted))
        made.right_names(folder)


def whole_before(left: Leavings, length: int) -> set[str]:
    """The files all of whose bytes lie in the first `length` bytes of the tar."""
    ends: dict[str, int] = {}
    with tarfile.open(fileobj=io.BytesIO(left.tar)) as tar:
        for member in tar:
            ends[member.name.rpartition(".part")[0]] = member.offset_data + member.size
    return {place for place, end in ends.items() if end <= length}


def test_at_the_end_of_a_member_more_pieces_may_have_been_to_come(tmp_path: Path) -> None:
    """The size of the tree is rounded: without its last piece a file may still seem whole."""
    data = random.Random(SEED).randbytes((20 << 20) + 9000)
    left = Leavings.of({"a.csv": data, "b.csv": data[:5000]}, tmp_path, 4 << 20)
    folder = tmp_path / "f"
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(left.tar)) as tar:
        last = next(member for member in tar if member.name == f"a.csv.part{20 << 20}")
        following = next(member for member in tar if member.name == "b.csv.part0")
    (folder / "download.tar").write_bytes(left.tar[: last.offset])
    assert left.states(folder) == {"download.tar": State.WHOLE}
    assert left.adopt(folder) == {"a.csv": Fate.UNPROVED}
    left.check(folder, [])
    assert snapshot(folder).keys() == {"download.tar"}
    # The next member begins: nothing more of the first can be missing.
    (folder / "download.tar").write_bytes(left.tar[: following.offset_data])
    assert left.adopt(folder)["a.csv"] is Fate.ADOPTED


def test_pieces_that_came_twice(made: Leavings, folder: Path) -> None:
    end = made.tar.rstrip(b"\0")
    body = made.tar[: len(end) + -len(end) % 512]
    (folder / "download.tar").write_bytes(body + made.tar)
    assert set(made.adopt(folder).values()) == {Fate.ADOPTED}
    made.check(folder)


def test_what_is_no_tar_of_this_dataset_is_nothing(made: Leavings, folder: Path) -> None:
    with tarfile.open(folder / "other.tar", "w") as tar:
        member = tarfile.TarInfo("x/y.bin")
        tar.addfile(member, io.BytesIO())
    (folder / "download.tar").write_bytes(b"<html>login</html>" * 100)
    (folder / "empty.tar").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    assert made.look(folder) == []
    assert made.adopt(folder) == {}


def test_members_that_would_lead_outside_are_nothing(made: Leavings, folder: Path, tmp_path: Path) -> None:
    with tarfile.open(folder / "download.tar", "w") as tar:
        for name in ("../out.csv", "/abs.csv", f"../../{TABLE_PLACE}.part0"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
        link = tarfile.TarInfo(f"{TABLE_PLACE}.part0")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    before = snapshot(tmp_path)
    assert Fate.ADOPTED not in made.adopt(folder).values()
    assert snapshot(tmp_path) == before


# Loose pieces.


def test_pieces_of_the_script(made: Leavings, folder: Path) -> None:
    (folder / "download.tar").write_bytes(made.tar)
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    before = snapshot(folder)
    fates = made.adopt(folder)
    # Of a table nothing proves that the last piece is whole.
    assert {place for place, fate in fates.items() if fate is Fate.UNPROVED} == {TABLE_PLACE}
    made.check(folder, [place for place in made.right if place != TABLE_PLACE])
    after = snapshot(folder)
    assert {name: state for name, state in after.items() if name in before} == before


def test_pieces_of_a_tar_that_was_cut_off(made: Leavings, tmp_path: Path) -> None:
    dice = random.Random(SEED + 1)
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        length = dice.randrange(2000, len(made.tar))
        (folder / "download.tar").write_bytes(made.tar[:length])
        untar(folder / "download.tar")
        (folder / "download.tar").unlink()
        fates = made.adopt(folder)
        adopted = {place for place, fate in fates.items() if fate is Fate.ADOPTED}
        assert adopted <= whole_before(made, length), length
        made.check(folder, sorted(adopted))
        made.right_names(folder)


@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_piece_is_missing(made: Leavings, folder: Path, place: int) -> None:
    (folder / "download.tar").write_bytes(made.tar)
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    pieces_of(folder, BIG_PLACE)[place].unlink()
    fates = made.adopt(folder)
    assert BIG_PLACE not in fates or fates[BIG_PLACE] is Fate.DAMAGED
    assert not (folder / BIG_PLACE).exists()


def test_pieces_that_are_counted(folder: Path, tmp_path: Path) -> None:
    data = archive(300_000)
    left = Leavings([remote("1", "a.zip", len(data))], b"", {"a.zip": data})
    for number, start in enumerate(range(0, len(data), PIECE)):
        (folder / f"a.zip.part{number}").write_bytes(data[start : start + PIECE])
    assert left.adopt(folder) == {"a.zip": Fate.ADOPTED}
    left.check(folder)


# Merged in the wrong order.


def textual(paths: list[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.name)


def shuffled(seed: int, *, last_too: bool = True) -> object:
    def order(paths: list[Path]) -> list[Path]:
        dice = random.Random(seed)
        found = paths if last_too else paths[:-1]
        mixed = dice.sample(found, len(found))
        return mixed + paths[len(found) :]

    return order


@pytest.mark.parametrize("count", range(2, 13))
@pytest.mark.parametrize("way", ["textual", "any", "last-stays"])
def test_a_merge_in_the_wrong_order(tmp_path: Path, count: int, way: str) -> None:
    size = (count - 1) * PIECE + PIECE // 3
    given = {"가/a b.zip": archive(size, count)}
    left = Leavings.of(given, tmp_path)
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "download.tar").write_bytes(left.tar)
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    place, seed = "가/a_b.zip", SEED + count
    print(f"seed {seed}")
    order = textual if way == "textual" else shuffled(seed, last_too=way == "any")
    cat(folder, place, order)  # type: ignore[arg-type]
    merged = (folder / place).read_bytes()
    is_right = merged == left.right[place]
    assert left.states(folder) == {place: State.WHOLE if is_right else State.MISJOINED}
    assert left.adopt(folder) == {place: Fate.ADOPTED}
    left.check(folder)
    bad = folder / f"{place}.bad"
    assert bad.exists() is not is_right
    assert is_right or bad.read_bytes() == merged


def test_a_merge_whose_directory_is_longer_than_a_piece(tmp_path: Path) -> None:
    data = archive(1_100_000, entries=1500)
    left = Leavings.of({"a.zip": data}, tmp_path)
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "download.tar").write_bytes(left.tar)
    untar(tmp_path / "f" / "download.tar")
    (tmp_path / "f" / "download.tar").unlink()
    cat(tmp_path / "f", "a.zip", textual)
    assert left.adopt(tmp_path / "f") == {"a.zip": Fate.ADOPTED}
    left.check(tmp_path / "f")


def test_a_mis_merged_file_goes_if_that_is_wished(tmp_path: Path) -> None:
    data = archive(11 * PIECE + 500)
    left = Leavings.of({"a.zip": data}, tmp_path)
    folder = tmp_path / "f"
    finished(folder, {"a.zip": data[PIECE:] + data[:PIECE]})
    assert left.adopt(folder, ways=Ways(drop_broken=True)) == {"a.zip": Fate.ADOPTED}
    assert final_files(folder) == {"a.zip": data}


def test_a_zip_that_no_order_mends(folder: Path) -> None:
    data = bytearray(archive(11 * PIECE))
    left = Leavings([remote("1", "a.zip", len(data))], b"", {"a.zip": bytes(data)})
    data[len(data) // 2 : len(data) // 2 + 40_000] = bytes(40_000)
    finished(folder, {"a.zip": bytes(data[:-50])})
    before = snapshot(folder)
    assert left.states(folder) == {"a.zip": State.DAMAGED}
    assert left.adopt(folder) == {}
    assert snapshot(folder) == before


# Finished folders.


def test_a_finished_folder_is_taken_as_it_is(made: Leavings, folder: Path) -> None:
    finished(folder, made.right)
    before = snapshot(folder)
    assert set(made.adopt(folder).values()) == {Fate.ADOPTED}
    made.check(folder)
    assert snapshot(folder) == before
    assert set(made.states(folder).values()) == {State.RECORDED}
    assert made.adopt(folder) == {}  # nothing is left to be done


def test_decomposed_names_and_folders_of_another_kind(made: Leavings, folder: Path, tmp_path: Path) -> None:
    away = {unicodedata.normalize("NFD", f"받은 것/{place}"): data for place, data in made.right.items()}
    finished(tmp_path / "old", away)
    assert set(made.adopt(tmp_path / "old", folder).values()) == {Fate.ADOPTED}
    made.check(folder)
    assert set(final_files(tmp_path / "old")) == set(away)


def test_moved_instead_of_copied(made: Leavings, folder: Path, tmp_path: Path) -> None:
    finished(tmp_path / "old/deep", made.right)
    numbers = {path.stat().st_ino for path in (tmp_path / "old").rglob("*") if path.is_file()}
    assert set(made.adopt(tmp_path / "old", folder, Ways(move=True)).values()) == {Fate.ADOPTED}
    made.check(folder)
    assert not final_files(tmp_path / "old")
    assert {(folder / place).stat().st_ino for place in made.right} == numbers


def test_a_name_that_a_browser_counted(made: Leavings, folder: Path) -> None:
    finished(folder, {"TS 01 (2).zip": made.right[BIG_PLACE]})
    assert made.adopt(folder) == {BIG_PLACE: Fate.ADOPTED}
    made.check(folder, [BIG_PLACE])


def test_sizes_that_the_tree_does_not_allow(made: Leavings, folder: Path) -> None:
    finished(folder, {BIG_PLACE: b"x" * 1000, TABLE_PLACE: made.right[TABLE_PLACE][:-5000]})
    before = snapshot(folder)
    assert made.states(folder) == {BIG_PLACE: State.FOREIGN, TABLE_PLACE: State.FOREIGN}
    assert made.adopt(folder) == {}
    assert snapshot(folder) == before


def test_another_file_of_the_same_name_and_size(made: Leavings, folder: Path) -> None:
    right = made.right[BIG_PLACE]
    with zipfile.ZipFile(io.BytesIO(right)) as opened:
        first = opened.infolist()[0]
        at = first.header_offset + 100
    wrong = right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :]
    finished(folder, {BIG_PLACE: wrong})
    assert made.adopt(folder) == {BIG_PLACE: Fate.DAMAGED}
    assert manifest(folder) == {}
    assert (folder / BIG_PLACE).read_bytes() == wrong
    # A right one lies elsewhere, and may take its place where that is said.
    finished(folder, {"sound/TS_01.zip": right})
    assert made.adopt(folder) == {BIG_PLACE: Fate.BLOCKED}
    assert made.adopt(folder, ways=Ways(set_aside=True)) == {BIG_PLACE: Fate.ADOPTED}
    made.check(folder, [BIG_PLACE])
    assert (folder / f"{BIG_PLACE}.bad").read_bytes() == wrong


def test_the_next_find_is_tried_where_the_first_is_damaged(made: Leavings, folder: Path) -> None:
    right = made.right[BIG_PLACE]
    finished(folder, {"a/TS_01.zip": right[:200] + b"\0" * 50 + right[250:], "b/TS_01.zip": right})
    assert made.adopt(folder) == {BIG_PLACE: Fate.ADOPTED}
    made.check(folder, [BIG_PLACE])


def test_two_tables_of_one_name_that_differ(made: Leavings, folder: Path) -> None:
    right = made.right[TABLE_PLACE]
    finished(folder, {"a/표.csv": right, "b/표.csv": right[:-1] + b"!"})
    assert made.adopt(folder) == {TABLE_PLACE: Fate.UNCLEAR}
    made.check(folder, [])
    assert not (folder / TABLE_PLACE).exists()
    (folder / "b/표.csv").write_bytes(right)
    assert made.adopt(folder) == {TABLE_PLACE: Fate.ADOPTED}


def test_a_name_that_occurs_in_two_folders_of_the_tree(folder: Path) -> None:
    data = archive(60_000)
    left = Leavings(
        [remote("1", "가/TL.zip", len(data)), remote("2", "나/TL.zip", len(data))], b"",
        {"가/TL.zip": data, "나/TL.zip": data},
    )  # fmt: skip
    finished(folder, {"TL.zip": data, "x/TL.zip.part0": data})
    assert set(left.states(folder).values()) == {State.AMBIGUOUS}
    assert left.adopt(folder) == {}
    # One folder more tells which it is.
    finished(folder, {"old/나/TL.zip": data})
    assert left.adopt(folder) == {"나/TL.zip": Fate.ADOPTED}


def test_sizes_tell_files_of_one_name_apart(made: Leavings, folder: Path) -> None:
    place = f"{TOP}/2.데이터/TL_01.zip".replace(" ", "_")
    finished(folder, {"TL_01.zip": made.right[place]})
    assert made.adopt(folder) == {place: Fate.ADOPTED}
    made.check(folder, [place])


def test_a_set_that_is_not_all_there(made: Leavings, folder: Path) -> None:
    volumes = {place: data for place, data in made.right.items() if place.startswith(SPLIT.replace(" ", "_"))}
    last = next(place for place in volumes if place.endswith(".zip"))
    finished(folder, {place: data for place, data in volumes.items() if place != last})
    assert set(made.adopt(folder).values()) == {Fate.ADOPTED}
    entries = Ledger(folder).entries()
    assert {(entry.proof, entry.note) for entry in entries.values()} == {(Proof.LENGTH, f"{NOTE} split")}


def test_a_damaged_volume_of_a_set(made: Leavings, folder: Path) -> None:
    volumes = {place: data for place, data in made.right.items() if place.startswith(SPLIT.replace(" ", "_"))}
    second = next(place for place in volumes if place.endswith(".z02"))
    wrong = bytearray(volumes[second])
    wrong[5000:5100] = bytes(100)
    finished(folder, volumes | {second: bytes(wrong)})
    fates = made.adopt(folder)
    # An entry that lies in two volumes may be damaged in either.
    assert fates[second] is Fate.DAMAGED
    made.check(folder, [place for place, fate in fates.items() if fate is Fate.ADOPTED])


# What must not be touched or followed.


def test_nothing_there(made: Leavings, folder: Path) -> None:
    assert made.look(folder) == []
    assert made.adopt(folder) == {}


def test_no_such_folder(made: Leavings, folder: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        survey(folder / "none", made.tree)
    assert caught.value.problem.code is Code.TARGET_MISSING


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need rights there")
def test_links_are_not_followed(made: Leavings, folder: Path, tmp_path: Path) -> None:
    finished(tmp_path / "else", made.right)
    (folder / TOP.replace(" ", "_")).mkdir()
    (folder / TABLE_PLACE).symlink_to(tmp_path / "else" / TABLE_PLACE)
    (folder / "more").symlink_to(tmp_path / "else")
    assert made.states(folder) == {TABLE_PLACE: State.LINK}
    assert made.adopt(folder) == {}
    # A link on the way to the place of a file.
    finished(folder, {"x/TS_01.zip": made.right[BIG_PLACE]})
    (folder / BIG_PLACE).parent.symlink_to(tmp_path / "else")
    assert made.adopt(folder) == {BIG_PLACE: Fate.BLOCKED}
    assert snapshot(tmp_path / "else").keys() == set(made.right)


def test_what_may_not_be_read_or_written(made: Leavings, folder: Path, tmp_path: Path) -> None:
    finished(folder, made.right)
    (folder / TABLE_PLACE).chmod(0)
    with as_anybody():
        assert made.states(folder)[TABLE_PLACE] is State.UNREADABLE
    (folder / "download.tar").write_bytes(made.tar)
    target = tmp_path / "to"
    target.mkdir()
    target.chmod(0o555)
    with as_anybody():
        fates = made.adopt(folder, target)
    assert set(fates) == set(made.right)
    assert set(fates.values()) == {Fate.FAILED}
    assert {told.problem.code for told in made.told if told.problem is not None} == {Code.NOT_WRITABLE}
    assert list(target.iterdir()) == []


def test_a_part_that_is_not_ours_is_left_alone(made: Leavings, folder: Path) -> None:
    """Firefox calls what it has not finished NAME.part."""
    (folder / "download.tar").write_bytes(made.tar)
    finished(folder, {f"{BIG_PLACE}.part": b"half of it"})
    fates = made.adopt(folder)
    assert fates[BIG_PLACE] is Fate.BLOCKED
    assert (folder / f"{BIG_PLACE}.part").read_bytes() == b"half of it"
    assert not (folder / BIG_PLACE).exists()


# What a ledger says.


def test_a_file_of_an_earlier_release(made: Leavings, folder: Path) -> None:
    finished(folder, {BIG_PLACE: made.right[BIG_PLACE]})
    file = made.file(BIG)
    old = Entry(
        BIG_PLACE, sha256(made.right[BIG_PLACE]), len(made.right[BIG_PLACE]), "aihub", "90001", key="7", path=BIG
    )
    Ledger(folder).record([old])
    assert file.key != "7"
    assert made.states(folder) == {BIG_PLACE: State.OLDER}
    assert made.adopt(folder) == {}


def test_a_manifest_of_sha256sum_is_heeded(made: Leavings, folder: Path) -> None:
    finished(folder, {BIG_PLACE: made.right[BIG_PLACE], TABLE_PLACE: made.right[TABLE_PLACE]})
    (folder / ".aihub").mkdir()
    hashes = {BIG_PLACE: sha256(made.right[BIG_PLACE]), TABLE_PLACE: sha256(b"other bytes")}
    text = "".join(f"{hash_}  {place}\n" for place, hash_ in hashes.items())
    (folder / ".aihub/manifest-sha256.txt").write_text(text, encoding="utf-8")
    assert made.adopt(folder) == {BIG_PLACE: Fate.ADOPTED, TABLE_PLACE: Fate.CHANGED}
    assert manifest(folder) == hashes


def test_stopped_in_the_middle_and_again(made: Leavings, folder: Path) -> None:
    (folder / "download.tar").write_bytes(made.tar)
    for limit in range(1, 60, 4):
        calls = iter(range(limit))
        try:
            made.adopt(folder, stopped=lambda calls=calls: next(calls, None) is None)  # type: ignore[misc]
        except StoppedError:
            made.right_names(folder)
            continue
        break
    made.adopt(folder)
    made.check(folder)


def test_survey_says_how_things_lie(made: Leavings, folder: Path) -> None:
    (folder / "download.tar").write_bytes(made.tar[: len(made.tar) * 3 // 4])
    found = {find.state for find in made.look(folder)}
    assert found == {State.WHOLE, State.PARTIAL}
    assert {find.origin for find in made.look(folder)} == {Origin.TAR}


def test_pieces_beside_a_wrong_merge(tmp_path: Path) -> None:
    data = archive(11 * PIECE + 500)
    left = Leavings.of({"a.zip": data}, tmp_path)
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "download.tar").write_bytes(left.tar)
    untar(folder / "download.tar")
    merged = b"".join(path.read_bytes() for path in textual(pieces_of(folder, "a.zip")))
    finished(folder, {"a.zip": merged})
    assert left.adopt(folder) == {"a.zip": Fate.ADOPTED}
    left.check(folder)
    assert (folder / "a.zip.bad").read_bytes() == merged
    assert len(pieces_of(folder, "a.zip")) == 12


def test_a_wrong_merge_of_a_zip_with_zips_in_it(tmp_path: Path) -> None:
    inner = {f"{number}.zip": archive(9_000, number, entries=3) for number in range(90)}
    data = zipped([Zipped(name=name, data=one) for name, one in inner.items()])
    left = Leavings.of({"a.zip": data}, tmp_path)
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "download.tar").write_bytes(left.tar)
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    cat(folder, "a.zip", textual)
    assert left.states(folder) == {"a.zip": State.MISJOINED}
    assert left.adopt(folder) == {"a.zip": Fate.ADOPTED}
    left.check(folder)


def test_a_file_that_changes_while_it_is_read(made: Leavings, folder: Path) -> None:
    finished(folder, {TABLE_PLACE: made.right[TABLE_PLACE]})
    path = folder / TABLE_PLACE

    def stopped() -> bool:
        with path.open("ab") as file:
            file.write(b"!")
        return False

    assert made.adopt(folder, stopped=stopped) == {TABLE_PLACE: Fate.CHANGED}
    assert manifest(folder) == {}


def test_a_large_and_a_small_zip64_in_the_wrong_order(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    data = zipped([Zipped(name=f"{number}", data=dice.randbytes(60_000), zip64=True) for number in range(14)])
    left = Leavings.of({"a.zip": data}, tmp_path)
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "download.tar").write_bytes(left.tar)
    untar(folder / "download.tar")
    (folder / "download.tar").unlink()
    cat(folder, "a.zip", textual)
    assert left.adopt(folder) == {"a.zip": Fate.ADOPTED}
    left.check(folder)


def test_each_order_that_headers_allow_is_tried(tmp_path: Path) -> None:
    """Two large entries leave pieces without a header: the CRCs have the last word."""
    data = archive(11 * PIECE + 900, entries=2)
    left = Leavings.of({"a.zip": data}, tmp_path)
    folder = tmp_path / "f"
    order = sorted(range(12), key=str)
    finished(folder, {"a.zip": b"".join(data[place * PIECE : (place + 1) * PIECE] for place in order)})
    (find,) = left.look(folder)
    assert find.state is State.MISJOINED
    assert find.others
    assert left.adopt(folder) == {"a.zip": Fate.ADOPTED}
    left.check(folder)


def test_the_target_lies_in_the_folder_and_is_half_full(made: Leavings, folder: Path) -> None:
    (folder / "download.tar").write_bytes(made.tar)
    finished(folder / "new", {BIG_PLACE: made.right[BIG_PLACE]})
    assert set(made.adopt(folder, folder / "new").values()) == {Fate.ADOPTED}
    made.check(folder / "new")


# What somebody changes between the look and the taking.


def adopted_after(left: Leavings, folder: Path, change: Callable[[], object], target: Path | str = "") -> set[Fate]:
    found = survey(folder, left.tree, target)
    change()
    told: list[Told] = []
    Adoption(found, told.append).run()
    return {one.fate for one in told}


@pytest.mark.parametrize("where", ["in place", "elsewhere"])
@pytest.mark.parametrize("change", ["longer", "shorter", "gone", "link", "pipe", "folder"])
def test_a_find_that_is_something_else_by_now(
    made: Leavings, folder: Path, tmp_path: Path, where: str, change: str
) -> None:
    path = folder / TABLE_PLACE
    finished(folder, {TABLE_PLACE: made.right[TABLE_PLACE]})
    target = folder if where == "in place" else tmp_path / "to"

    def do() -> None:
        match change:
            case "longer":
                path.write_bytes(path.read_bytes() + b"more")
            case "shorter":
                path.write_bytes(path.read_bytes()[:-9])
            case "gone":
                path.unlink()
            case _:
                path.rename(tmp_path / "away")
                make_odd(path, change, tmp_path / "away")

    fates = adopted_after(made, folder, do, target)
    assert fates <= {Fate.CHANGED, Fate.FAILED}
    assert fates
    made.check(target, [])
    assert where == "in place" or not [one for one in target.rglob("*") if one.is_file()]


def make_odd(path: Path, kind: str, away: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("links need rights there, and pipes have no place in a folder")
    elif kind == "link":
        path.symlink_to(away)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


def test_a_table_that_changes_while_it_is_copied(made: Leavings, folder: Path, tmp_path: Path) -> None:
    """Half of the old bytes and half of the new ones would be nobody's file."""
    finished(folder, {TABLE_PLACE: made.right[TABLE_PLACE]})

    def stopped() -> bool:
        with (folder / TABLE_PLACE).open("r+b") as file:
            file.write(b"!")
        os.utime(folder / TABLE_PLACE, ns=(1, next(times)))
        return False

    times = iter(range(1, 1 << 20))
    assert made.adopt(folder, tmp_path / "to", stopped=stopped) == {TABLE_PLACE: Fate.CHANGED}
    assert not [one for one in (tmp_path / "to").rglob("*") if one.is_file()]


def test_a_tar_to_which_a_browser_still_adds(made: Leavings, folder: Path) -> None:
    path = folder / "download.tar.crdownload"
    path.write_bytes(made.tar[: len(made.tar) * 3 // 4])
    found = survey(folder, made.tree)
    path.write_bytes(made.tar[: len(made.tar) * 7 // 8])
    told: list[Told] = []
    Adoption(found, told.append).run()
    assert Fate.ADOPTED in {one.fate for one in told}
    made.right_names(folder)


def test_two_forms_of_one_name_for_one_file(made: Leavings, folder: Path) -> None:
    """As a disk has it that takes both forms of a Korean name: it is in its place, by whatever form it is listed."""
    finished(folder, {TABLE_PLACE: made.right[TABLE_PLACE]})
    other = (folder / TABLE_PLACE).with_name(unicodedata.normalize("NFD", Path(TABLE_PLACE).name))
    os.link(folder / TABLE_PLACE, other)
    assert {find.in_place for find in made.look(folder)} == {True}
    assert made.adopt(folder) == {TABLE_PLACE: Fate.ADOPTED}


def test_pipes_are_not_waited_for(made: Leavings, folder: Path) -> None:
    for name in (BIG_PLACE, "download.tar", f"{TABLE_PLACE}.part0", "x.crdownload"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make_odd(folder / name, "pipe", folder)
    assert made.states(folder) == {BIG_PLACE: State.LINK}
    assert made.adopt(folder) == {}


# Many.


def test_what_a_look_at_many_files_asks_of_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant for each file, whatever else is there: by twice as many files the calls are doubled."""
    counts = [asked(folder / str(count), count, monkeypatch) for count in (200, 400)]
    assert counts[1] <= 2.1 * counts[0], counts
    assert counts[0] <= 12 * 200


def asked(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the disk was asked, and names were compared, for files of which a tenth is of a tree with one name."""
    tree = [remote(str(number), f"가/{number}/label.json", 3) for number in range(count)]
    finished(folder, {f"가/{number}/label.json": b"{}\n" for number in range(0, count, 10)})
    finished(folder, {f"x/s{number}/label.json": b"{}\n" for number in range(count // 10)})
    finished(folder, {f"other/{number}": b"" for number in range(count)})
    finished(folder, {f"y/{number}/a.zip.part{number * PIECE}": b"x" for number in range(count // 10)})
    calls = 0
    with monkeypatch.context() as patch:
        for name in ("lstat", "stat", "open", "scandir"):
            real = getattr(os, name)

            def counted(*args: object, real: Callable[..., object] = real, **more: object) -> object:
                nonlocal calls
                calls += 1
                return real(*args, **more)

            patch.setattr(os, name, counted)
        finds = survey(folder, [*tree, remote("z", "a.zip", 9)]).finds
    assert len([find for find in finds if find.state is State.WHOLE]) == count // 10
    return calls


def test_names_are_looked_up_and_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    works = [WorkFile(n, remote(str(n), f"가/{n}/label.json", 3), f"가/{n}/label.json") for n in range(4000)]
    names, sizes = Names(works), 0
    allows = SizeRange.allows

    def counted(self: SizeRange, size: int) -> bool:
        nonlocal sizes
        sizes += 1
        return allows(self, size)

    monkeypatch.setattr(SizeRange, "allows", counted)
    assert [len(names.matches(f"old/가/{n}/label.json", 3)) for n in range(4000)] == [1] * 4000
    assert len(names.matches("elsewhere/label.json", 3)) == 4000
    assert sizes == 0


def test_of_many_copies_each_is_read_a_few_times(made: Leavings, folder: Path) -> None:
    right = made.right[TABLE_PLACE]
    finished(folder, {f"{number}/표.csv": right for number in range(30)} | {"z/표.csv": right[:-1] + b"!"})
    read = 0

    def progress(count: int) -> None:
        nonlocal read
        read += count

    told: list[Told] = []
    Adoption(survey(folder, made.tree), told.append, Steps(progress)).run()
    assert [one.fate for one in told] == [Fate.UNCLEAR]
    assert read <= 31 * len(right)
