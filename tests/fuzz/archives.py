"""Targets that read archives: the verdict on a zip, a zip as it passes, the volumes of a split set."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.archives import inflate, passing, volumes, ziparchive, zipformat, zipstream
from aihub_desktop.archives.passing import Verdict, look_for
from aihub_desktop.archives.ziparchive import ZipVerdict, recall, verify, volume_count
from aihub_desktop.archives.zipstream import ZipStream
from aihub_desktop.domain import sets
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import Proof

from .target import SEAM, Target, WrongError, chance, cut, holds, same

_READERS: Final = (ziparchive, zipformat, zipstream, volumes, inflate)
_FILES: Final = {"라벨/하나.json": b'{"a": 1}' * 30, "빈 것": b"", "folder/": b"", "둘": bytes(range(256))}
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_BLOCK: Final = 512
_TOKENS: Final = (
    *(b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"PK00", b"\xff\xff\xff\xff"),
    *(b"\1\0\x10\0", b"\1\0\x1c\0", b"\x08\0", b"\x0c\0", b"\x0e\0", b"\x09\0", b"\0\x08"),
)
# The slowest method unpacks a thousandfold; a stated size beyond this is a bomb, which takes the time that it takes.
_HONEST: Final = 64 << 20


class _Pipe(io.RawIOBase):
    """What cannot be gone back in: writers put descriptors behind the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        assert isinstance(data, bytes | bytearray | memoryview)
        self.data += data
        return len(data)


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _judged(paths: Path | list[Path], hands: int = 1) -> ZipVerdict | None:
    """None for what is refused as a whole; any other problem goes on."""
    try:
        return verify(paths, hands=hands)
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return None


def _judges_a_zip(data: bytes, folder: Path) -> None:
    path = written(folder / "a.zip", data)
    with contextlib.suppress(ProblemError):
        holds("no volume", volume_count(path) >= 1)
    verdict = _judged(path)
    same("the verdict of one hand and of two", verdict, _judged(path, hands=2))
    # Of several end records each reader takes another one.
    if verdict is not None and verdict.is_sound and not verdict.unopened and data.count(b"PK\5\6") == 1:
        _look_as_zipfile_does(path, verdict)
    if verdict is not None:
        holds("more damage than entries", verdict.damaged_count <= verdict.entries)
        holds("volumes that are not there", verdict.volumes <= {0})


def _look_as_zipfile_does(path: Path, verdict: ZipVerdict) -> None:
    """What we call sound, Python's own reader finds sound, or does not know how to open."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            same("entries, by zipfile", len(infos), verdict.entries)
            if sum(info.file_size for info in infos) < _HONEST:
                same("damaged entries, by zipfile", [why for info in infos if (why := _damage(archive, info))], [])
    except (NotImplementedError, UnicodeDecodeError, zipfile.BadZipFile):
        pass  # versions, names and places of directories that it does not know: no word on the data
    except RuntimeError as error:
        if "encrypted" not in str(error):
            raise


def _damage(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    """As `testzip` looks for it, but that a name may be marked as UTF-8 in one of its two places only."""
    try:
        with archive.open(info) as entry:
            while entry.read(1 << 16):
                pass
    except zipfile.BadZipFile as error:
        return "" if "File name in directory" in str(error) else str(error)
    return ""


def _streams_a_zip(data: bytes, folder: Path) -> None:
    """Cut in any way the same is seen, and what is recalled of it is what the check finds."""
    path = written(folder / "a.zip", data)
    whole, pieces = ZipStream(), ZipStream()
    # Fed at once there is one portion of an entry at most, and entries may be unpacked in any order.
    at_once = whole.feed(memoryview(data))
    chance(data).shuffle(at_once)
    for portion in at_once:
        portion.unpack()
    for part in cut(data, chance(data)):
        buffer = bytearray(part)
        for portion in pieces.feed(memoryview(buffer)):
            portion.unpack()
        buffer[:] = bytes(len(buffer))
    same("entries seen, whole and cut", len(whole.seen), len(pieces.seen))
    one, other = recall(path, whole.seen, lambda: False), recall(path, pieces.seen, lambda: False)
    same("what is recalled, whole and cut", one, other)
    if one is not None:
        same("what is recalled and what is read", one, _judged(path))


def _judges_a_set(data: bytes, folder: Path) -> None:
    portions = data.split(SEAM)[:6]
    names = [f"a.z{number:02}" for number in range(1, len(portions))] + ["a.zip"]
    paths = [written(folder / name, portion) for name, portion in zip(names, portions, strict=True)]
    same(
        "the volumes of a set",
        sets.whole_sets((path, path.name) for path in paths).get(paths[0], (paths[0],)),
        tuple(paths),
    )
    verdict = _judged(paths)
    if verdict is not None:
        holds("volumes that are not there", verdict.volumes <= set(range(len(paths))))
        holds("damage without its volume", bool(verdict.volumes) is not verdict.is_sound)


def _sorts_names(data: bytes, folder: Path) -> None:
    del folder
    names = data.decode("utf-8", "replace").split("\n")
    found = sets.whole_sets(enumerate(names))
    for key, unit in found.items():
        holds("a volume outside its set", key in unit and len(set(unit)) == len(unit) > 1)


def _looks_in_passing(data: bytes, folder: Path) -> None:
    """Of every kind of file, cut in any way the same is learnt, and never more than Python's own readers know."""
    del folder
    for name in ("a.tar", "a.tar.gz", "a.gz", "a.json"):
        whole, pieces = _look([data], name), _look(cut(data, chance(data)), name)
        same(f"damage to {name}, whole and cut", bool(whole.damage), bool(pieces.damage))
        if not whole.damage:
            same(f"what is learnt of {name}, whole and cut", whole, pieces)
        if name == "a.gz" and whole.proof is Proof.ARCHIVE and not whole.damage:
            _look_as_gzip_does(data)


def _look(portions: Iterable[bytes], name: str) -> Verdict:
    look = look_for(name)
    assert look is not None
    for portion in portions:
        buffer = bytearray(portion)
        look.feed(memoryview(buffer))
        buffer[:] = bytes(len(buffer))
    return look.verdict()


def _look_as_gzip_does(data: bytes) -> None:
    decoder = zlib.decompressobj(31)
    try:
        while data and not decoder.eof:
            decoder.decompress(data, _HONEST)
            data = decoder.unconsumed_tail
    except zlib.error as error:
        raise WrongError(f"a sound gzip, by zlib: {error}") from error
    holds("a whole gzip, by zlib", decoder.eof)


def _passing() -> list[bytes]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in _FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5
            tar.addfile(info, io.BytesIO(data))
    packed = gzip.compress(out.getvalue(), mtime=1)
    texts = [text.encode(coding) for text in ("가나다 abc", '{"글": 1}') for coding in ("utf-8", "utf-8-sig", "cp949")]
    return [out.getvalue(), packed, packed + gzip.compress(b"more", mtime=0) + bytes(9), *texts]


# ---- what the search begins with


def _zips() -> list[bytes]:
    return [*_plain_zips(), *_odd_zips(), wide_zip()]


def _plain_zips() -> Iterator[bytes]:
    for method in _METHODS:
        out, pipe = io.BytesIO(), _Pipe()
        for target in (out, pipe):
            with zipfile.ZipFile(target, "w", method) as archive:
                for name, data in _FILES.items():
                    archive.writestr(zipfile.ZipInfo(name), data, method)
                archive.comment = b"a comment"
        yield out.getvalue()
        yield bytes(pipe.data)


def _odd_zips() -> Iterator[bytes]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("wide", "w", force_zip64=True) as entry:
        entry.write(b"x" * 50)
    yield out.getvalue()
    yield b"PK00" + out.getvalue() + bytes(20)
    with zipfile.ZipFile(empty := io.BytesIO(), "w"):
        pass
    yield empty.getvalue()
    with zipfile.ZipFile(inner := io.BytesIO(), "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("inner.zip", out.getvalue())
        archive.writestr("한글.txt", b"aaaa")
    yield inner.getvalue()
    yield inner.getvalue().replace("한글".encode(), "한글".encode("cp949") + b"__")


def wide_zip() -> bytes:
    """Every field saturated, as streaming writers leave them."""
    data, name, crc = b"content", "이름".encode(), zlib.crc32(b"content")
    wide = struct.pack("<HHQQ", 1, 16, len(data), len(data))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(wide))
    body = local + name + wide + data
    extra = struct.pack("<HHQQQL", 1, 28, len(data), len(data), 0, 0)
    sizes = (0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0xFFFF, 0, 0, 0xFFFFFFFF)
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, *sizes) + name + extra
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entry), len(body))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(entry), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + entry + end64 + locator + end


def split_set(volume: int = 300) -> list[bytes]:
    """The volumes of a set, of `volume` bytes each but for the last."""
    body, entries = bytearray(b"PK\7\x08"), []
    for name, data in _FILES.items():
        raw, packer = name.encode(), zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        fixed = (20, 1 << 11, 8, 0, 0, zlib.crc32(data), len(packed), len(data))
        place = struct.pack("<HHHLL", 0, len(body) // volume, 0, 0, len(body) % volume)
        entries.append(struct.pack("<4sH5H3L2H", b"PK\1\2", 20, *fixed, len(raw), 0) + place + raw)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fixed, len(raw), 0) + raw + packed
    directory, at = b"".join(entries), len(body)
    last = (at + len(directory)) // volume
    end = (last, at // volume, len(entries), len(entries), len(directory), at % volume, 0)
    whole = bytes(body) + directory
    parts = [whole[start : start + volume] for start in range(0, last * volume, volume)]
    return [*parts, whole[last * volume :] + struct.pack("<4s4H2LH", b"PK\5\6", *end)]


def _sets() -> list[bytes]:
    wide = split_set(10_000)
    return [SEAM.join(split_set(size)) for size in (170, 250, 300, 400)] + [SEAM.join([b"", *wide]), wide[0], SEAM]


def mended_zip(data: bytes) -> bytes:
    """The end record tells where the first directory entry lies, as if all before it were meant."""
    at, end = data.find(b"PK\1\2"), data.rfind(b"PK\5\6")
    if not 0 <= at < end or end + 22 > len(data):
        return data
    count = data.count(b"PK\1\2", at, end) & 0xFFFF
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, end - at, at, len(data) - end - 22 & 0xFFFF)
    return data[:end] + record + data[end + 22 :]


def mended_tar(data: bytes) -> bytes:
    """Every block that looks like a header gets its right checksum, and the end its two blocks."""
    blocks = bytearray(data + bytes(-len(data) % _BLOCK))
    for at in range(0, len(blocks), _BLOCK):
        block = blocks[at : at + _BLOCK]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            blocks[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    return bytes(blocks)


TARGETS: Final = (
    Target("zip", _judges_a_zip, _READERS, _zips, mend=mended_zip, tokens=_TOKENS),
    Target("zip-stream", _streams_a_zip, _READERS, _zips, mend=mended_zip, tokens=_TOKENS),
    Target("volumes", _judges_a_set, _READERS, _sets, tokens=(*_TOKENS, SEAM)),
    Target(
        "passing",
        _looks_in_passing,
        (passing,),
        _passing,
        mend=mended_tar,
        tokens=(b"\x1f\x8b\x08", b"ustar  \0", b"\n20 size=", b"S", b"x", b"g", "가".encode(), "가".encode("cp949")),
        longest=32 << 10,
    ),
    Target(
        "set-names",
        _sorts_names,
        (sets,),
        lambda: ["a.z01\na.z02\na.zip\nB.ZIP\nb.z01\nb/한글.zip\n.zip".encode()],
        tokens=(b".z01", b".zip", b".z00002", b"\n"),
    ),
)
