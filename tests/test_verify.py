"""What a folder holds against what its manifest says."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

import pytest
from looks import lines_of, looked
from tapes import sha256

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.findings import IN_ORDER
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.times import Times
from aihub_desktop.holdings.verify import Depth, Finding, Report, listed, readers, verify
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp
from aihub_desktop.transport.manifest import manifest_line

FILES = {"라벨/파일 1.json": b"1" * 3_000_000, "a/b c.zip": b"2", "empty.csv": b""}


@pytest.fixture
def kept(folder: Path) -> Path:
    for place, data in FILES.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(data)
    Ledger(folder).record(
        [
            Entry(place, sha256(data), len(data), modified=(folder / place).stat().st_mtime_ns)
            for place, data in FILES.items()
        ]
    )
    return folder


def quick(folder: Path) -> dict[str, Finding]:
    seen: list[Seen] = []
    verify(folder, depth=Depth.QUICK, report=seen.extend)
    return {one.path: one.finding for one in seen}


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_folder_as_it_should_be(kept: Path, threads: int) -> None:
    seen: list[Seen] = []
    report = verify(kept, threads=threads, report=seen.extend)
    assert report == Report(Counter({Finding.OK: len(FILES)}), sum(map(len, FILES.values())))
    assert report.is_right
    assert sorted(one.path for one in seen) == sorted(FILES)
    assert [one.finding for one in seen] == [Finding.OK] * 3


def test_every_difference_is_found(kept: Path) -> None:
    (kept / "a/b c.zip").write_bytes(b"3")
    (kept / "empty.csv").unlink()
    (kept / "라벨/more.json").write_bytes(b"x")
    (kept / "a/c.zip.part").write_bytes(b"x")
    (kept / "a/c.zip.part.journal").write_bytes(b"x")
    report = looked(kept)
    assert (report.ok, report.changed, report.missing) == (["라벨/파일 1.json"], ["a/b c.zip"], ["empty.csv"])
    assert (report.extra, report.unfinished) == (["라벨/more.json"], ["a/c.zip.part", "a/c.zip.part.journal"])
    assert not report.is_right


def test_extra_files_do_no_harm(kept: Path) -> None:
    (kept / "notes.txt").write_bytes(b"mine")
    report = looked(kept)
    assert (report.extra, report.is_right) == (["notes.txt"], True)


def test_one_bit(kept: Path) -> None:
    data = bytearray(FILES["라벨/파일 1.json"])
    data[2_999_999] ^= 1
    (kept / "라벨/파일 1.json").write_bytes(data)
    assert looked(kept).changed == ["라벨/파일 1.json"]


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
    report = looked(kept)
    assert len(report.ok) == 3
    # A line without any path is no line.
    assert report.unsafe == ([path] if path else [])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(kept: Path) -> None:
    (kept / "empty.csv").unlink()
    if sys.platform != "win32":
        os.mkfifo(kept / "empty.csv")
    assert looked(kept).unsafe == ["empty.csv"]


def test_a_manifest_by_sha256sum(folder: Path) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    for name in ("back\\slash", "new\nline", "aux"):
        (folder / name).write_bytes(name.encode())
    done = subprocess.run([program, "./back\\slash", "new\nline", "aux"], cwd=folder, capture_output=True, check=True)
    (folder / ".aihub").mkdir()
    (folder / ".aihub/manifest-sha256.txt").write_bytes(done.stdout)
    report = looked(folder)
    assert (len(report.ok), report.extra) == (3, [])


def test_it_can_be_stopped(kept: Path) -> None:
    report = looked(kept, stopped=lambda: True)
    assert (report.ok, len(report.skipped), report.is_right) == ([], 3, False)
    asked = iter([False, False, False, True])
    midst = looked(kept, threads=1, stopped=lambda: next(asked, True))
    assert midst.skipped == list(FILES)
    assert 0 < midst.bytes < 3_000_000


@pytest.mark.parametrize("name", ["", "none"])
def test_no_manifest_is_said_so(folder: Path, name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        verify(folder / name)
    assert caught.value.problem.code is Code.TARGET_MISSING


@pytest.mark.skipif(sys.platform == "win32", reason="Windows says of such a name that nothing has it")
def test_a_file_that_cannot_be_read(kept: Path) -> None:
    """Here because no file system holds such a name; a bad sector ends the same way."""
    name = "x" * 300
    with (kept / ".aihub/manifest-sha256.txt").open("ab") as file:
        file.write(manifest_line(name, "0" * 64))
    report = looked(kept)
    assert (report.unreadable, len(report.ok), report.is_right) == ([name], 3, False)


# Quick looks.


def test_a_quick_look_reads_no_byte(kept: Path) -> None:
    report = looked(kept, depth=Depth.QUICK)
    assert (report.ok, report.bytes, report.is_right) == (list(FILES), 0, True)


def test_a_quick_look_tells_what_it_can_tell(kept: Path) -> None:
    (kept / "라벨/파일 1.json").write_bytes(FILES["라벨/파일 1.json"])  # the same bytes at another time
    (kept / "a/b c.zip").write_bytes(b"longer")
    (kept / "empty.csv").unlink()
    report = looked(kept, depth=Depth.QUICK)
    assert (report.unproved, report.changed, report.missing) == (["라벨/파일 1.json"], ["a/b c.zip"], ["empty.csv"])
    assert (report.is_right, report.listed) == (False, 3)
    deep = looked(kept)
    assert (deep.ok, deep.changed, deep.missing) == (["라벨/파일 1.json"], ["a/b c.zip"], ["empty.csv"])


def test_a_deep_look_may_remember_what_it_found_right(kept: Path) -> None:
    os.utime(kept / "a/b c.zip", ns=(1, 1_700_000_000_123_456_789))
    assert quick(kept)["a/b c.zip"] is Finding.UNPROVED
    times = Times(kept)
    verify(kept, report=times.hear)
    times.keep()
    assert set(quick(kept).values()) == {Finding.OK}
    lines = (kept / ".aihub/times.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)[0] for line in lines] == ["a/b c.zip"]  # the log knows of the others
    (kept / "a/b c.zip").write_bytes(b"3")
    assert quick(kept)["a/b c.zip"] is Finding.UNPROVED


def test_what_a_look_remembers_is_of_these_bytes_only(kept: Path) -> None:
    """The same size and time, but the manifest has another hash by now."""
    times = Times(kept)
    os.utime(kept / "empty.csv", ns=(1, 1_700_000_000_123_456_789))
    verify(kept, report=times.hear)
    times.keep()
    Ledger(kept).record([Entry("empty.csv", "0" * 64, 0)])
    assert quick(kept)["empty.csv"] is Finding.UNPROVED


@pytest.mark.parametrize("text", [b"", b"nonsense\n", b'["a"]\n', b'["empty.csv", 7, 0, 0]\n', b"\xff\n\0"])
def test_a_memory_that_cannot_be_read_is_none(kept: Path, text: bytes) -> None:
    (kept / ".aihub/times.jsonl").write_bytes(text)
    assert set(quick(kept).values()) == {Finding.OK}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder whose files are open")
def test_a_folder_that_cannot_be_written_is_verified_all_the_same(kept: Path) -> None:
    os.utime(kept / "empty.csv", ns=(1, 1))
    times = Times(kept)
    verify(kept, report=times.hear)
    shutil.rmtree(kept / ".aihub")
    times.keep()
    assert not (kept / ".aihub").exists()


def test_logs_without_times_prove_nothing_quickly(kept: Path) -> None:
    log = kept / ".aihub/log.jsonl"
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    older = [{name: line[name] for name in line if name not in ("modified", "broken")} for line in lines]
    log.write_text("".join(json.dumps(line) + "\n" for line in older))
    assert set(quick(kept).values()) == {Finding.UNPROVED}
    assert verify(kept).is_right


@pytest.mark.parametrize(
    ("known", "found", "fits"),
    [
        ((5, 1_700_000_000_123_456_789), (5, 1_700_000_000_123_456_789), True),
        ((5, 1_700_000_000_123_456_789), (6, 1_700_000_000_123_456_789), False),
        ((5, 1_700_000_000_123_456_789), (5, 1_700_000_000_123_456_790), False),
        ((5, 1_700_000_001_123_456_789), (5, 1_700_000_000_000_000_000), True),  # copied to FAT
        ((5, 1_700_000_000_123_456_789), (5, 1_700_000_000_120_000_000), True),  # copied to exFAT
        ((5, 1_700_000_003_123_456_789), (5, 1_700_000_000_000_000_000), False),
        ((5, 0), (5, 0), False),
    ],
)
def test_times_of_copies(known: tuple[int, int], found: tuple[int, int], fits: bool) -> None:
    assert Stamp(*known).fits(Stamp(*found)) is fits


def test_what_was_found_broken_is_known_to_the_next_quick_look(kept: Path) -> None:
    path = kept / "a/b c.zip"
    path.write_bytes(b"3")
    entry = Ledger(kept).entries()["a/b c.zip"]
    state = path.stat()
    Ledger(kept).record([Entry(entry.place, entry.sha256, entry.size, modified=entry.modified, broken=Stamp.of(state))])
    assert quick(kept)["a/b c.zip"] is Finding.CHANGED
    path.write_bytes(b"2")
    os.utime(path, ns=(1, entry.modified))
    assert quick(kept)["a/b c.zip"] is Finding.OK


# Manifests of others.


@pytest.mark.parametrize("style", [["-b"], ["-t"], ["--tag"]])
def test_a_list_by_sha256sum_in_each_of_its_styles(folder: Path, tmp_path: Path, style: list[str]) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    names = ["라벨.csv", "back\\slash", "new\nline", "a (1) = b.txt", " blank "]
    for name in names:
        (folder / name).write_bytes(name.encode())
    done = subprocess.run([program, *style, *names], cwd=folder, capture_output=True, check=True)
    lines = lines_of(done.stdout)
    assert sorted(line.path for line in lines) == sorted(names)
    report = looked(folder, lines=lines)
    assert (sorted(report.ok), report.extra, report.is_right) == (sorted(names), [], True)
    (folder / "라벨.csv").write_bytes(b"other")
    assert looked(folder, lines=lines).changed == ["라벨.csv"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_list_by_powershell(folder: Path, encoding: str) -> None:
    (folder / "라벨.csv").write_bytes(b"1")
    text = f"{sha256(b'1').upper()} *라벨.csv\r\n# a comment\r\n"
    assert looked(folder, lines=lines_of(text.encode(encoding))).ok == ["라벨.csv"]


def test_a_list_is_verified_in_place_of_the_folders_own(kept: Path) -> None:
    lines = lines_of(manifest_line("a/b c.zip", sha256(b"2")) + manifest_line("empty.csv", "0" * 64))
    report = looked(kept, lines=lines)
    assert (report.ok, report.changed, report.extra) == (["a/b c.zip"], ["empty.csv"], ["라벨/파일 1.json"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_every_kind_in_one_list(folder: Path, end: str) -> None:
    """Plain ones are read all together, and the first that is none must not change the others."""
    plain = {f"라벨/파일_{number:04}.json": f"{number}".encode() for number in range(3000)}
    others = {"back\\slash": b"a", "new\nline": b"b", "끝 ": b"c", "*star": b"d"}
    (folder / "라벨").mkdir()
    if sys.platform == "win32":
        others = {"끝 (1)": b"c"}
    for name, data in (plain | others).items():
        (folder / name).write_bytes(data)
    texts = [f"{sha256(data)}  {name}" for name, data in plain.items()]
    texts[10] = "# a comment"
    texts[20] = texts[20].upper()[:64] + texts[20][64:].replace("  ", " *")
    texts[30] = ""
    texts[40] = "0" * 63 + " " + texts[40][64:]
    texts += [manifest_line(name, sha256(data)).decode().rstrip("\n") for name, data in others.items()]
    lines = lines_of(end.join(texts).encode())  # the last without its end
    assert len(lines) == len(plain) + len(others) - 3
    report = looked(folder, lines=lines)
    assert (len(report.ok), report.changed, report.missing) == (len(lines), [], [])
    assert report.extra == sorted(list(plain)[number] for number in (10, 30, 40))


@pytest.mark.parametrize("size", [0, 1, 7, 1 << 17, (1 << 17) + 1])
def test_a_list_that_is_cut_anywhere_by_reading_in_blocks(size: int) -> None:
    text = "".join(f"{number:064x}  라벨/{'가' * size}/{number}\n" for number in range(5)).encode()
    for data in (text, text[:-1], text.decode().encode("utf-16"), b"\xef\xbb\xbf" + text):
        lines = lines_of(data)
        assert [line.sha256 for line in lines] == [f"{number:064x}" for number in range(5)]
        assert [line.path for line in lines] == [f"라벨/{'가' * size}/{number}" for number in range(5)]


def test_a_flood_that_is_no_list_takes_no_memory() -> None:
    class Flood(io.RawIOBase):
        left = 200

        def read(self, size: int | None = -1) -> bytes:
            self.left -= 1
            return b"x" * (size or 0) if self.left else b""

    tracemalloc.start()
    try:
        assert list(listed(cast("IO[bytes]", Flood()))) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_sha256sum_passes_a_manifest_of_ours_with_names_of_every_kind(folder: Path) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    names = [
        "라벨/한글 이름.json",
        "b c.zip",
        *(() if sys.platform == "win32" else ("back\\slash", "new\nline", "*star")),
    ]
    (folder / "라벨").mkdir()
    for name in names:
        (folder / name).write_bytes(name.encode())
    Ledger(folder).record([Entry(name, sha256(name.encode()), len(name.encode())) for name in names])
    subprocess.run([program, "--quiet", "--strict", "-c", ".aihub/manifest-sha256.txt"], cwd=folder, check=True)
    assert sorted(looked(folder).ok) == sorted(names)


# Small files, which are looked at by lots.


def flock(folder: Path, count: int) -> list[str]:
    """So many small files with a list as `sha256sum` makes it."""
    names = [f"라벨/{number // 50:02}/파일_{number:05}.json" for number in range(count)]
    (folder / ".aihub").mkdir()
    with (folder / ".aihub/manifest-sha256.txt").open("wb") as manifest:
        for number, name in enumerate(names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"%d" % number)
            manifest.write(manifest_line(name, sha256(b"%d" % number)))
    return names


@pytest.mark.parametrize("threads", [1, 3])
def test_one_that_is_wrong_among_many_small_ones(folder: Path, tmp_path: Path, threads: int) -> None:
    names = flock(folder, 600)
    (folder / names[3]).write_bytes(b"other")
    (folder / names[100]).unlink()
    (folder / names[200]).write_bytes(b"x" * 300_000)
    (folder / names[300]).unlink()
    (folder / names[300]).mkdir()
    shutil.rmtree((folder / names[450]).parent)
    unsafe = [names[300]]
    if sys.platform != "win32":
        (folder / names[400]).unlink()
        (folder / names[400]).symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").write_bytes(b"400")
        unsafe.append(names[400])
    found = looked(folder, threads=threads)
    assert sorted(found.changed) == [names[3], names[200]]
    assert sorted(found.missing) == [names[100], *names[450:500]]
    assert (sorted(found.unsafe), found.unreadable, found.extra) == (unsafe, [], [])
    assert len(found.ok) == 600 - 53 - len(unsafe)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_folder_of_many_that_is_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    names = flock(folder, 100)
    (folder / "라벨/01").rename(tmp_path / "elsewhere")
    (folder / "라벨/01").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = looked(folder)
    assert (sorted(found.ok), sorted(found.unsafe), found.extra) == (names[:50], names[50:], ["라벨/01"])


def test_what_the_log_tells_of_a_small_file_is_heeded(folder: Path) -> None:
    """Its bytes are those of the manifest, but the log has another length for them: one of the two is not true."""
    names = flock(folder, 40)
    Ledger(folder).record([Entry(name, sha256(b"%d" % number), 9) for number, name in enumerate(names) if number == 7])
    found = looked(folder)
    assert (found.changed, len(found.ok)) == ([names[7]], 39)


def test_large_files_at_the_end_of_a_list_are_shared_by_the_threads(folder: Path) -> None:
    names = flock(folder, 80)
    large = [f"z{number}" for number in range(6)]
    with (folder / ".aihub/manifest-sha256.txt").open("ab") as manifest:
        for name in large:
            (folder / name).write_bytes(b"0" * (5 << 20))
            manifest.write(manifest_line(name, sha256(b"0" * (5 << 20))))
    found = looked(folder, threads=2)
    assert (sorted(found.ok), found.is_right) == (sorted([*names, *large]), True)


def test_memory_hardly_grows_with_the_number_of_files(tmp_path: Path) -> None:
    """By the command, as a person runs it: what four times as many files take more, above what the program is."""
    peaks = []
    for count in (5_000, 20_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        flock(folder, count)
        peaks.append([_peak(folder, *ways) for ways in ((), ("--json", "--report", str(tmp_path / "r.csv")))])
    grown = [(after - before) / 15_000 for before, after in zip(*peaks, strict=True)]
    print(f"bytes a file: {', '.join(f'{one:.0f}' for one in grown)}")
    # Five paths with a SHA-256 each would be more. Of a report up to ten thousand findings are in memory.
    assert max(grown) < 700, grown


def _peak(folder: Path, *ways: str) -> int:
    """Bytes at most, as traced inside the process: what a system calls its own differs too much."""
    code = (
        "import sys, tracemalloc; from aihub_desktop.cli.program import run; tracemalloc.start();"
        " code = run(sys.argv[1:]); sys.stderr.write(f'\\npeak {tracemalloc.get_traced_memory()[1]}'); sys.exit(code)"
    )
    own = {**os.environ, "AIHUB_HOME": str(folder.parent / "home"), "AIHUB_LANG": "en"}
    command = [sys.executable, "-c", code, "verify", str(folder), "--deep", *ways]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=own, timeout=110, check=True)
    return int(done.stderr.rpartition("peak ")[2])


def test_a_face_that_is_slow_to_hear_is_waited_for(folder: Path) -> None:
    """Findings that nobody has heard yet must not pile up."""
    flock(folder, 5_000)
    go, ahead = threading.Event(), threading.Event()
    asked = 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        if asked > 4_000:
            ahead.set()
        return False

    def hear(seen: Sequence[Seen]) -> None:
        if not go.is_set():
            assert not ahead.wait(0.3), "nearly all was read while the first finding was not heard"
            go.set()

    report = verify(folder, depth=Depth.QUICK, threads=2, report=hear, stopped=stopped)
    assert report.listed == 5_000


# Drives, links, sizes.


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder whose files are open")
def test_a_drive_that_goes_away_is_no_loss_of_files(kept: Path) -> None:
    """Else a repair would fetch everything anew, and into an empty mount point."""
    asked = iter([False])

    def stopped() -> bool:
        if next(asked, True):
            shutil.rmtree(kept, ignore_errors=True)
        return False

    with pytest.raises(ProblemError) as caught:
        verify(kept, threads=1, stopped=stopped)
    assert caught.value.problem.code is Code.DRIVE_MISSING


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="strace is of Linux")
@pytest.mark.parametrize("call", ["read", "openat"])
def test_a_drive_that_fails_in_the_middle(kept: Path, call: str) -> None:
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed here")
    path = kept / "a/b c.zip"
    command = [
        *(program, "-f", "-o", os.devnull, "-P", str(path), "-e", f"trace={call}"),
        *("-e", f"inject={call}:error=EIO", sys.executable, "-m", "aihub_desktop", "verify", str(kept), "--json"),
    ]
    own = {**os.environ, "AIHUB_HOME": str(kept.parent / "home"), "AIHUB_LANG": "en"}
    done = subprocess.run(command, capture_output=True, env=own, timeout=60, check=False)
    found = {one["path"]: one["state"] for one in map(json.loads, done.stdout.splitlines()) if one["event"] == "file"}
    if call == "read" and found.get("a/b c.zip") == "ok":
        pytest.skip("strace cannot follow this descriptor here")
    assert done.returncode == 1, done.stderr
    assert found == {"라벨/파일 1.json": "ok", "a/b c.zip": "unreadable", "empty.csv": "ok"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("depth", Depth)
def test_links_are_not_followed(kept: Path, tmp_path: Path, depth: Depth) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b c.zip").write_bytes(b"2")
    shutil.rmtree(kept / "a")
    (kept / "a").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (kept / "empty.csv").unlink()
    (kept / "empty.csv").symlink_to(tmp_path / "elsewhere/b c.zip")
    report = looked(kept, depth=depth)
    assert (report.unsafe, report.is_right) == (["a/b c.zip", "empty.csv"], False)
    assert report.extra == ["a"]  # as a name: what it leads to is not looked at


def test_a_hundred_thousand_files_in_little_memory(folder: Path) -> None:
    """In the quick way, for the looks are the same and the bytes are not what takes memory."""
    count = 100_000
    entries = []
    for number in range(count):
        place = f"라벨/{number // 1000:03}/파일_{number:06}.json"
        entries.append(Entry(place, f"{number:064x}", 0, "aihub", "71234", key=str(number), path=place, proof="length"))
    Ledger(folder).record(entries)
    del entries
    for number in range(0, count, 1000):
        (folder / f"라벨/{number // 1000:03}").mkdir(parents=True)
    (folder / "라벨/000/파일_000000.json").write_bytes(b"")
    heard = 0

    def hear(seen: Sequence[Seen]) -> None:
        nonlocal heard
        heard += len(seen)

    tracemalloc.start()
    try:
        report = verify(folder, depth=Depth.QUICK, report=hear)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    print(f"{peak / 1e6:.0f} MB at most, {peak / count:.0f} bytes a file")
    assert (heard, report.counts[Finding.MISSING], report.counts[Finding.UNPROVED]) == (count, count - 1, 1)
    # On Windows a small manifest is held while it is read, so that it can be replaced.
    assert peak < (400 if sys.platform == "win32" else 300) * count


def test_progress_is_told_while_a_large_file_is_read(kept: Path) -> None:
    told: list[int] = []
    verify(kept, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == sum(map(len, FILES.values()))


def test_a_bug_in_a_thread_is_heard(kept: Path) -> None:
    def stopped() -> bool:
        raise RuntimeError("of ours")

    with pytest.raises(RuntimeError, match="of ours"):
        verify(kept, threads=2, stopped=stopped)


def test_every_finding_has_its_place_in_the_order() -> None:
    assert sorted(IN_ORDER) == sorted(Finding)


def test_readers_are_as_many_as_the_drive_bears(folder: Path) -> None:
    assert 1 <= readers(folder) <= 8
    assert readers(folder / "none") >= 1
