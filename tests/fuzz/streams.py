"""Targets that read what a network gives, cut in any way: the hub's tar, heads, chunked coding."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources import chunked, heads
from aihub_desktop.sources.aihub import errors, tarstream
from aihub_desktop.sources.aihub.tarstream import Chunk, End, Kind, Member, TarReader
from aihub_desktop.sources.chunked import Dechunker

from .archives import mended_tar
from .target import Target, chance, cut, holds, same

_Members = list[tuple[str, Kind, int, bytes]]
_FORMATS: Final[tuple[Literal[0, 1, 2], ...]] = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


# ---- the hub's tar


def _reads_a_tar(data: bytes, folder: Path) -> None:
    del folder
    whole = _members([data])
    same("a tar, whole and cut", whole, _members(cut(data, chance(data))))
    members, end = whole
    if end is None and all(kind is Kind.FILE for _, kind, _, _ in members):
        _look_as_tarfile_does(data, members)


def _members(portions: Iterable[bytes]) -> tuple[_Members, Code | None]:
    """Members with their data, and the problem that ended them."""
    reader = TarReader()
    found: list[tuple[Member, bytearray]] = []
    code = None
    try:
        for portion in portions:
            for event in reader.feed(memoryview(portion)):
                _take(event, found)
        reader.finish()
        holds("a member shorter than it says", all(member.size == len(data) for member, data in found))
    except ProblemError as error:
        # What a stream says that is no tar is judged by as much of it as had come.
        code = error.problem.code if error.problem.code in (Code.BROKEN_TAR, Code.SHORT) else Code.NOT_A_TAR
    return [(member.name, member.kind, member.size, bytes(data)) for member, data in found], code


def _take(event: Member | Chunk | End, found: list[tuple[Member, bytearray]]) -> None:
    match event:
        case Member():
            found.append((event, bytearray()))
        case Chunk(data=data):
            holds("an empty chunk", len(data) > 0)
            found[-1][1].extend(data)
            holds("more data than a member has", len(found[-1][1]) <= found[-1][0].size)


def _look_as_tarfile_does(data: bytes, members: _Members) -> None:
    """What we call whole, Python reads to the same names and bytes."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8") as tar:
            infos = list(tar)
            if any(not info.isreg() for info in infos) or any(sign >= "\udc80" for info in infos for sign in info.name):
                return  # kinds that only one of us knows, and names that each decodes in its own way
            others = [(info.name, (tar.extractfile(info) or io.BytesIO()).read()) for info in infos]
    except (tarfile.TarError, ValueError, OverflowError, EOFError):
        return  # it reads fewer writers' tars
    ours = [(name.rstrip("/"), data) for name, _, _, data in members]
    if b"path=" in data and b"@LongLink" in data:
        return  # of two long names for one member each takes another one
    # At a header with a wrong time or owner, which we do not look at, it ends without a word.
    same("a tar, by tarfile", ours[: len(others)], [(name.rstrip("/"), data) for name, data in others])


def _tars() -> list[bytes]:
    return [*_plain_tars(), *_odd_tars(), b"<html>", "인증 실패".encode()]


def _plain_tars() -> Iterator[bytes]:
    files = [
        ("라벨/파일 1.json.part0", b"a" * 700),
        ("b.part0", b""),
        ("d" * 60 + "/" + "e" * 80 + ".zip.part0", b"x"),
    ]
    for tar_format in _FORMATS:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                info.pax_headers = {"comment": "한글"}
                tar.addfile(info, io.BytesIO(data))
        yield out.getvalue()


def _odd_tars() -> Iterator[bytes]:
    out = io.BytesIO()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.CONTTYPE)
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "all"}) as tar:
        for kind in (*kinds, tarfile.GNUTYPE_SPARSE, b"Z"):
            info = tarfile.TarInfo("../한글")
            info.type, info.linkname = kind, "/etc"
            tar.addfile(info)
    yield out.getvalue()
    info = tarfile.TarInfo("a")
    info.size, info.pax_headers = 3, {"size": "3", "path": "b" * 300, "GNU.sparse.major": "1"}
    yield info.tobuf(tarfile.PAX_FORMAT) + b"abc" + bytes(509 + 1024)


# ---- heads and bodies of HTTP


def _reads_a_head(data: bytes, folder: Path) -> None:
    del folder
    stop = heads.split_head(data)
    if stop is None:
        return
    holds("a head that ends before it began", 0 < stop <= len(data))
    same("where a head ends", heads.split_head(bytearray(data[:stop])), stop)
    head = heads.read_head(data[:stop])
    holds("a status", 0 < head.status < 1 << 16)
    holds("a header's name", all(name == name.lower() for name in head.headers))


def _heads() -> list[bytes]:
    return [
        b'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nETag: "a"\r\n\r\n0123456789',
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nX: 1\r\nX: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200\n\n",
    ]


def _reads_chunks(data: bytes, folder: Path) -> None:
    del folder
    whole = _dechunked([data])
    same("chunked coding, whole and cut", whole, _dechunked(cut(data, chance(data))))
    holds("more data than bytes", len(whole[0]) <= len(data))


def _dechunked(portions: Iterable[bytes]) -> tuple[bytes, Code | None]:
    """What comes before a fault is given by the reads before it, so of a fault only the code is compared."""
    body, found = Dechunker(), bytearray()
    try:
        for portion in portions:
            view = memoryview(bytearray(portion))
            found += view[: body.take(view)]
        body.end()
    except ProblemError as error:
        return b"", error.problem.code
    return bytes(found), None


def _chunks() -> list[bytes]:
    return [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"1\r\na\r\n2\r\nbc\r\n3;x=1\r\ndef\r\n0\r\nTrailer: 1\r\nOther: 2\r\n\r\nnext",
        b"0000000a  \r\n0123456789\r\n0;e\r\n\r\n",
        b"ffffffffffffff\r\nabc",
    ]


def _reads_an_answer(data: bytes, folder: Path) -> None:
    """What is no tar, no list and no tree may be a sentence of the hub, or a page of something on the way."""
    del folder
    first = errors.of_stream_head(data)
    second = errors.of_answer(502, "text/plain", data, wanted=errors.Wanted.TEXT, retry_after="7")
    for problem in (first.problem, second.problem):
        holds("a long fact", all(len(str(fact)) <= 400 for fact in problem.facts.values()))


def _answers() -> list[bytes]:
    return [
        "인증 실패하였습니다. 신청 및 승인 후 이용".encode(),
        b"<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE html><html><head>",
        "\ufeff유효기간이 만료되었습니다. 재신청".encode(),
        re.sub(r"\s+", " ", "해외 제한 동시 잠시 후 01234567-89ab-cdef-0123-456789abcdef").encode("cp949"),
    ]


TARGETS: Final = (
    Target(
        "tar",
        _reads_a_tar,
        (tarstream,),
        _tars,
        mend=mended_tar,
        longest=32 << 10,
        tokens=(
            b"ustar  \0",
            b"ustar\x0000",
            b"L",
            b"x",
            b"g",
            b"S",
            b"5",
            b"20 path=abcdefghijkl\n",
            b"12 size=900\n",
        ),
    ),
    Target("head", _reads_a_head, (heads,), _heads, tokens=(b"Content-Length: ", b"\r\n\r\n", b"HTTP/1.1 ", b"\r\n ")),
    Target("chunked", _reads_chunks, (chunked,), _chunks, tokens=(b"\r\n0\r\n\r\n", b"\r\n1\r\n", b";", b"\r\n\r\n")),
    Target(
        "answer",
        _reads_an_answer,
        (errors,),
        _answers,
        tokens=(b"<!--", b"-->", b"<?xml", b"?>", b"<html>", "동시".encode(), "승인".encode(), "만료".encode()),
    ),
)
