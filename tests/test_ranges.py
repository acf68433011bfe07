"""What the header of an answer to a request for a range means: every row, and that nothing else is ever trusted."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.sources.ranges import Extent, asked_headers, extent, is_etag, unsatisfied_size, validator_of

ETAG: Final = '"v1"'
DATE: Final = "Thu, 26 Nov 2026 10:00:00 GMT"
PART: Final = {"content-range": "bytes 10-19/100", "content-length": "10", "etag": ETAG}


def judged(status: int, headers: dict[str, str], start: int = 10, stop: int | None = 20, validator: str = "") -> Extent:
    return extent(status, headers, start, stop, validator)


def refusal(status: int, headers: dict[str, str], start: int = 10, stop: int | None = 20, validator: str = "") -> Code:
    with pytest.raises(ProblemError) as caught:
        extent(status, headers, start, stop, validator)
    return caught.value.problem.code


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((0, None, "", False), {}),
        ((0, None, ETAG, False), {}),
        ((0, None, ETAG, True), {"if-match": ETAG}),
        ((0, 1, "", False), {"range": "bytes=0-0"}),
        ((5, None, "", False), {"range": "bytes=5-"}),
        ((5, 9, ETAG, False), {"range": "bytes=5-8", "if-range": ETAG}),
        ((5, 9, ETAG, True), {"range": "bytes=5-8", "if-match": ETAG}),
        ((5, 9, DATE, False), {"range": "bytes=5-8", "if-range": DATE}),
        ((5, 9, DATE, True), {"range": "bytes=5-8", "if-range": DATE}),
    ],
)
def test_what_is_asked(asked: tuple[int, int | None, str, bool], expected: dict[str, str]) -> None:
    start, stop, validator, match = asked
    assert asked_headers(start, stop, validator, match=match) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"etag": ETAG, "last-modified": DATE}, ETAG),
        ({"etag": f" {ETAG} "}, ETAG),
        ({"etag": 'W/"v1"', "last-modified": DATE}, DATE),
        ({"etag": 'W/"v1"'}, ""),
        ({"etag": "v1"}, ""),
        ({"etag": '"'}, ""),
        ({"etag": '""'}, ""),
        ({"last-modified": DATE}, DATE),
        ({}, ""),
    ],
)
def test_validators(headers: dict[str, str], expected: str) -> None:
    assert validator_of(headers) == expected
    assert is_etag(expected) == expected.startswith('"')


@pytest.mark.parametrize(
    ("status", "headers", "asked", "expected"),
    [
        (206, PART, (10, 20), Extent(10, 20, 100, ETAG, True)),
        (206, {"content-range": "bytes 10-19/100"}, (10, 20), Extent(10, 20, 100, "", True)),
        (206, {"content-range": " bytes 10-19/* "}, (10, 20), Extent(10, 20, None, "", True)),
        (206, {"content-range": "bytes 10-99/100"}, (10, None), Extent(10, 100, 100, "", True)),
        (206, {"content-range": "bytes 10-99/*"}, (10, None), Extent(10, 100, None, "", True)),
        (206, {"content-range": "bytes 10-14/15"}, (10, 20), Extent(10, 15, 15, "", True)),  # it ends before
        (206, {"content-range": "bytes 0-99/100"}, (0, None), Extent(0, 100, 100, "", True)),
        (206, {**PART, "content-length": "9", "transfer-encoding": "x"}, (10, 20), Extent(10, 20, 100, ETAG, True)),
        # The liar that says just what was asked for.
        (200, PART, (10, 20), Extent(10, 20, 100, ETAG, True)),
        # Whole, whatever was asked.
        (200, {"content-length": "100"}, (10, 20), Extent(0, 100, 100, "", False)),
        (200, {"content-length": "100", "accept-ranges": "bytes"}, (10, 20), Extent(0, 100, 100, "", False)),
        (200, {"content-length": "100", "accept-ranges": " Bytes"}, (0, None), Extent(0, 100, 100, "", True)),
        (200, {"content-length": "100", "accept-ranges": "none"}, (0, None), Extent(0, 100, 100, "", False)),
        (200, {"transfer-encoding": "chunked"}, (0, None), Extent(0, None, None, "", False)),
        (200, {}, (10, None), Extent(0, None, None, "", False)),
        (200, {"content-length": "²"}, (0, None), Extent(0, None, None, "", False)),
        # A range that nobody asked for says nothing.
        (200, {"content-length": "100", "content-range": "bytes 3-4/5"}, (0, None), Extent(0, 100, 100, "", False)),
    ],
)  # fmt: skip
def test_what_comes(
    status: int, headers: dict[str, str], asked: tuple[int, int | None], expected: Extent
) -> None:  # fmt: skip
    assert judged(status, headers, *asked) == expected


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {}),
        (206, {"content-range": "bytes 11-19/100"}),
        (206, {"content-range": "bytes 9-19/100"}),
        (206, {"content-range": "bytes 10-18/100"}),
        (206, {"content-range": "bytes 10-20/100"}),
        (206, {"content-range": "bytes 10-19/19"}),  # beyond its own end
        (206, {"content-range": "bytes 19-10/100"}),
        (206, {"content-range": "bytes 10-14/100"}),  # ends before what was asked, and before the end
        (206, {"content-range": "bytes=10-19/100"}),
        (206, {"content-range": "items 10-19/100"}),
        (206, {"content-range": "bytes 10-19"}),
        (206, {"content-range": "bytes */100"}),
        (206, {"content-range": "bytes 10-19/100, bytes 30-39/100"}),
        (206, {"content-range": "bytes -10-19/100"}),
        (206, {"content-range": "bytes 10-19/100", "content-length": "9"}),
        (206, {"content-range": "bytes 10-19/100", "content-length": "11"}),
        (206, {**PART, "content-type": "Multipart/Byteranges; boundary=x"}),
        (200, {"content-range": "bytes 10-19/100"}),  # how much comes nobody says
        (200, {"content-range": "bytes 10-19/100", "content-length": "100"}),
        (200, {"content-range": "bytes 0-99/100", "content-length": "100"}),
        (200, {"content-range": "nonsense", "content-length": "100"}),
    ],
)
def test_what_was_not_asked_for(status: int, headers: dict[str, str]) -> None:
    assert refusal(status, headers) is Code.WRONG_ANSWER


def test_a_206_to_a_request_for_the_whole_must_be_all_of_it() -> None:
    assert refusal(206, {"content-range": "bytes 0-98/100"}, 0, None) is Code.WRONG_ANSWER
    assert refusal(206, {"content-range": "bytes 1-99/100"}, 0, None) is Code.WRONG_ANSWER


@pytest.mark.parametrize(
    ("validator", "headers", "changed"),
    [
        (ETAG, {"etag": ETAG}, False),
        (ETAG, {"etag": '"v2"'}, True),
        (ETAG, {"etag": 'W/"v2"'}, False),
        (ETAG, {"last-modified": DATE}, False),  # what cannot be compared
        (ETAG, {}, False),
        (DATE, {"last-modified": DATE}, False),
        (DATE, {"last-modified": "Fri, 27 Nov 2026 10:00:00 GMT"}, True),
        (DATE, {"etag": ETAG, "last-modified": DATE}, False),
        ("", {"etag": '"v2"'}, False),
    ],
)
@pytest.mark.parametrize("status", [200, 206])
def test_other_content(validator: str, headers: dict[str, str], changed: bool, status: int) -> None:
    told = {"content-range": "bytes 10-19/100", "content-length": "10", **headers}
    if changed:
        assert refusal(status, told, validator=validator) is Code.CHANGED
    else:
        assert judged(status, told, validator=validator).start == 10


@pytest.mark.parametrize(
    ("text", "size"),
    [("bytes */100", 100), (" bytes */0 ", 0), ("bytes 0-1/100", None), ("bytes */*", None), ("", None)],
)
def test_the_size_behind_a_416(text: str, size: int | None) -> None:
    assert unsatisfied_size({"content-range": text}) == size
    assert unsatisfied_size({}) is None


numbers = st.integers(0, 30)


def tried(status: int, headers: dict[str, str], start: int, stop: int | None) -> Extent | None:
    """None where it is refused, as what was not asked for has to be."""
    try:
        return extent(status, headers, start, stop, "")
    except ProblemError as error:
        code = error.problem.code
    assert code is Code.WRONG_ANSWER
    return None


@given(
    status=st.sampled_from((200, 206)),
    told=st.tuples(numbers, numbers, st.one_of(st.none(), numbers)),
    length=st.one_of(st.none(), numbers),
    start=numbers,
    wanted=st.one_of(st.none(), st.integers(1, 30)),
)
def test_no_wrong_range_is_ever_trusted(
    status: int, told: tuple[int, int, int | None], length: int | None, start: int, wanted: int | None
) -> None:
    """Whatever a server says: what is taken for a range is the range that was asked for, up to the file's end."""
    first, last, size = told
    stop = None if wanted is None else start + wanted
    headers = {"content-range": f"bytes {first}-{last}/{'*' if size is None else size}"}
    if length is not None:
        headers["content-length"] = str(length)
    found = tried(status, headers, start, stop)
    if found is None:
        return
    if not found.ranges:
        # Taken for the whole file, which only a 200 to a request for all of it is.
        assert (status, start, stop) == (200, 0, None)
        assert (found.start, found.stop, found.size) == (0, length, length)
        return
    assert (found.start, found.stop, found.size) == (first, last + 1, size)
    assert first == start
    assert length in (None, last + 1 - first)
    if size is not None:
        assert last + 1 == (size if stop is None else min(stop, size))
    elif stop is not None:
        assert last + 1 == stop


@given(status=st.sampled_from((200, 206)), text=st.text(max_size=40))
def test_no_text_in_its_place_is_trusted(status: int, text: str) -> None:
    found = tried(status, {"content-range": text}, 10, 20)
    assert found is None or (text.strip().startswith("bytes 10-") and found.start == 10)
