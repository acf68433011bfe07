"""The verdict on zips, against archives that other programs made, and against every way to damage one."""

from __future__ import annotations

import contextlib
import errno
import io
import random
import struct
import subprocess
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packed import tool
from tapes import Pipe

from aihub_desktop.archives import ziparchive
from aihub_desktop.archives.ziparchive import StoppedError, ZipVerdict, volume_count
from aihub_desktop.disk.files import OpenFile
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Proof

SEED = 20260302
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def contents(count: int = 5, size: int = 40_000) -> dict[str, bytes]:
    rng = random.Random(SEED)
    return {f"라벨/파일 {n}.json": (rng.randbytes(50) * (size // 50))[: rng.randrange(size)] for n in range(count)}


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
        file.comment = comment
    return out.getvalue()


def verify(archive: Path | list[Path]) -> ZipVerdict:
    """By one hand, and by several, which must not make any difference."""
    found: list[ZipVerdict | Problem] = []
    for hands in (1, 3):
        try:
            found.append(ziparchive.verify(archive, hands=hands))
        except ProblemError as error:
            found.append(error.problem)
    assert found[0] == found[1]
    if isinstance(found[0], Problem):
        raise ProblemError.of(found[0])
    return found[0]


def judge(folder: Path, data: bytes) -> ZipVerdict:
    path = folder / "a.zip"
    path.write_bytes(data)
    return verify(path)


def verdict_or_none(folder: Path, data: bytes) -> ZipVerdict | None:
    """None for an archive that is refused as a whole; any other problem is a failure."""
    try:
        return judge(folder, data)
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return None


def refusal(folder: Path, data: bytes) -> str:
    with pytest.raises(ProblemError) as caught:
        judge(folder, data)
    assert caught.value.problem.code is Code.BAD_ARCHIVE
    return str(caught.value.problem.facts["why"])


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method_that_can_be_unpacked(folder: Path, method: int) -> None:
    files = contents() | {"empty": b"", "folder/": b""}
    verdict = judge(folder, archive(files, method))
    assert (verdict.entries, verdict.damaged, verdict.proof, verdict.note) == (len(files), [], Proof.ARCHIVE, "")


@pytest.mark.parametrize("hands", [1, 2])
def test_the_whole_is_read_once_and_counted(folder: Path, hands: int) -> None:
    path = folder / "a.zip"
    path.write_bytes(archive({"large": bytes(5_000_000), "noise": random.Random(SEED).randbytes(3_000_000)}))
    counts: list[int] = []
    assert ziparchive.verify(path, counts.append, hands=hands).is_sound
    assert 3_000_000 < sum(counts) < path.stat().st_size


@pytest.mark.parametrize(
    "comment", [b"", b"a comment", b"with PK\x05\x06 inside, and more behind it, twenty signs", b"x" * 65535]
)
def test_comments(folder: Path, comment: bytes) -> None:
    assert judge(folder, archive(contents(), comment=comment)).entries == 5


def test_an_empty_archive(folder: Path) -> None:
    assert judge(folder, archive({})).entries == 0


@pytest.mark.parametrize("front", [b"#!/bin/sh\n" * 100, b"PK00"])
def test_data_in_front_of_the_archive(folder: Path, front: bytes) -> None:
    assert judge(folder, front + archive(contents())).is_sound
    assert judge(folder, front + archive({})).entries == 0


def test_data_behind_the_archive(folder: Path) -> None:
    assert judge(folder, archive(contents()) + bytes(1000)).is_sound


def test_data_descriptors(folder: Path) -> None:
    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in contents().items():
            file.writestr(name, data)
    assert b"PK\x07\x08" in out.data
    assert judge(folder, bytes(out.data)).is_sound


def test_zip64_sizes(folder: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file, file.open("wide", "w", force_zip64=True) as entry:
        entry.write(b"x" * 1000)
    assert judge(folder, out.getvalue()).is_sound


def test_zip64_counts(folder: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(66_000):
            file.writestr(zipfile.ZipInfo(f"{number}"), b"")
    data = out.getvalue()
    assert b"PK\x06\x06" in data
    assert judge(folder, data).entries == 66_000
    assert judge(folder, b"front" + data).entries == 66_000


def test_zip64_everywhere(folder: Path) -> None:
    """Every field saturated, as streaming writers leave them."""
    data, name, crc = b"content", "이름".encode(), zlib.crc32(b"content")
    wide = struct.pack("<HHQQ", 1, 16, len(data), len(data))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(wide))
    body = local + name + wide + data
    extra = struct.pack("<HHQQQL", 1, 28, len(data), len(data), 0, 0)
    sizes = (0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0xFFFF, 0, 0, 0xFFFFFFFF)
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, crc, *sizes) + name + extra
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(entry), len(body))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(body) + len(entry), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    verdict = judge(folder, body + entry + end64 + locator + end)
    assert (verdict.entries, verdict.is_sound) == (1, True)
    assert volume_count(folder / "a.zip") == 1


def test_old_korean_names(folder: Path) -> None:
    """cp949 without the flag, as Windows writes them: bytes are compared, not texts."""
    data = archive({"aaaa.txt": b"content"}).replace(b"aaaa", "한글".encode("cp949"))
    assert judge(folder, data).is_sound
    broken = data.replace(b"PK\x01\x02", b"PK\x01\x02", 1)
    at = broken.index(b"PK\x01\x02") + 16
    verdict = judge(folder, broken[:at] + b"\0\0\0\0" + broken[at + 4 :])
    assert [damage.name for damage in verdict.damaged] == ["한글.txt"]


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_one_bad_byte_in_the_data_is_found_and_named(folder: Path, method: int) -> None:
    files = {name: random.Random(name).randbytes(3000) for name in ("a", "b", "c")}
    data = bytearray(archive(files, method))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as file:
        start = file.getinfo("b").header_offset + 31
    data[start + 1500] ^= 0x10
    verdict = judge(folder, bytes(data))
    assert [damage.name for damage in verdict.damaged] == ["b"]
    assert (verdict.entries, verdict.damaged_count, verdict.volumes) == (3, 1, {0})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_brings_anything_but_a_verdict_or_a_refusal(folder: Path, data: st.DataObject) -> None:
    whole = bytearray(archive({"a": b"content" * 20, "b": b"", "c": b"other" * 9}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(whole), len(whole) - 1, len(whole) // 2, 30, 3, 0]))
    verdict = verdict_or_none(folder, bytes(whole[:cut]))
    # Whatever we call sound and fully opened, Python's own reader finds sound, too.
    if verdict is not None and verdict.is_sound and not verdict.unopened:
        # It gives up on versions and names that it does not know, which is no word on the data.
        with (
            contextlib.suppress(NotImplementedError, UnicodeDecodeError),
            zipfile.ZipFile(folder / "a.zip") as file,
        ):
            assert file.testzip() is None
            assert len(file.infolist()) == verdict.entries


def test_a_truncated_archive(folder: Path) -> None:
    data = archive(contents())
    assert refusal(folder, data[:-1]) == "no end of directory"
    assert refusal(folder, data[: len(data) // 2]) == "no end of directory"
    assert refusal(folder, b"") == "no end of directory"
    assert refusal(folder, b"<html>" * 1000) == "no end of directory"


def test_a_hole_in_the_middle(folder: Path) -> None:
    """As a piece of the wrong length would leave it: every offset behind it is off."""
    data = archive({str(n): random.Random(n).randbytes(5000) for n in range(4)})
    shifted = data[:7000] + data[8000:]
    # The directory moved by less than it says: as if bytes were missing in front.
    assert refusal(folder, shifted) == "the directory is broken"


def test_a_header_that_differs_from_the_directory(folder: Path) -> None:
    data = archive({"aaaa.txt": b"content" * 10, "bbbb.txt": b"1"})
    other = data.replace(b"aaaa.txt", b"cccc.txt", 1)
    assert [damage.why for damage in judge(folder, other).damaged] == ["header and directory differ"]


def patched(data: bytes, entry_offset: int, value: bytes) -> bytes:
    at = data.index(b"PK\x01\x02") + entry_offset
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(("stated", "why"), [(6999, "longer than stated"), (7001, "shorter than stated")])
def test_lengths_that_lie(folder: Path, stated: int, why: str) -> None:
    data = patched(archive({"a": b"content" * 1000}), 24, struct.pack("<L", stated))
    assert [damage.why for damage in judge(folder, data).damaged] == [why]


def test_a_bomb_is_given_up_at_its_stated_size(folder: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    name = b"bomb"
    fixed = (20, 0, 8, 0, 0, 0, len(bomb), 10)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", *fixed, len(name), 0) + name + bomb
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, *fixed, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    assert [damage.why for damage in judge(folder, local + entry + end).damaged] == ["longer than stated"]


def test_entries_that_share_their_bytes_are_refused(folder: Path) -> None:
    """The trick of zip bombs: many entries, one kernel."""
    name, data = b"n", b"kernel" * 100
    crc = zlib.crc32(data)
    fixed = (20, 0, 0, 0, 0, crc, len(data), len(data))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", *fixed, len(name), 0) + name + data
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, *fixed, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, 3 * len(entry), len(local), 0)
    assert refusal(folder, local + 3 * entry + end) == "entries overlap"


def test_a_count_that_lies(folder: Path) -> None:
    data = archive(contents(3))
    at = data.rindex(b"PK\x05\x06") + 10
    assert refusal(folder, data[:at] + b"\x04\0" + data[at + 2 :]) == "the directory does not hold what it counts"


@pytest.mark.parametrize(("flags", "method", "note"), [(1, 8, "encrypted"), (0, 9, "method 9"), (0, 93, "method 93")])
def test_what_cannot_be_opened_is_proved_in_structure(folder: Path, flags: int, method: int, note: str) -> None:
    data = patched(archive({"a": b"content" * 50, "b": b"open"}), 8, struct.pack("<HH", flags, method))
    data = data[:8] + struct.pack("<H", method) + data[10:]
    verdict = judge(folder, data)
    assert (verdict.is_sound, verdict.proof, verdict.note, verdict.unopened) == (True, Proof.STRUCTURE, note, 1)


@pytest.mark.parametrize("hands", [1, 2])
def test_a_check_can_be_stopped(folder: Path, hands: int) -> None:
    path = folder / "a.zip"
    path.write_bytes(archive({"a": random.Random(SEED).randbytes(4_000_000)}))
    seen: list[int] = []
    with pytest.raises(StoppedError):
        ziparchive.verify(path, seen.append, lambda: bool(seen), hands)
    assert 0 < sum(seen) < 2_000_000


@pytest.mark.parametrize("hands", [1, 2, 8])
def test_damaged_ones_among_many_are_named_in_the_order_of_the_directory(folder: Path, hands: int) -> None:
    """More batches than may be waited for, entries of every size, and more damage than is named."""
    print("seed", SEED)
    rng = random.Random(SEED)
    sizes = [rng.choice([10, 300, 9_000, 700_000]) for _ in range(400)]
    files = {f"entry {number:03}": rng.randbytes(size) for number, size in enumerate(sizes)}
    data = bytearray(archive(files, zipfile.ZIP_STORED))
    bad = sorted(rng.sample(sorted(files), 33))
    for name in bad:
        data[data.index(name.encode()) + len(name)] ^= 1
    path = folder / "a.zip"
    path.write_bytes(data)
    verdict = ziparchive.verify(path, hands=hands)
    assert [damage.name for damage in verdict.damaged] == bad[:20]
    assert {damage.why for damage in verdict.damaged} == {"a wrong CRC"}
    assert (verdict.damaged_count, verdict.entries) == (33, 400)


def test_a_disk_that_fails_ends_all_hands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "a.zip"
    path.write_bytes(archive({str(number): random.Random(number).randbytes(1 << 20) for number in range(9)}))
    before = threading.active_count()

    def fail(_: OpenFile, offset: int, view: memoryview) -> int:
        if 3 << 20 < offset < 8 << 20:
            raise OSError(errno.EIO, "broken")
        return read(_, offset, view)

    read = OpenFile.read_at
    monkeypatch.setattr(OpenFile, "read_at", fail)
    with pytest.raises(ProblemError) as caught:
        ziparchive.verify(path, hands=3)
    assert caught.value.problem.code is Code.DISK_ERROR
    assert threading.active_count() == before


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.zip"
    real.write_bytes(archive(contents()))
    (folder / "a.zip").symlink_to(real)
    with pytest.raises(ProblemError) as caught:
        verify(folder / "a.zip")
    assert caught.value.problem.code is Code.IN_THE_WAY


def test_many_entries_in_little_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc  # noqa: PLC0415 - costs time where it is not wanted

    # What a hand may be behind is counted in batches: of small ones an archive of this size holds many times as many.
    monkeypatch.setattr(ziparchive, "_BATCH_ENTRIES", 32)
    path = folder / "many.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(20_000):
            file.writestr(zipfile.ZipInfo(f"folder/{number:06}.json"), b'{"n": 1}')
    tracemalloc.start()
    assert verify(path).entries == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def zip_files(folder: Path, files: dict[str, bytes]) -> Path:
    source = folder / "source"
    for name, data in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    return source


@pytest.mark.parametrize("options", [["-0"], ["-9"], ["-Z", "bzip2"], ["-fd"], ["-P", "secret"]], ids=" ".join)
def test_archives_of_info_zip(folder: Path, options: list[str]) -> None:
    source = zip_files(folder, contents())
    subprocess.run([tool("zip"), "-q", "-r", *options, folder / "a.zip", "."], cwd=source, check=True)
    verdict = verify(folder / "a.zip")
    assert verdict.is_sound
    assert verdict.proof is (Proof.STRUCTURE if "-P" in options else Proof.ARCHIVE)


def test_an_archive_streamed_by_info_zip(folder: Path) -> None:
    done = subprocess.run([tool("zip"), "-q", "-", "-"], input=b"content" * 9999, capture_output=True, check=True)
    assert judge(folder, done.stdout).entries == 1


@pytest.mark.parametrize("method", ["Copy", "Deflate", "Deflate64", "BZip2", "LZMA", "PPMd"])
def test_archives_of_7_zip(folder: Path, method: str) -> None:
    source = zip_files(folder, contents())
    subprocess.run(
        [tool("7z"), "a", "-bd", "-tzip", f"-mm={method}", folder / "a.zip", "."], cwd=source, check=True, stdout=-3
    )
    verdict = verify(folder / "a.zip")
    assert verdict.is_sound
    assert verdict.proof is (Proof.STRUCTURE if method in ("Deflate64", "PPMd") else Proof.ARCHIVE)


@pytest.fixture
def split(folder: Path) -> list[Path]:
    source = zip_files(folder, {f"n{n}": random.Random(n).randbytes(70_000) for n in range(6)})
    subprocess.run([tool("zip"), "-q", "-r", "-s", "64k", folder / "a.zip", "."], cwd=source, check=True)
    volumes = [*sorted(folder.glob("a.z[0-9]*")), folder / "a.zip"]
    assert len(volumes) == 7
    return volumes


def test_a_split_set_of_info_zip(split: list[Path]) -> None:
    verdict = verify(split)
    assert (verdict.is_sound, verdict.proof) == (True, Proof.ARCHIVE)
    assert verdict.entries >= 6
    assert volume_count(split[-1]) == len(split)


@pytest.mark.parametrize("number", [1, 3])
def test_the_damaged_volume_of_a_set_is_named(split: list[Path], number: int) -> None:
    data = bytearray(split[number].read_bytes())
    data[len(data) // 2] ^= 1
    split[number].write_bytes(bytes(data))
    verdict = verify(split)
    assert not verdict.is_sound
    assert number in verdict.volumes
    # An entry of 70 KB lies in two or three volumes of 64 KiB.
    assert len(verdict.volumes) <= 3


@pytest.mark.parametrize(
    "spoil", [lambda volumes: volumes[1:], lambda volumes: volumes[-1:], lambda volumes: [volumes[0], *volumes]]
)
def test_a_set_that_is_not_all_here_is_refused(split: list[Path], spoil: Callable[[list[Path]], list[Path]]) -> None:
    with pytest.raises(ProblemError) as caught:
        verify(spoil(split))
    assert caught.value.problem.code is Code.BAD_ARCHIVE


def test_volumes_in_the_wrong_order_are_refused(split: list[Path]) -> None:
    verdict = verify([split[1], split[0], *split[2:]])
    assert {0, 1} <= verdict.volumes
