"""Every sentence exists in both languages, says the same things, and is used."""

from __future__ import annotations

import ast
import string
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.system import words as words_module
from aihub_desktop.system.resources import resource
from aihub_desktop.system.words import LANGUAGES, CatalogueError, Words, catalogue, language

PACKAGE = Path(words_module.__file__).parents[1]


def placeholders(text: str) -> set[str]:
    bare = text.replace("[[", "").replace("]]", "")
    return {name for _, name, _, _ in string.Formatter().parse(bare) if name is not None}


def outside_options(text: str) -> set[str]:
    """The facts without which `text` cannot be said."""
    kept, rest = "", text
    while "[[" in rest:
        before, _, rest = rest.partition("[[")
        kept += before
        rest = rest.partition("]]")[2]
    return placeholders(kept + rest)


def strings_of_the_program() -> Iterator[str]:
    """Every literal text, and the fixed beginning of every built one with "*" behind it."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                    yield f"{text}*"  # a key is built at a dot
                case ast.Constant(value=str(text)):
                    yield text


def calls_of_say() -> Iterator[tuple[str, str, set[str] | None]]:
    """(where, key, names of the facts) for each call of `say` or `note` with a literal key; None: facts by `**`."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="say" | "note"), args=[ast.Constant(value=str(key))], keywords=facts
                ):
                    names = {fact.arg for fact in facts if fact.arg is not None}
                    spread = any(fact.arg is None for fact in facts)
                    yield f"{file.relative_to(PACKAGE)}:{node.lineno}", key, None if spread else names


@pytest.mark.parametrize("code", Code)
def test_every_code_has_words(code: Code) -> None:
    for wanted in LANGUAGES:
        told = Words(wanted).problem(Problem(code))
        assert told.title
        assert told.advice
        assert not {"{", "[["} & set(told.title + told.advice)


def test_no_words_for_codes_that_are_none() -> None:
    told = {key.split(".")[1] for key in catalogue() if key.startswith("problem.")}
    assert told == set(Code)


@pytest.mark.parametrize("wanted", LANGUAGES)
def test_every_state_and_proof_has_words(wanted: str) -> None:
    words = Words(wanted)
    states: list[FileState | TransferState] = [*FileState, *TransferState]
    assert all(words.state(state) for state in states)
    assert all(words.proof(proof) for proof in Proof)
    assert words.proof("") == ""


def test_both_languages_name_the_same_facts() -> None:
    for key, texts in catalogue().items():
        assert placeholders(texts["ko"]) == placeholders(texts["en"]), key
        assert outside_options(texts["ko"]) == outside_options(texts["en"]), key
        assert placeholders(texts.get("one", texts["en"])) <= placeholders(texts["en"]), key


def test_problems_can_be_told_without_any_fact() -> None:
    for key, texts in catalogue().items():
        if key.startswith("problem."):
            assert not outside_options(texts["ko"]), key


def test_texts_are_in_their_language() -> None:
    for key, texts in catalogue().items():
        assert all(text.strip() for text in texts.values()), key
        english = texts["en"] + texts.get("one", "")
        assert not any("가" <= sign <= "힣" for sign in english.replace("한국어", "")), key


def test_every_literal_key_exists_and_gets_its_facts() -> None:
    seen = 0
    for where, key, facts in calls_of_say():
        texts = catalogue().get(key)
        assert texts is not None, f"{where}: no words for {key}"
        if facts is not None:
            seen += 1
            assert outside_options(texts["ko"]) <= facts, f"{where}: {key} needs more facts"
            assert facts <= placeholders(texts["ko"]) | {"n"}, f"{where}: {key} does not use a fact"
    assert seen > 30  # else this test looks past the program


def test_no_sentence_is_left_over() -> None:
    used = set(strings_of_the_program())
    begun = tuple(text[:-1] for text in used if text.endswith(".*"))
    for key in catalogue():
        assert key in used or key.startswith(begun), f"nothing says {key}"


def test_doubled_keys_are_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('[x.y]\nko = "가"\nen = "a"\n', encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"x\.y stands twice"):
        catalogue(tmp_path)


@pytest.mark.parametrize(
    "text", ['[x]\nko = "가"\n', '[x]\nko = "가"\nen = 1\n', '[x]\nko="가"\nen="a"\nfr="a"\n', 'x = "a"']
)
def test_a_sentence_without_both_languages_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError):
        catalogue(tmp_path)


def test_files_are_read_whole() -> None:
    files = list(resource("words").glob("*.toml"))
    assert {"problems.toml", "cli.toml", "values.toml"} <= {file.name for file in files}
    for file in files:
        assert tomllib.loads(file.read_text(encoding="utf-8"))


def test_optional_parts_plural_and_sizes() -> None:
    korean, english = Words("ko"), Words("en")
    problem = Problem(Code.IN_THE_WAY, {"name": "가 [1].zip"})
    assert korean.problem(problem).title.endswith(": 가 [1].zip")
    assert english.problem(Problem(Code.IN_THE_WAY)).title == "Another file of that name is in the way"
    assert english.say("cli.files.total", n=1, size="2 KB") == "1 file, 2 KB"
    assert english.say("cli.files.total", n=2, size="2 KB") == "2 files, 2 KB"
    told = english.problem(Problem(Code.WRONG_SIZE, {"shown": "1 GB", "size": 3 << 29}))
    assert "1 GB shown, 1.50 GB in fact" in told.title


def test_a_fact_is_never_a_template() -> None:
    nasty = "{0.__class__} [[x]] {why} %s"
    assert nasty in Words("en").problem(Problem(Code.UNREACHABLE, {"why": nasty})).title


def test_say_refuses_what_is_not_there() -> None:
    with pytest.raises(KeyError):
        Words("en").say("cli.no-such-sentence")
    with pytest.raises(KeyError):
        Words("en").say("cli.note")


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"), (1, "1 B"), (1023, "1,023 B"), (1024, "1.00 KB"), (10_230, "9.99 KB"), (10_240, "10.0 KB"),
        (102_348, "99.9 KB"), (102_400, "100 KB"), (1_048_575, "1.00 MB"), (1 << 30, "1.00 GB"),
        (47 << 30, "47.0 GB"), (24 << 40, "24.0 TB"), (5000 << 40, "4.88 PB"), (2000 << 50, "2,000 PB"),
    ],
)  # fmt: skip
def test_sizes(size: int, shown: str) -> None:
    assert Words("en").size(size) == shown


def test_what_counts_has_signs_between_its_thousands() -> None:
    english = Words("en")
    assert english.say("gui.target.sum", n=12_345, size="1 GB", hidden="") == "12,345 files · 1 GB"
    assert english.say("gui.inside.dots", width=1920, height=1080) == "1920 × 1080"
    told = english.problem(Problem(Code.ENGINE_BUSY, {"pid": 4_194_303}))
    assert "4194303" in told.title


def test_ranges_speeds_and_times() -> None:
    korean, english = Words("ko"), Words("en")
    assert english.size_range(SizeRange(46 << 30, 48 << 30, "47 GB")) == "about 46.0–48.0 GB"
    assert korean.size_range(SizeRange(46 << 30, 48 << 30, "47 GB")) == "약 46.0~48.0 GB"
    assert english.size_range(SizeRange(1 << 40, (1 << 40) + 5, "")) == "about 1.00 TB"
    assert english.size_range(SizeRange(512, 512, "")) == "512 B"
    assert english.size_range(SizeRange(0, 512, "0 KB")) == "at most 512 B"
    assert english.speed(3_400_000) == "3.24 MB/s"
    assert korean.speed(3_400_000) == "3.24 MB/초"
    spans = [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90_000, "1 d 1 h")]
    assert [english.duration(span) for span, _ in spans] == [shown for _, shown in spans]
    assert korean.duration(3_700) == "1시간 1분"
    assert english.time_left(None) == ""
    assert english.time_left(61) == "1 min left"
    assert korean.time_left(3_599) == "1시간 남음"
    assert english.moment(0) == time.strftime("%Y-%m-%d %H:%M", time.localtime(0))


@pytest.mark.parametrize(
    ("between", "shown"),
    [
        (None, "unknown"), ((0, 0), "at most 0 s"), ((0, 4), "at most 5 s"), ((12, 18), "10–20 s"),
        ((20, 21), "about 20 s"), ((95, 100), "about 1 min 40 s"), ((120, 290), "2–5 min"), ((1700, 3300), "25–55 min"),
        ((3000, 3100), "about 50 min"), ((2 * 3600, 3 * 3600), "2–3 h"), ((7500, 7700), "about 2 h"),
        ((7700, 8200), "about 2 h 15 min"), ((100, 9000), "at most 3 h"), ((30 * 3600, 50 * 3600), "1–3 d"),
        ((5 * 86400, 5.2 * 86400), "about 5 d"),
    ],
)  # fmt: skip
def test_a_time_that_is_not_sure_says_so(between: tuple[float, float] | None, shown: str) -> None:
    assert Words("en").time_between(between) == shown
    assert Words("ko").time_between(between)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"), ({"LANG": "en_US.UTF-8"}, "en"), ({"LC_ALL": "C", "LANG": "ko_KR"}, "en"),
        ({"AIHUB_LANG": "ko", "LC_ALL": "C"}, "ko"), ({"LC_MESSAGES": "ko_KR"}, "ko"), ({"AIHUB_LANG": "de"}, "en"),
    ],
)  # fmt: skip
def test_language(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: str) -> None:
    for name in ("AIHUB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert language() == expected
    assert language("ko-KR") == "ko"
    assert language("en") == "en"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_short_reason_of_the_line_is_put_into_words(language: str) -> None:
    words = Words(language)
    told = words.problem(Problem(Code.UNREACHABLE, {"why": "refused"})).title
    assert "refused" not in told or language == "en"
    assert words.say("why.refused") in told
    assert "E-17" in words.problem(Problem(Code.UNREACHABLE, {"why": "E-17"})).title


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("\\\\?\\C:\\받은 것\\a.zip", "C:\\받은 것\\a.zip"),
        ("\\\\?\\UNC\\server\\share\\a", "\\\\server\\share\\a"),
        ("\\\\server\\share\\a", "\\\\server\\share\\a"),
        ("/data/a", "/data/a"),
    ],
)
def test_a_long_path_of_windows_is_shown_as_people_type_it(path: str, shown: str) -> None:
    told = Words("en").problem(Problem(Code.NOT_WRITABLE, {"path": path}))
    assert told.title == f"The folder cannot be written to: {shown}"
