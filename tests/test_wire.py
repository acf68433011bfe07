"""Messages as JSON lines: all of them come back, garbage does not, and a key shows itself nowhere else."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aihub_desktop.domain import leases, messages, wire
from aihub_desktop.domain.model import Count, Dataset, Secret, looks_like_key

KEY: Final = "5EC7E7a0-1b2c-4d5e-8f90-a1b2c3d4e5f6"
READERS: Final[dict[Any, Callable[[bytes], Any]]] = {
    messages.AnyCommand: wire.command,
    messages.AnyEvent: wire.event,
    leases.AnyWork: wire.work,
    leases.AnyNews: wire.news,
}
KINDS: Final = [(kind, reader) for union, reader in READERS.items() for kind in get_args(union)]
SECRETIVE: Final = [(kind, reader) for kind, reader in KINDS if "key" in kind.__struct_fields__]

PLAIN: Final = {
    str: st.text(),
    int: st.integers(-(1 << 62), 1 << 62),
    Count: st.integers(0, 1 << 62),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    NoneType: st.none(),
    Secret: st.builds(Secret, st.text(min_size=1)),
    Any: st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(1 << 62), 1 << 62), st.text()),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=4,
    ),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type may have."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in (Union, UnionType):
        return st.one_of(*(values(one) for one in inner))
    if origin in (list, tuple, dict):
        return many(origin, inner)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return st.builds(kind, **{field.name: values(field.type) for field in msgspec.structs.fields(kind)})


def many(origin: type, inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=3)
    if origin is tuple and Ellipsis not in inner:
        return st.tuples(*(values(one) for one in inner))
    return st.lists(values(inner[0]), max_size=3).map(origin)


def told(error: BaseException) -> str:
    """All that an error could say, with what it carries along."""
    seen: list[str] = []
    one: BaseException | None = error
    while one is not None:
        seen += [str(one), repr(one), repr(one.args), repr(vars(one)), *traceback.format_exception(one)]
        one = one.__cause__ or one.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(("kind", "reader"), KINDS)
@given(data=st.data())
@hypothesis_settings(max_examples=25)
def test_every_message_comes_back_as_it_was(kind: type, reader: Callable[[bytes], Any], data: st.DataObject) -> None:
    message = data.draw(values(kind))
    line = wire.line(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert reader(line) == message
    assert type(reader(line)) is kind


def test_no_message_is_left_out_of_its_union() -> None:
    bases = (messages.Command, messages.Event, leases.Work, leases.News)
    for base, union in zip(bases, READERS, strict=True):
        assert set(base.__subclasses__()) == set(get_args(union))


@pytest.mark.parametrize(("kind", "reader"), SECRETIVE)
@given(data=st.data())
@hypothesis_settings(max_examples=10)
def test_a_key_travels_but_is_never_shown(kind: type, reader: Callable[[bytes], Any], data: st.DataObject) -> None:
    message = msgspec.structs.replace(data.draw(values(kind)), key=Secret(KEY))
    assert KEY.encode() in wire.line(message)
    back = reader(wire.line(message))
    assert back.key.reveal() == KEY
    for shown in (repr(message), str(message), f"{message}", repr([back]), str(back.key), f"{back.key}"):
        assert KEY not in shown
    assert KEY[4:-2] not in back.key.masked()


def test_the_messages_with_a_key_are_known() -> None:
    assert [kind for kind, _ in SECRETIVE] == [messages.SetKey, leases.Receive]


@pytest.mark.parametrize("key", ["short", "", "123456789012345"])
def test_a_short_key_is_masked_as_a_whole(key: str) -> None:
    assert Secret(key).masked() == "…"


def test_keys_are_compared_by_what_they_hold() -> None:
    assert Secret(KEY) == Secret(KEY) != Secret(KEY.lower())
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != KEY


def test_a_key_is_a_uuid() -> None:
    assert looks_like_key(KEY)
    assert not any(map(looks_like_key, ("", KEY[:-1], KEY + "0", KEY + "\n", KEY.replace("-", ""), "x" + KEY[1:])))


@pytest.mark.parametrize(
    "line",
    [
        b'{"command":"setkey","id":1,"key":"%b","unknown":1}',
        b'{"command":"setkey","id":"%b","key":"%b"}',
        b'{"command":"setkey","id":1,"key":["%b"]}',
        b'{"command":"setkey","id":1,"key":{"%b":1}}',
        b'{"command":"setkey","id":1,"key":"%b"',
        b'{"command":"setkey","id":1,"key":"%b\xff"}',
        b'{"command":"setkey","id":1,"key":"%b\\ud800"}',
        b'{"command":"%b"}',
        b'{"%b":1}',
        b'"%b"',
        b"%b",
    ],
)
def test_an_error_never_tells_the_key(line: bytes) -> None:
    line = line.replace(b"%b", KEY.encode())
    for reader in READERS.values():
        with pytest.raises(wire.WireError) as caught:
            reader(line)
        assert KEY not in told(caught.value)


@given(data=st.data())
def test_a_torn_line_never_tells_the_key(data: st.DataObject) -> None:
    line = bytearray(wire.line(messages.SetKey(1, Secret(KEY))))
    line[data.draw(st.integers(0, len(line) - 1)) :] = data.draw(st.binary(max_size=3))
    try:
        said = repr(wire.command(bytes(line)))  # a tail of "}" makes a whole line of it again
    except wire.WireError as error:
        said = told(error)
    assert KEY[:20] not in said


@pytest.mark.parametrize("reader", READERS.values())
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b"1",
        b"\xff\xfe",
        b'"\xff"',
        b"<html>",
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"event":"answer","seq":1,"id":1,"result":' + b"[" * 100_000,
        b'{"command":"resync","id":1}{"command":"resync","id":2}',
        b'{"command":"resync"}',
        b'{"command":"resync","id":"1"}',
        b'{"command":"resync","id":null}',
        b'{"command":"Resync","id":1}',
        b'{"command":5,"id":1}',
        b'{"command":"configure","id":1,"changes":{"parallel":null}}',
        b'{"event":"notice","seq":1,"problem":{"code":"no-such-code"}}',
        b'{"event":"progress","seq":1,"rate":1.0,"transfers":[[1]],"files":[]}',
        b'{"work":"drop"}',
        b'{"work":"receive","lease":1,"key":5}',
        b'{"news":"safe","lease":1,"file":1,"bytes":1}',
        b'{"news":"proved","lease":1,"file":1,"size":1,"sha256":"","proof":"hearsay"}',
    ],
)
def test_garbage_is_no_message(reader: Callable[[bytes], Any], line: bytes) -> None:
    with pytest.raises(wire.WireError):
        reader(line)


@pytest.mark.parametrize("reader", READERS.values())
@given(line=st.one_of(st.binary(), st.text().map(str.encode)))
def test_any_bytes_are_read_or_refused_in_one_way(reader: Callable[[bytes], Any], line: bytes) -> None:
    with pytest.raises(wire.WireError):
        reader(line)


@pytest.mark.parametrize("kind", get_args(messages.AnyCommand))
@given(data=st.data())
@hypothesis_settings(max_examples=5)
def test_a_command_with_a_field_that_is_not_known_is_refused(kind: type, data: st.DataObject) -> None:
    plain = msgspec.json.decode(wire.line(data.draw(values(kind))))
    assert wire.command(msgspec.json.encode(plain))
    with pytest.raises(wire.WireError):
        wire.command(msgspec.json.encode({**plain, "force": True}))


def test_a_result_is_read_as_its_command_promises() -> None:
    given_ = messages.DatasetList([Dataset("aihub", "1", "가")], 5.0)
    answer = wire.event(wire.line(messages.Answer(1, 2, None, wire.plain(given_))))
    assert isinstance(answer, messages.Answer)
    assert wire.result(answer.result, messages.DatasetList) == given_
    with pytest.raises(wire.WireError):
        wire.result(answer.result, messages.FileList)
    with pytest.raises(wire.WireError):
        wire.result(None, messages.Added)
