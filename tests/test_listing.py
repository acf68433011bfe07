"""Lists, trees and sentences of the hub: own samples always, the hub's real answers where they are at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Dataset, RemoteFile, Secret, SizeRange
from aihub_desktop.domain.names import safe_path
from aihub_desktop.sources.aihub.errors import SHOWN_SIGNS, Wanted, of_answer, of_stream_head
from aihub_desktop.sources.aihub.listing import parse_datasets, parse_size, parse_tree

REAL: Final = Path(__file__).resolve().parents[2] / "shared" / "hub"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the hub's recorded answers are not part of this repository")

DATASET: Final = Dataset("aihub", "90001", "골목의 소리, 데모")
HEADER: Final = (
    "The contents are encoded in UTF-8 including Korean characters. \n"
    "If the following contents are not output normally, \n"
    "Please modify the character information of the OS. \n"
    "=================공지사항=================== \n"
    "{notice}"
    "========================================== \n"
    "\n"
)
KEY: Final = Secret("01234567-89ab-cdef-0123-456789abcdef")

Entry = tuple[str, "str | list[Entry]"]  # a file with "size | key", or a folder with its entries


def tree_text(entries: Sequence[Entry], notice: str = "", prefix: str = "    ") -> str:
    """A tree as the hub draws it."""
    return HEADER.format(notice=notice) + "".join(f"{line}\n" for line in drawn(entries, prefix))


def drawn(entries: Sequence[Entry], prefix: str) -> list[str]:
    lines = []
    for number, (name, content) in enumerate(entries):
        last = number == len(entries) - 1
        branch = prefix + ("└─" if last else "├─") + name
        if isinstance(content, str):
            lines.append(f"{branch} | {content}")
        else:
            lines += [branch, *drawn(content, prefix + ("    " if last else "│  "))]
    return lines


def nested(paths: dict[str, str]) -> list[Entry]:
    """Entries for full paths, each with its "size | key"."""
    folders: dict[str, dict[str, str]] = {}
    entries: list[Entry] = []
    for path, leaf in paths.items():
        head, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(head, {})[rest] = leaf
        else:
            entries.append((path, leaf))
    return [*((name, nested(below)) for name, below in folders.items()), *entries]


def problem_of(text: str) -> Problem:
    with pytest.raises(ProblemError) as caught:
        parse_tree(text, DATASET)
    return caught.value.problem


# ---- lists


def test_a_list_is_split_at_the_first_comma() -> None:
    text = "==================DataSet 목록==================\n86, 감성 대화 말뭉치\n7, 음성, 소리 (1,2)\r\n=====\n"
    assert parse_datasets(text) == [
        Dataset("aihub", "86", "감성 대화 말뭉치"),
        Dataset("aihub", "7", "음성, 소리 (1,2)"),
    ]


def test_a_list_of_packages_says_so() -> None:
    text = "\ufeff================DataPackage 목록================\n3, 묶음\n3, 다시\n==========\n"
    assert parse_datasets(text) == [Dataset("aihub", "3", "묶음", package=True)]


def test_an_empty_list_is_a_list() -> None:
    assert parse_datasets("=====DataSet 목록=====\n==========\n") == []


@pytest.mark.parametrize(
    "text", ["", "86, 감성", "=====DataSet 목록=====\n86, 감성", "<html><body>DataSet 목록</body></html>"]
)
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_datasets(text)
    assert caught.value.problem.code is Code.BAD_ANSWER


# ---- trees


def test_a_tree_with_both_widths_of_prefix() -> None:
    text = tree_text(
        [
            (
                "009.강의 데이터",
                [
                    ("a | b", [("x.zip", "39 MB | 48444")]),
                    ("c", [("x.zip", "1 GB | 7"), ("y [1] & 50%.csv", "0 KB | 8")]),
                ],
            )
        ],
        notice="점검 안내\n둘째 줄\n",
    )
    assert "│  " in text
    listing = parse_tree(text, DATASET)
    assert listing.notice == "점검 안내\n둘째 줄"
    assert [(file.key, file.path) for file in listing.files] == [
        ("48444", "009.강의 데이터/a | b/x.zip"),
        ("7", "009.강의 데이터/c/x.zip"),
        ("8", "009.강의 데이터/c/y [1] & 50%.csv"),
    ]
    assert listing.files[0] == RemoteFile(
        "aihub",
        "90001",
        "48444",
        "009.강의 데이터/a | b/x.zip",
        SizeRange((39 << 20) - (1 << 19), (39 << 20) + (1 << 19), "39 MB"),
    )


def test_a_tree_of_a_package_names_its_files_so() -> None:
    package = Dataset("aihub", "3", "묶음", package=True)
    text = tree_text([("a.zip", "1 KB | 1")])
    assert parse_tree(text, package).files[0].package
    assert parse_tree(text.removeprefix(HEADER.format(notice="")), package).files[0].path == "a.zip"


def test_a_name_keeps_its_blanks_and_bars() -> None:
    text = tree_text([("가  나 ", [(" | x | 3 MB.zip", "2 TB | 12")])])
    assert parse_tree(text, DATASET).files[0].path == "가  나 / | x | 3 MB.zip"


def test_a_tree_without_files_is_a_tree() -> None:
    assert parse_tree(HEADER.format(notice=""), DATASET).files == []
    assert parse_tree(tree_text([("빈 폴더", [])]), DATASET).files == []


@pytest.mark.parametrize(
    "rows",
    [
        "    ├─a\n            └─b.zip | 1 KB | 1\n",
        "        ├─a\n    └─b.zip | 1 KB | 1\n",
        "    ├─a.zip | 1 KB | 1\n        └─b.zip | 1 KB | 2\n",
        "    ├─a.zip | 1 KB | 1\n    └─b.zip | 1 KB | 1\n",
        "    ├─a.zip | viel | 1\n",
        "    ├─a.zip | 1 KB | 1\n나머지\n",
    ],
)
def test_a_tree_that_could_lose_a_file_is_refused(rows: str) -> None:
    problem = problem_of(HEADER.format(notice="") + rows)
    assert problem.code is Code.BAD_ANSWER
    assert problem.facts["why"]


def test_what_is_no_tree() -> None:
    assert problem_of("").code is Code.BAD_ANSWER
    assert problem_of("<html>└─a.zip | 1 KB | 1</html>").code is Code.BAD_ANSWER
    assert problem_of(HEADER.format(notice="")[:200]).code is Code.BAD_ANSWER
    assert problem_of("페이지가 존재하지 않습니다.").code is Code.UNKNOWN_DATASET


# ---- sizes


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0 KB", 0, 512),
        ("1 KB", 512, 1536),
        ("47 GB", 93 << 29, 95 << 29),
        ("3 TB", 5 << 39, 7 << 39),
        ("5 Byte", 5, 5),
        ("0 Bytes", 0, 0),
        ("12 B", 12, 12),
        ("7mb", 13 << 19, 15 << 19),
    ],
)
def test_sizes_are_rounded_to_half_a_unit(text: str, low: int, high: int) -> None:
    assert parse_size(text) == SizeRange(low, high, text)


@pytest.mark.parametrize("text", ["", "GB", "-1 GB", "1.5 GB", "1 XB", "٣ GB", "1" * 16 + " KB", "1 GB 2"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_size(text)
    assert caught.value.problem.code is Code.BAD_ANSWER


@settings(deadline=None)
@given(st.integers(0, (1 << 48) - (1 << 41)), st.sampled_from([("KB", 10), ("MB", 20), ("GB", 30), ("TB", 40)]))
def test_the_true_size_lies_in_the_range(size: int, unit: tuple[str, int]) -> None:
    rounded = (size + (1 << unit[1] >> 1)) >> unit[1]
    assert parse_size(f"{rounded} {unit[0]}").allows(size)


# ---- anything


parts = st.text(st.characters(codec="utf-8", exclude_characters="/\n\r"), min_size=1, max_size=12)


@settings(deadline=None)
@given(
    st.lists(st.lists(parts, min_size=1, max_size=5).map("/".join), max_size=12, unique=True),
    st.sampled_from(["    ", "        ", ""]),
)
def test_any_tree_reads_back(paths: list[str], prefix: str) -> None:
    leaves = {path: f"{number % 1000} KB | {number}" for number, path in enumerate(paths)}
    # A path cannot be a file and a folder at once, and a folder must not look like a file.
    leaves = {path: leaf for path, leaf in leaves.items() if not any(other.startswith(f"{path}/") for other in paths)}
    leaves = {
        path: leaf
        for path, leaf in leaves.items()
        if not re.search(r" \| .* \| [0-9A-Za-z_-]+(?:\s*/)", path, re.DOTALL)
    }
    files = parse_tree(tree_text(nested(leaves), prefix=prefix), DATASET).files
    assert {file.path: f"{file.size.shown} | {file.key}" for file in files} == leaves


@settings(deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["├─", "└─", "    ", "│  ", "a", " | ", "1 KB", "7", "\n", "=====", "공지사항"])).map(
            "".join
        ),
    )
)
def test_any_text_gives_a_listing_or_a_problem(text: str) -> None:
    for given_text in (text, HEADER.format(notice="") + text, f"=====DataSet 목록=====\n{text}"):
        for parse in (lambda given: parse_tree(given, DATASET).files, parse_datasets):
            try:
                outcome: object = parse(given_text)
            except ProblemError as error:
                outcome = error.problem
            assert isinstance(outcome, list | Problem)


# ---- the hub's own answers


@real
def test_every_real_tree() -> None:
    trees = sorted((REAL / "trees").glob("*.txt"))
    assert trees
    for tree in trees:
        text = tree.read_bytes().decode()
        listing = parse_tree(text, Dataset("aihub", tree.stem, ""))
        assert len(listing.files) == len(re.findall(r" \| [0-9]+ [A-Z]+ \| [0-9]+$", text, re.MULTILINE)), tree.name
        assert all(file.path.split("/")[0] == listing.files[0].path.split("/")[0] for file in listing.files)
        for file in listing.files:
            safe_path(file.path)
            assert file.size.high > 0


@real
def test_the_real_list() -> None:
    datasets = parse_datasets((REAL / "datasets.txt").read_bytes().decode())
    assert len(datasets) == 797
    assert all(dataset.key.isdigit() and dataset.title for dataset in datasets)
    meta = dict(line.split("\t")[:2] for line in (REAL / "datasets_meta.tsv").read_text("utf-8").splitlines()[1:])
    assert {dataset.key: dataset.title for dataset in datasets} == meta


@real
def test_every_real_path_reads_back_and_is_safe() -> None:
    paths = 0
    for line in (REAL / "datasets_meta.tsv").read_text("utf-8").split("\n")[1:]:
        if not line:
            continue
        leaves = {path: f"1 GB | {number}" for number, path in enumerate(line.split("\t")[4].split(";;"))}
        files = parse_tree(tree_text(nested(leaves)), DATASET).files
        assert {file.path for file in files} == set(leaves)
        for path in leaves:
            assert str(safe_path(path)).count("/") == path.count("/")
        paths += len(leaves)
    assert paths >= 3_892


# ---- errors


SENTENCES: Final = {
    "인증실패, 권한이 거부되었습니다.": Code.KEY_REJECTED,
    "다운로드 서비스는 홈페이지(https://aihub.or.kr)에서 신청 및 승인 후 이용 가능 합니다.": Code.NOT_APPROVED,
    "해당 데이터의 승인 유효기간 만료로 재신청 후 이용 가능합니다.": Code.APPROVAL_EXPIRED,
    "승인 유효기간이 만료되었습니다. 홈페이지에서 재신청 및 승인 후 이용 바랍니다.": Code.APPROVAL_EXPIRED,
    "AI 허브는 해외에서의 데이터 다운로드를 제한하고 있습니다.": Code.ABROAD,
    "aihubshell 신규 버전을 다운로드해 주시기 바랍니다.": Code.API_OUTDATED,
    (
        "요청하신 데이터셋의 파일이 존재하지 않습니다. 파일의 존재여부 및 자세한 사항은 "
        "홈페이지(https://aihub.or.kr)에서 확인 바랍니다."
    ): Code.UNKNOWN_FILE,
    "페이지가 존재하지 않습니다.": Code.UNKNOWN_DATASET,
}


@pytest.mark.parametrize(("text", "code"), SENTENCES.items())
@pytest.mark.parametrize("status", [200, 404, 502, 503])
def test_a_sentence_is_judged_whatever_its_status_and_blanks(text: str, code: Code, status: int) -> None:
    for body in (text, f"\ufeff {text}\r\n", text.replace(" ", ""), text.replace(" ", "  \n")):
        assert of_answer(status, "text/plain", body.encode(), wanted=Wanted.STREAM, key=KEY).problem.code is code
    assert of_answer(status, "", text.encode("cp949"), wanted=Wanted.TEXT, key=KEY).problem.code is code


def test_a_refusal_without_a_key_asks_for_one() -> None:
    body = "인증실패, 권한이 거부되었습니다.".encode()
    assert of_answer(502, "text/plain", body, wanted=Wanted.STREAM).problem.code is Code.NO_KEY
    assert of_stream_head(body).problem.code is Code.KEY_REJECTED


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_sentence_cut_inside_a_letter_is_known(cut: int) -> None:
    assert of_stream_head("인증실패, 권한이 거부되었습니다".encode()[:-cut]).problem.code is Code.KEY_REJECTED


@pytest.mark.parametrize(
    ("status", "kind", "body", "stream", "listing"),
    [
        (200, "text/html;charset=utf-8", "<p>", Code.NOT_A_TAR, Code.BAD_ANSWER),
        (200, "", " <!doctype HTML>", Code.NOT_A_TAR, Code.BAD_ANSWER),
        (502, "text/plain", "\n<html lang='ko'>인증실패", Code.NOT_A_TAR, Code.BAD_ANSWER),
        (404, "text/html", "<html>", Code.NOT_A_TAR, Code.BAD_ANSWER),
        (200, "text/plain", "안녕", Code.NOT_A_TAR, Code.BAD_ANSWER),
        (502, "text/plain", "안녕", Code.HUB_ERROR, Code.HUB_ERROR),
        (500, "", "", Code.HUB_ERROR, Code.HUB_ERROR),
        (400, "application/json", "{}", Code.HUB_ERROR, Code.HUB_ERROR),
        (404, "text/plain", "nichts", Code.UNKNOWN_DATASET, Code.UNKNOWN_DATASET),
        (403, "text/plain", "", Code.FORBIDDEN, Code.FORBIDDEN),
        (429, "text/html", "<html>", Code.HUB_BUSY, Code.HUB_BUSY),
        (503, "text/plain", "", Code.HUB_BUSY, Code.HUB_BUSY),
        (502, "text/plain", "잠시 후 다시 시도해 주세요", Code.HUB_BUSY, Code.HUB_BUSY),
        (502, "text/plain", "해외 데이터 제한 " * 300, Code.HUB_ERROR, Code.HUB_ERROR),
    ],
)
def test_the_status_speaks_where_no_sentence_is_known(
    status: int, kind: str, body: str, stream: Code, listing: Code
) -> None:
    assert of_answer(status, kind, body.encode(), wanted=Wanted.STREAM, key=KEY).problem.code is stream
    assert of_answer(status, kind, body.encode(), wanted=Wanted.TEXT).problem.code is listing


def test_facts_are_short_and_hold_no_key() -> None:
    body = f"서버 오류\n\n{KEY.reveal()} key={KEY.reveal().upper()} {'가' * 900}".encode()
    problem = of_answer(502, "text/plain", body, wanted=Wanted.STREAM, key=KEY).problem
    text = str(problem.facts["text"])
    assert problem.facts["status"] == 502
    assert text.startswith("서버 오류 … key=… 가가")
    assert len(text) == SHOWN_SIGNS
    odd = Secret("not-a-uuid")
    assert "not-a-uuid" not in str(of_answer(500, "", b"not-a-uuid!", wanted=Wanted.TEXT, key=odd))


def test_busy_tells_when_to_come_back() -> None:
    problem = of_answer(429, "", b"", wanted=Wanted.STREAM, retry_after="120").problem
    assert problem.facts["retry_after"] == "120"


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(100, 599), st.sampled_from(["", "text/html", "text/plain"]))
def test_any_answer_is_some_problem(body: bytes, status: int, kind: str) -> None:
    problem = of_answer(status, kind, body, wanted=Wanted.STREAM).problem
    assert all(len(str(fact)) <= SHOWN_SIGNS for fact in problem.facts.values())
