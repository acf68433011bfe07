"""Files get the time that the archive has for them, whichever way it says it, and no rights of it."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packed import member, run, tarred, tool, unpacked, zipped

from aihub_desktop.archives.moments import UNKNOWN, of_dos, of_seconds, of_zip
from aihub_desktop.unpack.record import Done, read_lines

SECOND = 1_000_000_000
THEN = 1_234_567_890  # odd: MS-DOS counts in steps of two
PARTS = (2009, 2, 14, 8, 31, 30)


@pytest.fixture(autouse=True)
def seoul() -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("Windows has one zone for the whole machine")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", "KST-9")
        time.tzset()
        of_dos.cache_clear()
        yield
    time.tzset()
    of_dos.cache_clear()


def ntfs(seconds: int, ticks: int = 0) -> bytes:
    written = (seconds + 11_644_473_600) * 10_000_000 + ticks
    return struct.pack("<HHLHHQQQ", 0x000A, 32, 0, 1, 24, written, written + 5, written + 7)


def extended(seconds: int) -> bytes:
    return struct.pack("<HHBl", 0x5455, 5, 1, seconds)


DOS = (2009 - 1980) << 25 | 2 << 21 | 14 << 16 | 8 << 11 | 31 << 5 | 15


@pytest.mark.parametrize(
    ("stamp", "extra", "seconds"),
    [
        (DOS, b"", THEN),
        (DOS, extended(THEN + 1), THEN + 1),
        (0, extended(THEN + 1), THEN + 1),
        (DOS, ntfs(THEN + 3) + extended(THEN + 1), THEN + 3),
        (DOS, extended(THEN + 1) + ntfs(THEN + 3), THEN + 3),
        (DOS, struct.pack("<HHBl", 0x5455, 5, 2, 5), THEN),  # not the time that is meant
        (DOS, extended(-5), THEN), (DOS, extended(THEN)[:-2], THEN), (DOS, ntfs(-1), THEN), (DOS, b"UT\xff\xff", THEN),
        (DOS, ntfs(1 << 39), THEN),
        (0, b"", 0), (DOS & ~(15 << 21) | 13 << 21, b"", 0), (DOS | 31 << 11, b"", 0), (DOS & ~(31 << 16), b"", 0),
    ],
)  # fmt: skip
def test_what_a_zip_says(stamp: int, extra: bytes, seconds: int) -> None:
    assert of_zip(stamp, extra) == seconds * SECOND


def test_the_finer_part_of_a_time() -> None:
    assert of_zip(0, ntfs(THEN, 1_234_567)) == THEN * SECOND + 123_456_700
    assert of_seconds(1 << 62) == of_seconds(-1) == UNKNOWN


def times(folder: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_zip(folder: Path, threads: int) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("small", PARTS), b"1")
        archive.writestr(zipfile.ZipInfo("large", PARTS), os.urandom(3_000_000))
        info = zipfile.ZipInfo("utc", PARTS)
        info.extra = extended(THEN + 1)
        archive.writestr(info, b"2")
        info = zipfile.ZipInfo("none")
        archive.writestr(info, b"2")
    began = time.time()
    unpacked(folder, "a.zip", threads=threads)
    found = times(folder / "a")
    nothing = found.pop("none")
    assert found == {"small": THEN, "large": THEN, "utc": THEN + 1}
    # 1980-01-01 is what writers put there that know no time; it is one all the same.
    assert nothing == time.mktime((1980, 1, 1, 0, 0, 0, 0, 0, -1)) < began
    record = next((folder / ".aihub/unpacked").glob("*.jsonl"))
    lines = [line for line, _ in read_lines(record) if isinstance(line, Done)]
    assert {one.place: one.modified for line in lines for one in line.files} == {
        f"a/{path.name}": path.stat().st_mtime_ns for path in (folder / "a").iterdir()
    }


def test_as_unzip_has_it(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(9):
        (source / str(number)).write_bytes(b"x" * number)
        os.utime(source / str(number), (THEN + number, THEN + number))
    run(tool("zip"), "-qr", folder / "a.zip", ".", folder=source)
    run(tool("zip"), "-qrX", folder / "b.zip", ".", folder=source)  # without the times in UTC
    for name in ("a", "b"):
        run(tool("unzip"), "-q", folder / f"{name}.zip", "-d", tmp_path / name, folder=tmp_path)
        unpacked(folder, f"{name}.zip")
        assert times(folder / name) == times(tmp_path / name)


def test_a_tar(folder: Path) -> None:
    members = [member("plain", b"1"), member("fine", b"2"), member("none", b"3"), member("far", b"4")]
    for (one, _), moment in zip(members, (THEN, THEN + 0.25, 0, 1 << 40), strict=True):
        one.mtime = moment
    with tarfile.open(folder / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    began = time.time()
    [done] = unpacked(folder, "a.tar")
    assert (done.problem, done.refused) == (None, [])
    found = times(folder / "a")
    assert (found["plain"], found["fine"]) == (THEN, THEN + 0.25)
    assert min(found["none"], found["far"]) >= began - 1


def test_no_rights_are_taken_over(folder: Path) -> None:
    """Neither may a file be run, nor does it run as somebody else, because an archive says so."""
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, mode in (("suid", 0o6777), ("run", 0o755), ("closed", 0o000)):
            info = zipfile.ZipInfo(name, PARTS)
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, b"#!/bin/sh\n")
    one, data = member("suid", b"x")
    one.mode = 0o6777
    tarred(folder / "b.tar", [(one, data)])
    for threads in (1, 2):
        unpacked(folder, "a.zip", into=f"z{threads}", threads=threads)
    unpacked(folder, "b.tar")
    (folder / "like").touch()
    found = {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*/*") if ".aihub" not in path.parts}
    assert found == {stat.S_IMODE((folder / "like").stat().st_mode)}


def test_what_stands_keeps_its_own_time(folder: Path) -> None:
    zipped(folder / "a.zip", {"x": b"1"})
    (folder / "a").mkdir()
    (folder / "a/x").write_bytes(b"1")
    before = (folder / "a/x").stat().st_mtime_ns
    unpacked(folder, "a.zip")
    assert (folder / "a/x").stat().st_mtime_ns == before
