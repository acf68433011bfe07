"""What a folder holds against what its manifest says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tapes import sha256

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.holdings.verify import Finding, Report, Seen, verify
from aihub_desktop.transport.ledger import Entry, Ledger, manifest_line

FILES = {"라벨/파일 1.json": b"1" * 3_000_000, "a/b c.zip": b"2", "empty.csv": b""}


@pytest.fixture
def kept(folder: Path) -> Path:
    for place, data in FILES.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(data)
    Ledger(folder).record([Entry(place, sha256(data), len(data)) for place, data in FILES.items()])
    return folder


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_folder_as_it_should_be(kept: Path, threads: int) -> None:
    seen: list[Seen] = []
    report = verify(kept, threads=threads, report=seen.append)
    assert report == Report(ok=list(FILES), bytes=sum(map(len, FILES.values())))
    assert report.is_right
    assert [one.finding for one in seen] == [Finding.OK] * 3


def test_every_difference_is_found(kept: Path) -> None:
    (kept / "a/b c.zip").write_bytes(b"3")
    (kept / "empty.csv").unlink()
    (kept / "라벨/more.json").write_bytes(b"x")
    (kept / "a/c.zip.part").write_bytes(b"x")
    (kept / "a/c.zip.part.journal").write_bytes(b"x")
    report = verify(kept)
    assert (report.ok, report.changed, report.missing) == (["라벨/파일 1.json"], ["a/b c.zip"], ["empty.csv"])
    assert (report.extra, report.unfinished) == (["라벨/more.json"], ["a/c.zip.part", "a/c.zip.part.journal"])
    assert not report.is_right


def test_extra_files_do_no_harm(kept: Path) -> None:
    (kept / "notes.txt").write_bytes(b"mine")
    report = verify(kept)
    assert (report.extra, report.is_right) == (["notes.txt"], True)


def test_one_bit(kept: Path) -> None:
    data = bytearray(FILES["라벨/파일 1.json"])
    data[2_999_999] ^= 1
    (kept / "라벨/파일 1.json").write_bytes(data)
    assert verify(kept).changed == ["라벨/파일 1.json"]


def test_nothing_is_written(kept: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*")}
    verify(kept)
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("*")} == before


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/hostname", "a/../../outside", "", ".", "a//b", "out/outside", "tofile", "a"]
)
def test_paths_that_lead_outside_are_never_opened(kept: Path, path: str) -> None:
    outside = kept.parent / "outside"
    outside.write_bytes(b"outside")
    (kept / "out").symlink_to(kept.parent, target_is_directory=True)
    (kept / "tofile").symlink_to(outside)
    with (kept / ".aihub/manifest-sha256.txt").open("ab") as file:
        file.write(manifest_line(path, sha256(b"outside")))
    report = verify(kept)
    assert len(report.ok) == 3
    # A line without any path is no line.
    assert report.unsafe == ([path] if path else [])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(kept: Path) -> None:
    (kept / "empty.csv").unlink()
    if sys.platform != "win32":
        os.mkfifo(kept / "empty.csv")
    assert verify(kept).unsafe == ["empty.csv"]


def test_a_manifest_by_sha256sum(folder: Path) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    for name in ("back\\slash", "new\nline", "aux"):
        (folder / name).write_bytes(name.encode())
    done = subprocess.run([program, "./back\\slash", "new\nline", "aux"], cwd=folder, capture_output=True, check=True)
    (folder / ".aihub").mkdir()
    (folder / ".aihub/manifest-sha256.txt").write_bytes(done.stdout)
    report = verify(folder)
    assert (len(report.ok), report.extra) == (3, [])


def test_it_can_be_stopped(kept: Path) -> None:
    report = verify(kept, stopped=lambda: True)
    assert (report.ok, len(report.skipped), report.is_right) == ([], 3, False)
    asked = iter([False, False, True])
    midst = verify(kept, threads=1, stopped=lambda: next(asked, True))
    assert midst.skipped == list(FILES)
    assert 0 < midst.bytes < 3_000_000


@pytest.mark.parametrize("name", ["", "none"])
def test_no_manifest_is_said_so(folder: Path, name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        verify(folder / name)
    assert caught.value.problem.code is Code.TARGET_MISSING


def test_a_file_that_cannot_be_read(kept: Path) -> None:
    """Here because no file system holds such a name; a bad sector ends the same way."""
    name = "x" * 300
    with (kept / ".aihub/manifest-sha256.txt").open("ab") as file:
        file.write(manifest_line(name, "0" * 64))
    report = verify(kept)
    assert (report.unreadable, len(report.ok), report.is_right) == ([name], 3, False)
