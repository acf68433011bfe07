"""Reports of a look: what programs read, what Excel opens, what a person prints."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import msgspec
import pytest
from commandline import Aihub
from tapes import sha256

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.findings import IN_ORDER, Depth, Finding
from aihub_desktop.holdings.account import Account
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.report import WRITERS, write_csv, write_html, write_json
from aihub_desktop.holdings.verify import verify
from aihub_desktop.system.words import LANGUAGES, Words
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp
from aihub_desktop.transport.manifest import manifest_line

BOTH: Final = pytest.mark.parametrize("language", LANGUAGES)
FILES: Final = {
    "라벨/파일 1.json": b"1" * 3000,
    ("<script>alert(1)</script>.csv" if sys.platform != "win32" else "&lt;script.csv"): b"2",
    ('=HYPERLINK("x").csv' if sys.platform != "win32" else "=HYPERLINK('x').csv"): b"3",
    "-1+1.csv": b"4",
    "없어짐.zip": b"5",
    "깨짐.zip": b"6",
}


@pytest.fixture
def kept(folder: Path) -> Path:
    entries = []
    for number, (place, data) in enumerate(FILES.items()):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(data)
        story = ("aihub", "86", number == 1, str(5000 + number), place, "length", "2026-11-20T01:02:03+00:00", "")
        if number == 2:
            story = (
                "web",
                "",
                False,
                "https://example.org/a.csv",
                place,
                "checksum",
                "2026-11-21T00:00:00+00:00",
                "md5",
            )
        entries.append(Entry(place, sha256(data), len(data), *story, modified=(folder / place).stat().st_mtime_ns))
    Ledger(folder).record(entries)
    (folder / "없어짐.zip").unlink()
    (folder / "깨짐.zip").write_bytes(b"7")
    (folder / "메모.txt").write_bytes(b"mine")
    return folder


def account(folder: Path, depth: Depth = Depth.DEEP) -> Account:
    found = Account(str(folder), depth, "2026-11-27 10:00")
    verify(folder, depth=depth, report=found.hear)
    return found


class Page(html.parser.HTMLParser):
    """Reads a page; every tag that is opened is closed, and what is shown is in `text`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


@BOTH
def test_a_page_that_needs_nothing_but_itself(kept: Path, tmp_path: Path, language: str) -> None:
    words = Words(language)
    write_html(tmp_path / "보고서.html", account(kept), words)
    text = (tmp_path / "보고서.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if {"src", "href", "onload", "onclick"} & set(attrs)]
    assert "url(" not in text
    assert "@import" not in text
    assert ("html", {"lang": language}) in page.tags
    assert "size: A4" in text
    shown = "\n".join(page.text)
    for place in FILES:
        assert place in shown
    assert words.say("report.wrong", n=6, bad=2) in shown
    assert words.proof("checksum", "md5") in shown
    assert words.say("report.hub-dataset", dataset="86") in shown
    assert words.say("report.hub-package", dataset="86") in shown
    # What is wrong comes first.
    places = [shown.index(place) for place in ("깨짐.zip", "없어짐.zip", "메모.txt", "라벨/파일 1.json")]
    assert places == sorted(places)


def test_a_sheet_that_excel_opens(kept: Path, tmp_path: Path) -> None:
    words = Words("ko")
    path = tmp_path / "r.csv"
    write_csv(path, account(kept), words)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 8
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert head[:3] == [words.say("report.finding"), words.say("report.path"), words.say("report.bytes")]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert {row[1].removeprefix("'") for row in rows} == {*FILES, "메모.txt"}
    assert [row[0] for row in rows[:3]] == [words.say(f"finding.{one}") for one in ("changed", "missing", "extra")]
    assert {len(row) for row in rows} == {len(head)}


def test_an_object_that_programs_read(kept: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "r.json", account(kept, Depth.QUICK), Words("en"))
    told = json.loads((tmp_path / "r.json").read_bytes())
    assert (told["depth"], told["folder"], told["bytes"]) == ("quick", str(kept), 0)
    assert sum(told["counts"].values()) == len(told["files"]) == 7
    first = told["files"][0]
    assert first["finding"] in ("changed", "missing")
    by_path = {one["path"]: one for one in told["files"]}
    assert by_path["깨짐.zip"]["finding"] == "unproved"
    assert by_path["라벨/파일 1.json"] == {
        "path": "라벨/파일 1.json", "finding": "ok", "sha256": sha256(b"1" * 3000), "size": 3000, "proof": "length",
        "note": "", "received": "2026-11-20T01:02:03+00:00", "source": "aihub", "dataset": "86", "package": False,
        "file_key": "5000", "source_path": "라벨/파일 1.json", "size_received": 3000,
    }  # fmt: skip


@pytest.mark.parametrize("end", sorted(WRITERS))
def test_a_report_that_cannot_be_written_leaves_the_old_one(kept: Path, tmp_path: Path, end: str) -> None:
    with pytest.raises(ProblemError):
        WRITERS[end](tmp_path / "none" / f"r{end}", account(kept), Words("en"))
    path = tmp_path / f"r{end}"
    path.write_bytes(b"old")
    broken = account(kept)
    broken.hear([Seen("a", Finding.OK, stamp=cast("Stamp", 7))])
    with pytest.raises(AttributeError):
        WRITERS[end](path, broken, Words("en"))
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_more_findings_than_are_held_in_memory_are_in_order_all_the_same(tmp_path: Path) -> None:
    dice = random.Random(5)
    names = [f"라벨/{number:05}.json" for number in range(25_000)]
    dice.shuffle(names)
    entry = Entry("", "", 10, "aihub", "86")
    with Account("f", Depth.DEEP, "now", beside=tmp_path) as found:
        for start in range(0, len(names), 999):
            found.hear(
                [
                    Seen(name, Finding.MISSING if number % 100 == 0 else Finding.OK, 10, entry=entry)
                    for number, name in enumerate(names[start : start + 999], start)
                ]
            )
        missing, right = sorted(names[::100]), sorted(set(names) - set(names[::100]))
        for _ in range(2):
            assert [one.path for one in found.findings()] == [*missing, *right]
        write_json(tmp_path / "r.json", found, Words("en"))
        write_html(tmp_path / "r.html", found, Words("en"))
        there = {one.name for one in tmp_path.iterdir() if one.is_file()}
        if sys.platform == "win32":  # where what is for a while has a name
            there = {name for name in there if not name.startswith("tmp")}
        assert there == {"r.html", "r.json"}
    told = json.loads((tmp_path / "r.json").read_bytes())
    assert [one["path"] for one in told["files"]] == [*missing, *right]
    assert (told["counts"]["missing"], told["bytes"]) == (250, 250_000)
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8")).text
    assert (missing[-1] in page, right[9_999] in page, right[10_000] in page) == (True, True, False)
    assert Words("en").say("report.more", n=14_750) in page
    assert "25,000" in page


@BOTH
def test_an_empty_report(folder: Path, tmp_path: Path, language: str) -> None:
    (folder / ".aihub").mkdir()
    (folder / ".aihub/manifest-sha256.txt").write_bytes(b"")
    for end, write in WRITERS.items():
        write(tmp_path / f"r{end}", account(folder), Words(language))
    assert Words(language).say("report.right", n=0) in "\n".join(Page((tmp_path / "r.html").read_text("utf-8")).text)


@BOTH
def test_every_finding_and_depth_has_words(language: str) -> None:
    words = Words(language)
    assert all(words.say(f"finding.{one}") for one in IN_ORDER)
    assert all(words.say(f"depth.{one}") for one in Depth)
    assert all(words.say(f"cli.verify.{one}", path="x") for one in IN_ORDER if one is not Finding.OK)


# By the command.


@pytest.fixture
def aihub(tmp_path: Path) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", "http://127.0.0.1:9")
    yield made
    made.close()


@BOTH
def test_the_command_writes_them(aihub: Aihub, kept: Path, tmp_path: Path, language: str) -> None:
    names = [str(tmp_path / f"결과{end}") for end in (".json", ".csv", ".html")]
    run = aihub("verify", kept, *(word for name in names for word in ("--report", name)), AIHUB_LANG=language)
    assert run.code == 1, run.err
    words = Words(language)
    assert all(words.say("cli.verify.report-written", path=name) in run.err for name in names)
    assert words.say("cli.verify.bad", n=6, bad=2) in run.out
    assert all(os.path.getsize(name) > 500 for name in names)
    assert json.loads(Path(names[0]).read_bytes())["counts"]["missing"] == 1


@BOTH
def test_a_kind_of_report_that_is_none(aihub: Aihub, kept: Path, tmp_path: Path, language: str) -> None:
    run = aihub("verify", kept, "--report", tmp_path / "r.pdf", AIHUB_LANG=language)
    assert run.code == 2
    assert Words(language).say("cli.verify.report-kind", path=str(tmp_path / "r.pdf")) in run.err
    assert aihub("verify", kept, "--report", tmp_path / "none/r.csv").code == 4


@BOTH
def test_quick_by_the_command(aihub: Aihub, kept: Path, language: str) -> None:
    words = Words(language)
    run = aihub("verify", kept, "--quick", AIHUB_LANG=language)
    assert run.code == 1
    assert words.say("cli.verify.unproved", path="깨짐.zip") in run.out
    assert words.say("cli.verify.only-unproved", n=6, unproved=1) in run.out
    assert words.say("cli.verify.bad", n=6, bad=1) in run.out
    assert aihub("verify", kept, "--quick", "--deep", AIHUB_LANG=language).code == 2
    end = aihub("verify", kept, "--quick", "--json").end
    assert (end["ok"], end["missing"], end["changed"], end["unproved"], end["extra"]) == (4, 1, 0, 1, 1)


@BOTH
def test_a_list_of_sha256sum_by_the_command(aihub: Aihub, folder: Path, tmp_path: Path, language: str) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    words = Words(language)
    (folder / "가.csv").write_bytes(b"1")
    (folder / "back\\slash").write_bytes(b"2")
    names = ["가.csv", "back\\slash"]
    listed = tmp_path / "SHA256SUMS"
    listed.write_bytes(subprocess.run([program, *names], cwd=folder, capture_output=True, check=True).stdout)
    run = aihub("verify", folder, "--manifest", listed, AIHUB_LANG=language)
    assert (run.code, words.say("cli.verify.good", n=2) in run.out) == (0, True), run.err
    assert not (folder / ".aihub").exists()  # a folder of somebody else gets nothing from us
    (folder / "가.csv").write_bytes(b"3")
    assert aihub("verify", folder, "--manifest", listed).code == 1
    for text, key in ((b"", "empty"), (b"\0\1", "empty"), (None, "unreadable")):
        listed.unlink(missing_ok=True)
        if text is not None:
            listed.write_bytes(text)
        bad = aihub("verify", folder, "--manifest", listed, AIHUB_LANG=language)
        assert bad.code == 2
        facts = {"path": str(listed), **({"why": "\0"} if key == "unreadable" else {})}
        said = words.say(f"cli.verify.manifest-{key}", **facts).partition(" (\0")[0]
        assert said in bad.err


def test_the_log_of_a_newer_program_is_read(kept: Path) -> None:
    log = kept / ".aihub/log.jsonl"
    lines = [{**json.loads(line), "colour": "blue"} for line in log.read_bytes().splitlines()]
    log.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    assert account(kept, Depth.QUICK).counts[Finding.OK] == 4


@pytest.mark.skipif(sys.platform == "win32", reason="there such names cannot be")
def test_names_that_turn_the_reading_direction_are_spelt_out(folder: Path, tmp_path: Path) -> None:
    name = "a\u202egpj.exe"
    (folder / ".aihub").mkdir()
    (folder / ".aihub/manifest-sha256.txt").write_bytes(manifest_line(name, "0" * 64))
    write_html(tmp_path / "r.html", account(folder), Words("en"))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "\u202e" not in text
    assert re.search(r"a\\u202egpj\.exe", text)
