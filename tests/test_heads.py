"""The head of an answer: the same wherever it is cut, and nothing but heads."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.heads import LONGEST, Head, read_head, split_head

HEAD = b'HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nETag: "\xe9"\r\nX-A: 1\r\nx-a:  2 \r\n\r\n'


def grown(parts: list[bytes]) -> tuple[Head, bytes]:
    """The head, and what came behind it, of bytes that come in these parts."""
    came = bytearray()
    for part in parts:
        came += part
        if (end := split_head(came)) is not None:
            return read_head(bytes(came[:end])), bytes(came[end:])
    raise AssertionError("no head")


def refusal(data: bytes) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        read_head(data)
    assert (caught.value.problem.code, caught.value.problem.facts["why"]) == (Code.UNREACHABLE, "not-http")
    return caught.value


@given(st.lists(st.integers(0, len(HEAD) + 5), max_size=8).map(sorted))
def test_cut_anywhere_it_is_the_same(cuts: list[int]) -> None:
    data = HEAD + b"hello"
    edges = [0, *cuts, len(data)]
    head, body = grown([data[start:stop] for start, stop in pairwise(edges)])
    assert head == Head(206, {"content-length": "5", "etag": '"é"', "x-a": "1, 2"}, True)
    assert b"hello".startswith(body)


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),  # its body ends with the connection
    ],
)
def test_which_connections_may_stay(data: bytes, keeps: bool) -> None:
    assert read_head(data).keeps is keeps


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"220 smtp ready\r\n\r\n",
        b"<html>\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
    ],
)
def test_what_is_no_head(data: bytes) -> None:
    assert refusal(data).__cause__ is None


def tried(data: bytes) -> Head | None:
    """None where it is refused, as it has to be."""
    try:
        return read_head(data)
    except ProblemError as error:
        problem = error.problem
    assert (problem.code, problem.facts["why"]) == (Code.UNREACHABLE, "not-http")
    return None


@given(st.binary(max_size=200))
def test_garbage_is_no_head_and_no_crash(data: bytes) -> None:
    head = tried(data + b"\r\n\r\n")
    assert head is None or head.status > 0


@given(st.binary(max_size=60))
def test_headers_of_any_bytes(value: bytes) -> None:
    head = tried(b"HTTP/1.1 200 OK\r\nX-Any: " + value + b"\r\nContent-Length: 3\r\n\r\n")
    assert head is None or head.status == 200


def test_a_head_without_an_end_is_refused() -> None:
    assert split_head(b"a" * LONGEST) is None
    with pytest.raises(ProblemError) as caught:
        split_head(b"a" * (LONGEST + 1))
    assert caught.value.problem.code is Code.UNREACHABLE
