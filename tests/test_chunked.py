"""Chunked coding, undone in place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.chunked import LONGEST_LINE, MOST_TRAILERS, Dechunker


def coded(chunks: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return body + b"0" + extension + b"\r\n" + trailers + b"\r\n"


def decode(parts: list[bytes]) -> tuple[bytes, Dechunker]:
    chunked = Dechunker()
    data = bytearray()
    for part in parts:
        view = memoryview(bytearray(part))
        data += view[: chunked.take(view)]
    return bytes(data), chunked


@settings(deadline=None)
@given(chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=8), data=st.data())
def test_any_cutting_gives_the_same_data(chunks: list[bytes], data: st.DataObject) -> None:
    extension = data.draw(st.sampled_from([b"", b";name=value", b' ; q="x y"', b"  "]))
    trailers = data.draw(st.sampled_from([b"", b"Checksum: 1\r\nX: y\r\n"]))
    body = coded(chunks, extension, trailers)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    decoded, chunked = decode([body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)])
    assert decoded == b"".join(chunks)
    assert chunked.at_end
    chunked.end()


def test_what_lies_within_a_chunk_is_not_moved() -> None:
    chunked = Dechunker()
    chunked.take(memoryview(bytearray(b"100000\r\n")))
    view = memoryview(b"x" * 4096)  # read-only: moving anything would fail
    assert chunked.take(view) == 4096


def test_bytes_behind_the_end_are_dropped() -> None:
    assert decode([coded([b"abc"]) + b"HTTP/1.1 200 OK\r\n"])[0] == b"abc"
    assert decode([coded([b"abc"]), b"more"])[0] == b"abc"


def test_every_early_end_is_a_cut() -> None:
    body = coded([b"abc", b"defg"], trailers=b"A: b\r\n")
    for stop in range(len(body)):
        chunked = decode([body[:stop]])[1]
        with pytest.raises(ProblemError) as caught:
            chunked.end()
        assert caught.value.problem.code is Code.CUT


@pytest.mark.parametrize(
    "body",
    [
        b"<html>\r\n",
        b"\r\n",
        b"-3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"3\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"1_0\r\n",
        b"1" * 16 + b"\r\n",
        b"3;" + b"x" * LONGEST_LINE + b"\r\nabc",
        b"f" * (LONGEST_LINE + 1),
        b"0\r\n" + b"A: b\r\n" * (MOST_TRAILERS + 1),
        b"0\r\nA: b\n\r\n",
    ],
)
def test_what_is_not_chunked_is_refused(body: bytes) -> None:
    for parts in ([body], [body[at : at + 1] for at in range(len(body))]):
        with pytest.raises(ProblemError) as caught:
            decode(parts)
        assert caught.value.problem.code is Code.CUT


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_noise_never_crashes(parts: list[bytes]) -> None:
    try:
        decode(parts)
    except ProblemError as error:
        code = error.problem.code
    else:
        code = Code.CUT
    assert code is Code.CUT


@pytest.mark.bench
def test_small_chunks_cost_little() -> None:
    body = coded([bytes(8192)] * 31)
    buffer = bytearray(body)
    began = time.perf_counter()
    data = 0
    rounds = 2000
    for _ in range(rounds):
        buffer[:] = body
        data += Dechunker().take(memoryview(buffer))
    rate = data / (time.perf_counter() - began)
    print(f"8 KiB chunks, refilling the buffer included: {rate / 1e9:.1f} GB/s")
    assert rate > 0.5e9
