"""Proof and publication: what gets a final name, what does not, and whose file is never touched."""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest
from tapes import News, check, fetched, order, pieces, receive, sha256, tar, work

from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import AnyNews, Check, Checked, Failed, Proof, Proved
from aihub_desktop.transport.check import Checking
from aihub_desktop.transport.journal import read_journal
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import forget_journal

SEED = 20260303


def zipped(seed: int = SEED, size: int = 30_000) -> bytes:
    rng = random.Random(seed)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"라벨/{number}.json", rng.randbytes(size // 3))
    return out.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_sound_zip_gets_its_name(folder: Path) -> None:
    data = zipped()
    works = fetched(folder, {"d/a b.Zip": data})
    news = check(folder, works)
    modified = (folder / "d/a_b.Zip").stat().st_mtime_ns
    assert news.of(Proved) == [Proved(2, 1, len(data), sha256(data), Proof.ARCHIVE, modified=modified)]
    assert news.ended is None
    assert (folder / "d/a_b.Zip").read_bytes() == data
    # The journal goes when the proof is recorded, not before.
    assert names(folder) == ["d/a_b.Zip", "d/a_b.Zip.part.journal"]


def test_other_files_are_proved_by_length(folder: Path) -> None:
    works = fetched(folder, {"a.csv": b"1,2", "b.json": b"{}", "empty.txt": b""})
    assert {news.proof for news in check(folder, works).of(Proved)} == {Proof.LENGTH}
    assert (folder / "empty.txt").read_bytes() == b""


@pytest.mark.parametrize("name", ["a.csv", "a.zip.001"])
def test_bytes_that_the_disk_changed_since_they_came_get_no_name(folder: Path, name: str) -> None:
    """Between two runs there may be days, and a file that is no archive has no checksum of its own."""
    data = random.Random(SEED).randbytes(50_000)
    works = fetched(folder, {name: data, "b.csv": b"sound"})
    part = folder / f"{name}.part"
    part.write_bytes(data[:777] + bytes([data[777] ^ 1]) + data[778:])
    news = check(folder, works)
    assert (news.failed, set(news.proved)) == ({1: Code.SHORT}, {2})
    assert names(folder) == ["b.csv", "b.csv.part.journal"]
    assert set(receive(order(folder, works[:1]), tar(pieces(name, data, 1 << 20))).whole) == {1}
    assert set(check(folder, works[:1]).proved) == {1}
    assert (folder / name).read_bytes() == data


def test_a_damaged_zip_never_gets_its_name(folder: Path) -> None:
    data = bytearray(zipped())
    data[5000] ^= 1
    works = fetched(folder, {"a.zip": bytes(data)})
    news = check(folder, works)
    (failed,) = news.of(Failed)
    assert failed.problem.code is Code.BAD_ARCHIVE
    assert failed.problem.facts == {"why": "라벨/0.json: a wrong CRC", "sha256": sha256(bytes(data))}
    assert names(folder) == []


def test_a_zip_without_its_last_piece(folder: Path) -> None:
    data = zipped()
    one = work(1, "a.zip", len(data), slack=20_000)
    assert receive(order(folder, [one]), tar(pieces("a.zip", data, 15_000)[:-1])).whole
    assert check(folder, [one]).failed == {1: Code.BAD_ARCHIVE}
    assert receive(order(folder, [one]), tar(pieces("a.zip", data, 15_000))).whole
    assert set(check(folder, [one]).proved) == {1}


def test_an_encrypted_zip_says_so(folder: Path) -> None:
    data = bytearray(zipped())
    for at in range(len(data)):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 8] |= 1
    works = fetched(folder, {"a.zip": bytes(data)})
    (proved,) = check(folder, works).of(Proved)
    assert (proved.proof, proved.note) == (Proof.STRUCTURE, "encrypted")


def test_a_file_in_the_way_is_never_touched(folder: Path) -> None:
    works = fetched(folder, {"a.csv": b"from the hub", "b.csv": b"too"})
    (folder / "a.csv").write_bytes(b"mine")
    news = check(folder, works)
    assert news.failed == {1: Code.IN_THE_WAY}
    assert set(news.proved) == {2}
    assert (folder / "a.csv").read_bytes() == b"mine"
    # Nothing received is lost: once the name is free, the file gets it.
    (folder / "a.csv").unlink()
    assert set(check(folder, works[:1]).proved) == {1}
    assert (folder / "a.csv").read_bytes() == b"from the hub"


def test_nothing_is_read_for_a_name_that_is_taken(folder: Path) -> None:
    works = fetched(folder, {"a.zip": zipped()})
    (folder / "a.zip").write_bytes(b"mine")
    news = check(folder, works)
    assert (news.failed, news.of(Checked)) == ({1: Code.IN_THE_WAY}, [])


@pytest.mark.parametrize("kind", ["link", "dangling", "folder"])
def test_nor_is_anything_else_in_the_way(folder: Path, tmp_path: Path, kind: str) -> None:
    works = fetched(folder, {"a.csv": b"from the hub"})
    precious = tmp_path / "precious"
    if kind == "folder":
        (folder / "a.csv").mkdir()
    else:
        (folder / "a.csv").symlink_to(precious)
    if kind == "link":
        precious.write_bytes(b"precious")
    assert check(folder, works).failed == {1: Code.IN_THE_WAY}
    assert precious.exists() is (kind == "link")
    assert kind != "link" or precious.read_bytes() == b"precious"


def test_our_own_older_file_is_replaced(folder: Path) -> None:
    first = fetched(folder, {"a.csv": b"old!"})
    proved = check(folder, first).proved[1]
    Ledger(folder).record([Entry.of(first[0], proved)])
    forget_journal(Target(folder), "a.csv")
    newer = work(1, "a.csv", 5, key="released anew")
    receive(order(folder, [newer]), tar([("a.csv.part0", b"newer")]))
    assert set(check(folder, [newer]).proved) == {1}
    assert (folder / "a.csv").read_bytes() == b"newer"


def test_a_name_taken_at_the_last_moment_is_not_overwritten(folder: Path) -> None:
    """Between the look and the rename another program makes the file."""
    data = zipped()
    works = fetched(folder, {"a.zip": data, "b.csv": b"1"})
    told: list[AnyNews] = []

    def hear(news: AnyNews) -> None:
        told.append(news)
        if isinstance(news, Checked):
            (folder / "a.zip").write_bytes(b"mine")

    Checking(Check(2, str(folder), works), hear).run()
    assert News(told).failed == {1: Code.IN_THE_WAY}
    assert (folder / "a.zip").read_bytes() == b"mine"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_file_systems_without_links(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """As FAT answers: the name is looked at and then taken."""

    def refuse(*args: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    works = fetched(folder, {"a.csv": b"1", "b.csv": b"2"})
    monkeypatch.setattr(os, "link", refuse)
    told: list[AnyNews] = []

    def hear(news: AnyNews) -> None:
        told.append(news)
        if isinstance(news, Proved):
            (folder / "b.csv").write_bytes(b"mine")

    Checking(Check(2, str(folder), works), hear).run()
    assert set(News(told).proved) == {1}
    assert News(told).failed == {2: Code.IN_THE_WAY}
    assert ((folder / "a.csv").read_bytes(), (folder / "b.csv").read_bytes()) == (b"1", b"mine")


def test_a_run_that_ended_after_the_name_is_taken_up(folder: Path) -> None:
    data = zipped()
    works = fetched(folder, {"a.zip": data, "b.csv": b"12"})
    first = check(folder, works).of(Proved)
    assert check(folder, works).of(Proved) == first
    # Unless what stands there is not what we put there.
    (folder / "b.csv").write_bytes(b"34")
    news = check(folder, works)
    assert (set(news.proved), news.failed) == ({1}, {2: Code.IN_THE_WAY})
    assert (folder / "b.csv").read_bytes() == b"34"


def test_bytes_that_are_gone_are_fetched_again(folder: Path) -> None:
    works = fetched(folder, {"a.csv": b"12", "b.csv": b"34", "c.csv": b"56"})
    (folder / "a.csv.part").unlink()
    os.truncate(folder / "b.csv.part", 1)
    (folder / "c.csv.part.journal").unlink()
    news = check(folder, works)
    assert (news.failed, news.proved, news.ended) == ({1: Code.SHORT, 2: Code.SHORT, 3: Code.SHORT}, {}, None)
    assert not list(folder.glob("*.csv"))
    assert (
        len(
            receive(
                order(folder, works),
                tar([(f"{n}.csv.part0", d) for n, d in [("a", b"12"), ("b", b"34"), ("c", b"56")]]),
            ).whole
        )
        == 3
    )


def split_set(folder: Path, count: int = 5) -> dict[str, bytes]:
    """The volumes of a real split archive, in the order that the hub happens to list them."""
    program = shutil.which("zip")
    if program is None:
        pytest.skip("zip is not installed here")
    source = folder.parent / "source"
    source.mkdir()
    for number in range(count):
        (source / f"{number}").write_bytes(random.Random(number).randbytes(64_000))
    subprocess.run([program, "-q", "-r", "-s", "64k", source / "x.zip", "."], cwd=source, check=True)
    return {f"d/{path.name}": path.read_bytes() for path in sorted(source.glob("x.*"), reverse=True)}


def test_a_split_set_is_proved_together(folder: Path) -> None:
    files = split_set(folder)
    assert len(files) > 3
    news = check(folder, fetched(folder, files))
    assert [news.proved[n].proof for n in range(1, len(files) + 1)] == [Proof.ARCHIVE] * len(files)
    assert [name for name in names(folder) if not name.endswith(".journal")] == sorted(files)


def test_a_damaged_volume_is_dropped_and_the_others_wait(folder: Path) -> None:
    files = split_set(folder)
    right = files["d/x.z02"]
    files["d/x.z02"] = right[:30_000] + b"?" + right[30_001:]
    works = fetched(folder, files)
    news = check(folder, works)
    bad = {works[n - 1].place for n in news.failed}
    assert set(news.failed.values()) == {Code.BAD_ARCHIVE}
    assert "d/x.z02" in bad
    assert len(bad) <= 3
    assert news.proved == {}
    assert not any(name in files for name in names(folder))
    files["d/x.z02"] = right
    missing = [one for one in works if one.id in news.failed]
    members = [(f"{one.place}.part0", files[one.place]) for one in missing]
    assert len(receive(order(folder, missing), tar(members)).whole) == len(missing)
    assert len(check(folder, works).proved) == len(files)


def test_a_volume_without_its_set_is_proved_by_length(folder: Path) -> None:
    files = split_set(folder)
    works = fetched(folder, files)
    for one in works:
        (proved,) = check(folder, [one]).of(Proved)
        assert (proved.proof, proved.note) == (Proof.LENGTH, "split")


def test_volumes_beyond_the_set_do_it_no_harm(folder: Path) -> None:
    """A.zip by itself, and an a.z01 that is something else."""
    works = fetched(folder, {"a.zip": zipped(), "a.z01": b"something else"})
    news = check(folder, works)
    assert (news.proved[1].proof, news.proved[2].proof) == (Proof.ARCHIVE, Proof.LENGTH)


def test_a_set_half_published_is_taken_up(folder: Path) -> None:
    files = split_set(folder)
    works = fetched(folder, files)
    told: list[AnyNews] = []

    def hear(news: AnyNews) -> None:
        told.append(news)
        if len(told) == 2:
            checking.drop()

    checking = Checking(Check(2, str(folder), works), hear)
    checking.run()
    assert 1 <= len(News(told).proved) < len(files)
    assert len(check(folder, works).proved) == len(files)


def test_a_check_can_be_dropped(folder: Path) -> None:
    data = zipped(size=8_000_000)
    works = fetched(folder, {"a.zip": data})
    told: list[AnyNews] = []
    ready = threading.Event()

    def hear(news: AnyNews) -> None:
        told.append(news)
        if isinstance(news, Checked):
            ready.set()
            checking.drop()

    checking = Checking(Check(2, str(folder), works), hear)
    checking.run()
    assert ready.is_set()
    assert (News(told).ended, News(told).proved, News(told).failed) == (None, {}, {})
    state = read_journal(folder / "a.zip.part.journal")
    assert state is not None
    assert state.whole is not None
    assert set(check(folder, works).proved) == {1}


def test_a_journal_of_another_file_proves_nothing(folder: Path) -> None:
    fetched(folder, {"a.csv": b"12"})
    assert check(folder, [work(1, "a.csv", 2, key="other")]).failed == {1: Code.SHORT}
    assert not (folder / "a.csv").exists()


def test_a_ledger_behind_a_link_vouches_for_nothing(folder: Path, tmp_path: Path) -> None:
    works = fetched(folder, {"a.csv": b"12"})
    (folder / "a.csv").write_bytes(b"12")
    (folder / ".aihub").symlink_to(tmp_path)
    assert check(folder, works).failed == {1: Code.IN_THE_WAY}
    assert (folder / "a.csv.part").exists()
