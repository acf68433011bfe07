"""Batch files: what one says is read strictly, what is wrong is pointed at, and its schema says the same."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from commandline import Aihub
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import jsontext
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.batchtext import LARGEST, parse, written
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.system.resources import resource
from aihub_desktop.system.words import LANGUAGES, Words

SCHEMA: Final = json.loads(resource("aihubbatch-1.schema.json").read_text(encoding="utf-8"))
HASH: Final = "sha-256:" + "0a" * 32
FULL: Final = BatchFile(
    1, "음성 모음", "음성",
    (
        DatasetWish("71631", "감성 대화", files=("507721", "507722")),
        DatasetWish("12", package=True, include=("*라벨링데이터/", "*.json"), exclude=("*백업*",)),
    ),
    (
        AddressWish("https://example.org/a.zip", ("https://mirror.example.org/a.zip",), "웹/a.zip", HASH),
        AddressWish("s3://bucket/set/"),
    ),
    "naver", True, True,
)  # fmt: skip

GOOD: Final = (
    '{"aihubbatch": 1, "datasets": [{"key": "71631"}]}',
    '{"aihubbatch":1,"addresses":[{"address":"HTTPS://example.org/a?b=c"}]}',
    '\n{ "aihubbatch" : 1 ,\r\n"name":"\\uD83D\\uDE00", "datasets" : [ { "key" : "a_b-C" , "files" : [ ] } ] } \n',
    '{"aihubbatch": 1, "datasets": [{"key": "1"}, {"key": "1", "package": true}], "unpack": false}',
)
WEB: Final = '{"aihubbatch": 1, "addresses": ['
# (text, why, line, column, whether the schema can tell too)
BAD: Final = (
    ("", "batch-unfinished", 1, 1, False),
    ("[1]", "batch-none", 1, 1, True),
    ('{"datasets": [{"key": "1"}]}', "batch-none", 1, 1, True),
    ('{"aihubbatch": 0, "datasets": [{"key": "1"}]}', "batch-version", 1, 16, True),
    ('{"aihubbatch": true, "datasets": [{"key": "1"}]}', "batch-number-wanted", 1, 16, True),
    ('{"aihubbatch": 1.5, "datasets": [{"key": "1"}]}', "batch-number-wanted", 1, 16, True),
    ('{"aihubbatch": "1", "datasets": [{"key": "1"}]}', "batch-number-wanted", 1, 16, True),
    ('{"aihubbatch": 1}', "batch-empty", 1, 1, True),
    ('{"aihubbatch": 1, "datasets": [], "addresses": []}', "batch-empty", 1, 1, True),
    ('{"aihubbatch": 1,\n  "datasetz": []}', "batch-unknown-name", 2, 3, True),
    ('{"aihubbatch": 1, "datasets": [{"key": "1",\n "kee": 2}]}', "batch-unknown-name", 2, 2, True),
    ('{"aihubbatch": 1, "datasets": [{"title": "x"}]}', "batch-missing", 1, 32, True),
    ('{"aihubbatch": 1, "datasets": [{"key": 71631}]}', "batch-text-wanted", 1, 40, True),
    ('{"aihubbatch": 1, "datasets": {"key": "1"}}', "batch-list-wanted", 1, 31, True),
    ('{"aihubbatch": 1, "datasets": ["71631"]}', "batch-object-wanted", 1, 32, True),
    ('{"aihubbatch": 1, "datasets": [{"key": "1", "package": "no"}]}', "batch-flag-wanted", 1, 56, True),
    ('{"aihubbatch": 1, "datasets": [{"key": "7 1"}]}', "batch-dataset-key", 1, 40, True),
    ('{"aihubbatch": 1, "datasets": [{"key": "1", "files": ["2", ""]}]}', "batch-file-key", 1, 60, True),
    ('{"aihubbatch": 1, "datasets": [{"key": "1", "include": [""]}]}', "batch-pattern", 1, 57, True),
    ('{"aihubbatch": 1,\n"datasets": [{"key": "1"},\n{"key": "1"}]}', "batch-dataset-twice", 3, 1, False),
    ('{"aihubbatch": 1, "datasets": [{"key": "1", "key": "2"}]}', "batch-twice", 1, 45, False),
    (WEB + '{"address": "ftp://a/b"}]}', "batch-address", 1, 45, True),
    (WEB + '{"address": "s3://?"}]}', "batch-address", 1, 45, False),
    (WEB + '{"address": "https://a/b", "out": "../x"}]}', "batch-out", 1, 67, False),
    (WEB + '{"address": "https://a/b", "out": "/x"}]}', "batch-out", 1, 67, True),
    (WEB + '{"address": "https://a/b", "checksum": "md5:1"}]}', "batch-checksum", 1, 72, True),
    (WEB + '{"address": "s3://bucket/", "out": "x"}]}', "batch-for-one", 1, 68, False),
    (WEB + '{"address": "https://a", "mirrors": ["s3://bb/c"]}]}', "batch-mirror", 1, 70, True),
    (WEB + '{"address": "https://a"}, {"address": "https://a"}]}', "batch-address-twice", 1, 59, False),
    (WEB + '{"address": "https://a"}, {"address": "HTTPS://a#b"}]}', "batch-address-twice", 1, 59, False),
    ('{"aihubbatch": 1, "datasets": [{"key": "1"}], "delete_archives": true}',
     "batch-delete-needs-unpack", 1, 66, True),
    ('{"aihubbatch": 1, "name": "a\tb", "datasets": [{"key": "1"}]}', "batch-text", 1, 27, False),
    ('{"aihubbatch": 1, "name": "a\\u0007b", "datasets": [{"key": "1"}]}', "batch-text", 1, 27, True),
    ('{"aihubbatch": 1, "name": "\\ud800", "datasets": [{"key": "1"}]}', "batch-text", 1, 27, False),
    ('{"aihubbatch": 1, "name": "\\x", "datasets": [{"key": "1"}]}', "batch-text", 1, 27, False),
    ('{"aihubbatch": 1, "name": "end', "batch-text", 1, 27, False),
    ('{"aihubbatch": 1, "name"', "batch-unfinished", 1, 25, False),
    ('{"aihubbatch": 1, "name" "x"}', "batch-colon-wanted", 1, 26, False),
    ('{"aihubbatch": 1 "name": "x"}', "batch-comma-wanted", 1, 18, False),
    ('{"aihubbatch": 1, }', "batch-name-wanted", 1, 19, False),
    ("{'aihubbatch': 1}", "batch-name-wanted", 1, 2, False),
    ('{"aihubbatch": 01}', "batch-no-value", 1, 16, False),
    ('{"aihubbatch": NaN}', "batch-no-value", 1, 16, False),
    ('{"aihubbatch": 1, "datasets": [{"key": "1"}]} // x', "batch-after-end", 1, 47, False),
    ('{"a": ' + "[" * 40, "batch-too-deep", 1, 18, False),
)  # fmt: skip


def problem_of(raw: bytes) -> tuple[Code, dict[str, Any]]:
    with pytest.raises(ProblemError) as caught:
        parse(raw)
    return caught.value.problem.code, dict(caught.value.problem.facts)


def refusal(raw: bytes) -> Code | None:
    """None for what is read."""
    try:
        parse(raw)
    except ProblemError as error:
        return error.problem.code
    return None


@pytest.mark.parametrize("text", GOOD)
def test_what_is_right_is_read_and_fits_the_schema(text: str) -> None:
    batch = parse(text.encode())
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    assert parse(written(batch)) == batch


def test_everything_that_a_batch_can_say_is_written_and_read_again() -> None:
    raw = written(FULL)
    assert parse(raw) == FULL
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(raw))
    assert "음성 모음".encode() in raw  # a person reads it
    assert raw.count(b"\n") > 20


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("text", "why", "line", "column", "by_schema"), BAD)
def test_what_is_wrong_is_pointed_at(text: str, why: str, line: int, column: int, by_schema: bool) -> None:
    code, facts = problem_of(text.encode())
    assert (code, facts["why"], facts["line"], facts["column"]) == (Code.BAD_BATCH, why, line, column)
    for language in LANGUAGES:
        words = Words(language)
        assert words.has(f"why.{why}")
        title = words.problem(ProblemError(code, **facts).problem).title
        assert str(line) in title
        assert why not in title
    if by_schema:
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(text))


def test_bytes_that_are_no_text() -> None:
    assert problem_of(b"\xef\xbb\xbf{}")[1] == {"why": "batch-bom", "line": 1, "column": 1}
    assert problem_of('{\n"가'.encode() + b"\xff")[1] == {"why": "batch-no-utf8", "line": 2, "column": 3}
    assert problem_of('{"aihubbatch": 1}'.encode("utf-16"))[1]["why"] == "batch-no-utf8"
    assert problem_of(b" " * (LARGEST + 1))[1]["why"] == "batch-too-large"


def test_a_newer_version_is_told_before_anything_that_only_it_knows() -> None:
    code, facts = problem_of(b'{"aihubbatch": 2, "planets": [{"key": 5}], "datasets": {}}')
    assert (code, facts) == (Code.BATCH_NEWER, {"version": 2})


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_it_is_it_is_read_or_refused(raw: bytes) -> None:
    assert refusal(raw) in (None, Code.BAD_BATCH, Code.BATCH_NEWER)


def test_changed_bytes_of_a_right_one_are_read_or_refused() -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    dice, right = random.Random(seed), written(FULL)
    for _ in range(2_000):
        raw = bytearray(right)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(raw))
            raw[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        if refusal(bytes(raw)) is None:
            batch = parse(bytes(raw))
            assert parse(written(batch)) == batch


# At the command line.


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Aihub:
    return Aihub(tmp_path / "home", hub.url)


def test_a_batch_is_made_and_told(tmp_path: Path, aihub: Aihub) -> None:
    addresses = tmp_path / "list.txt"
    addresses.write_text("https://example.org/b.zip\thttps://m.example.org/b.zip\n  out=b/b.zip\n", encoding="utf-8")
    run = aihub(
        "batch", "new", "90001:100001,100002", "90002", "https://user:word@example.org/a?sig=x", "-i", addresses,
        "--include", "*.zip", "--to", "자료", "--name", "우리 것", "--unpack", "-o", tmp_path / "mine",
    )  # fmt: skip
    assert run.code == 0, run.err
    path = tmp_path / "mine.aihubbatch"
    assert str(path) in run.out
    batch = parse(path.read_bytes())
    assert batch.datasets == (
        DatasetWish("90001", files=("100001", "100002"), include=("*.zip",)), DatasetWish("90002", include=("*.zip",)),
    )  # fmt: skip
    assert batch.addresses[1] == AddressWish("https://example.org/b.zip", ("https://m.example.org/b.zip",), "b/b.zip")
    assert (batch.to, batch.name, batch.unpack) == ("자료", "우리 것", True)
    again = aihub("batch", "new", "90001", "-o", path)
    assert (again.code, path.read_bytes()) == (2, written(batch))
    assert "--force" in again.err
    shown = aihub("batch", "show", path, AIHUB_LANG="ko")
    assert shown.code == 0, shown.err
    assert "우리 것" in shown.out
    assert "word" not in shown.out  # neither a login nor a signature is for the eyes of others
    assert "sig=x" not in shown.out
    assert aihub("batch", "new", "90001", "-o", path, "--force").code == 0
    assert parse(path.read_bytes()) == BatchFile(1, datasets=(DatasetWish("90001"),))


def test_show_has_numbers_where_the_list_is_known(tmp_path: Path, aihub: Aihub) -> None:
    path = tmp_path / "a.aihubbatch"
    assert aihub("batch", "new", "90001", "-o", path).code == 0
    before = aihub("batch", "show", path, "--json")
    assert "files_known" not in before.records[0]["datasets"][0]
    assert aihub("files", "90001", "--json").code == 0
    assert aihub("datasets", "--json").code == 0
    count = len(aihub("files", "90001", "--json").records)
    told = aihub("batch", "show", path, "--json").records[0]["datasets"][0]
    assert told["files_known"] == count
    assert str(count) in aihub("batch", "show", path).out
    assert aihub("batch", "new", "90001", "-o", path, "--force").code == 0
    assert parse(path.read_bytes()).datasets[0].title  # of the list's copy


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "x"], ["90001", "-o", "none/x"], ["9 1", "-o", "x"], ["90001:", "-o", "x"], ["ftp://a/b", "-o", "x"],
        ["90001", "--delete-archive", "-o", "x"], ["https://a/b", "--include", "*", "-o", "x"], ["1", "1", "-o", "x"],
        ["90001"],
    ],
)  # fmt: skip
def test_what_cannot_be_a_batch_is_said(tmp_path: Path, aihub: Aihub, words: list[str]) -> None:
    words = [str(tmp_path / word) if word in ("x", "none/x") else word for word in words]
    run = aihub("batch", "new", *words, AIHUB_LANG=LANGUAGES[len(words) % 2])
    assert run.code == 2, run.err
    assert run.err
    assert "Traceback" not in run.err
    assert not list(tmp_path.glob("x*"))


def test_a_bad_batch_ends_with_2_and_a_newer_one_with_3(tmp_path: Path, aihub: Aihub) -> None:
    path = tmp_path / "a.aihubbatch"
    path.write_text('{"aihubbatch": 1,\n "oops": 1}', encoding="utf-8")
    for command in (("batch", "show", path), ("sync", path, "--to", tmp_path / "d")):
        run = aihub(*command)
        assert run.code == 2
        assert "line 2, column 2" in run.err
        assert "oops" in run.err
    path.write_text('{"aihubbatch": 9}', encoding="utf-8")
    assert aihub("batch", "show", path).code == 3
    assert aihub("sync", path, "--to", tmp_path / "d").code == 3
    assert not (tmp_path / "d").exists()


def test_a_huge_file_takes_no_huge_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    tracemalloc.start()
    try:
        text = json.dumps({"aihubbatch": 1, "name": "a" * 8_000_000, "datasets": [{"key": "1"}]})
        assert len(parse(text.encode()).name) == 8_000_000
        assert tracemalloc.get_traced_memory()[1] < 100 << 20  # bytes: a name is no tree
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(jsontext, "_MOST", 1_000)
    with pytest.raises(ProblemError) as caught:
        parse(b'{"aihubbatch": 1, "datasets": [' + b"[]," * 1_001)
    assert caught.value.problem.facts["why"] == "batch-too-large"
