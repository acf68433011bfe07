"""What passing bytes prove of tars, gzips and texts that other programs made, and of every way to damage them."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tapes import check, fetched, order, pieces, receive, tar, work

from aihub_desktop.archives.passing import Look, Verdict, look_for
from aihub_desktop.demo.content import noise
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.leases import Proof, Whole

SEED: Final = 20261127
LONG: Final = "아주_긴_이름/" * 20 + "끝.wav"
FILES: Final = {"a.txt": b"1", "빈_파일": b"", LONG: noise(3_000, 1), "b/c.bin": noise(200_000, 2)}
BARE_TAR: Final = Verdict(Proof.STRUCTURE, "tar")


def look_at(name: str, data: bytes, cut: int = 1 << 16) -> Verdict:
    look = look_for(name)
    assert look is not None
    return fed(look, data, cut)


def fed(look: Look, data: bytes, cut: int) -> Verdict:
    for at in range(0, len(data), cut):
        look.feed(memoryview(data)[at : at + cut])
    return look.verdict()


def python_tar(style: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=style) as archive:
        for name, data in FILES.items():
            if style != tarfile.USTAR_FORMAT or len(name.encode()) < 100:
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(data), 1_700_000_000.5 if style == tarfile.PAX_FORMAT else 1
                archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname, link.size = tarfile.SYMTYPE, "a.txt", 0
        archive.addfile(link)
    return out.getvalue()


TARS: Final[dict[str, Callable[[], bytes]]] = {
    "gnu": lambda: python_tar(tarfile.GNU_FORMAT),
    "pax": lambda: python_tar(tarfile.PAX_FORMAT),
    "ustar": lambda: python_tar(tarfile.USTAR_FORMAT),
}


KINDS: Final[dict[str, bytes]] = {
    "a.tar": TARS["pax"](),
    "b.tar.gz": gzip.compress(TARS["gnu"]()),
    "c.json": b"{}",
    "d.csv": noise(5_000, 6),
    "e.wav": b"RIFF",
}
PROVED: Final = [
    (Proof.STRUCTURE, "tar"),
    (Proof.ARCHIVE, "tar.gz"),
    (Proof.LENGTH, "readable"),
    (Proof.LENGTH, "unreadable"),
    (Proof.LENGTH, ""),
]


@pytest.mark.parametrize("cut", [1, 511, 512, 513, 1 << 20])
@pytest.mark.parametrize("style", TARS)
def test_a_tar_by_python_is_sound_however_it_is_cut(style: str, cut: int) -> None:
    assert look_at("x.tar", TARS[style](), cut) == BARE_TAR


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=posix"], ["--format=v7"], ["--sparse"]], ids=str)
def test_a_tar_by_tar_is_sound(tmp_path: Path, options: list[str]) -> None:
    if shutil.which("tar") is None:
        pytest.skip("needs tar")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "file").write_bytes(noise(70_000, 3))
    os.symlink("file", folder / "link")
    os.link(folder / "file", folder / "hard")
    with (folder / "holes").open("wb") as file:  # with more holes than a header has room for
        for number in range(12):
            file.seek(number << 20)
            file.write(b"x" * 4096)
        file.truncate(20 << 20)
    done = subprocess.run(["tar", *options, "-C", folder, "-cf", "-", "."], check=True, capture_output=True)
    assert look_at("x.tar", done.stdout, 1000) == BARE_TAR


def test_a_size_that_only_its_pax_header_knows() -> None:
    """Of more than 8 GiB the old field says nothing."""
    size = 9 << 30
    info = tarfile.TarInfo("large")
    info.size = size
    head = info.tobuf(tarfile.PAX_FORMAT)
    look = look_for("x.tar")
    assert look is not None
    look.feed(memoryview(head))
    zeros = memoryview(bytes(64 << 20))
    for _ in range(size // len(zeros)):
        look.feed(zeros)
    look.feed(memoryview(tarfile.TarInfo("after").tobuf() + bytes(1024)))
    assert look.verdict() == BARE_TAR


@pytest.mark.parametrize("style", TARS)
def test_a_damaged_tar_is_told(style: str) -> None:
    data = TARS[style]()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        second = archive.getmembers()[1].offset
    damaged = bytearray(data)
    damaged[second + 130] ^= 1
    assert look_at("x.tar", bytes(damaged)).damage == "a wrong checksum"
    assert look_at("x.tar", data[: second + 700]).damage == "cut off"
    # Pieces in a wrong order, as some scripts join them.
    middle = 512 * (len(data) // 1024)
    assert look_at("x.tar", data[:512] + data[middle:] + data[512:middle]).damage == "a wrong checksum"


@pytest.mark.parametrize("data", [b"", b"no tar at all" * 100, bytes(10_240)], ids=["empty", "other", "zeros"])
def test_what_is_no_tar_is_not_called_damaged(data: bytes) -> None:
    assert look_at("x.tar", data) == Verdict(Proof.LENGTH)


@pytest.mark.parametrize("cut", [1, 1000, 1 << 20])
def test_gzip_is_proved_by_its_own_sums(cut: int) -> None:
    packed = gzip.compress(TARS["gnu"]())
    assert look_at("x.tar.gz", packed, cut) == look_at("x.TGZ", packed) == Verdict(Proof.ARCHIVE, "tar.gz")
    members = gzip.compress(noise(300_000, 4)) + gzip.compress(b"second") + bytes(512)
    assert look_at("x.csv.gz", members, cut) == Verdict(Proof.ARCHIVE, "gzip")


def test_damaged_gzip_is_told_wherever_it_is_damaged() -> None:
    dice = random.Random(SEED)
    packed = gzip.compress(TARS["gnu"](), mtime=0)
    for at in [*range(10, 20), *(dice.randrange(10, len(packed)) for _ in range(60)), *range(-8, 0)]:
        damaged = bytearray(packed)
        damaged[at] ^= 1 << dice.randrange(8)
        verdict = look_at("x.tar.gz", bytes(damaged))
        assert verdict.damage, f"seed {SEED}, byte {at}"
    assert look_at("x.tar.gz", packed[:-3]).damage == "cut off"
    assert look_at("x.tar.gz", packed[: len(packed) // 2]).damage == "cut off"
    assert look_at("x.gz", b"no gzip") == Verdict(Proof.LENGTH)


def test_a_bomb_unpacks_into_nothing() -> None:
    packed = gzip.compress(bytes(64 << 20), compresslevel=1)
    assert look_at("x.gz", packed) == Verdict(Proof.ARCHIVE, "gzip")


def test_what_grows_without_end_is_not_followed() -> None:
    member = gzip.compress(bytes(64 << 20), compresslevel=9)
    assert look_at("x.gz", member * 20) == Verdict(Proof.LENGTH)


@pytest.mark.parametrize(
    ("data", "note"),
    [
        ('{"가": 1}'.encode(), "readable"),
        ("\ufeff가,나\r\n".encode(), "readable"),
        (b"a,b\n" * 9 + "가,나\n".encode("cp949"), "readable"),
        (b"", "readable"),
        ("가".encode()[:2], "unreadable"),
        (b"a\0b", "unreadable"),
        (noise(5_000, 5), "unreadable"),
        ("가,나\n".encode() + "가".encode("cp949"), "unreadable"),
    ],
)
@pytest.mark.parametrize("cut", [1, 3, 1 << 16])
def test_texts(data: bytes, note: str, cut: int) -> None:
    assert look_at("x.json", data, cut) == Verdict(Proof.LENGTH, note)


def test_other_names_are_not_looked_at() -> None:
    assert look_for("x.zip") is None
    assert look_for("x.wav") is None
    assert look_for("x.tar.part3") is None


def test_files_are_proved_by_their_kind_while_they_come_and_from_disk(folder: Path) -> None:
    works = [work(number, name, len(data)) for number, (name, data) in enumerate(KINDS.items(), 1)]
    members = [piece for name, data in KINDS.items() for piece in pieces(name, data, 30_000)]
    wholes = receive(order(folder, works), tar(members)).of(Whole)
    assert {whole.file: (whole.proof, whole.note) for whole in wholes} == dict(enumerate(PROVED, 1))
    # Without what was seen, as after a restart.
    proved = check(folder, works).proved
    assert {number: (one.proof, one.note) for number, one in proved.items()} == dict(enumerate(PROVED, 1))


def test_a_damaged_one_is_dropped_and_told(folder: Path) -> None:
    packed = bytearray(gzip.compress(TARS["gnu"]()))
    packed[-6] ^= 1
    damaged = bytearray(TARS["gnu"]())
    damaged[512 * 3 + 130] ^= 1
    works = fetched(folder, {"a.tar.gz": bytes(packed), "b.tar": bytes(damaged), "c.tar": TARS["gnu"]()})
    news = check(folder, works)
    assert list(news.proved) == [3]
    assert news.failed == {1: Code.BAD_ARCHIVE, 2: Code.BAD_ARCHIVE}
    assert sorted(path.name for path in folder.glob("*.tar*")) == ["c.tar", "c.tar.part.journal"]
