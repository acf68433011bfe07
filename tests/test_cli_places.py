"""The pure parts of fetching from storages and web addresses: counts of several transfers, proofs, endpoints, words."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console as Terminal

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.endpoint import AWS, SHORT, Choice, chosen, known, named
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.lines import summary
from aihub_desktop.cli.listing import table, total, total_text
from aihub_desktop.cli.picture import picture
from aihub_desktop.cli.report import Refusal, Report, proof_lines
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.tally import Tally, Total
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.messages import (
    Changed,
    FileProgress,
    FileRow,
    Notice,
    Progress,
    Snapshot,
    StorageRow,
    TransferProgress,
    TransferRow,
)
from aihub_desktop.domain.model import HUB, S3, UNKNOWN_SIZE, WEB, Algorithm, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.storage import Access, Storage, Style
from aihub_desktop.system import pace
from aihub_desktop.system.words import LANGUAGES, Words

BOTH = pytest.mark.parametrize("language", LANGUAGES)
EN = Words("en")


def remote(path: str, size: int | None, source: str = WEB) -> RemoteFile:
    known_size = UNKNOWN_SIZE if size is None else SizeRange.exactly(size)
    return RemoteFile(source, "", f"https://h/{path}", path, known_size, origin=Origin())


def row(
    number: int, transfer: int, file: RemoteFile, state: FileState, *, code: Code | None = None,
    proof: str = "", note: str = "", reached: int = 0,
) -> FileRow:  # fmt: skip
    size = file.size.low if state is FileState.DONE else None
    problem = Problem(code) if code else None
    return FileRow(
        number, transfer, file, file.path, state, size or reached, size, "ab", proof, problem, 0, None, note
    )  # fmt: skip


def transfer(
    number: int, state: TransferState, *, received: int = 0, again: int = 0, problem: Problem | None = None
) -> TransferRow:
    data = Dataset(WEB, "", "h")
    return TransferRow(number, data, "/d", state, problem, 1, 0, 0, 0, 0, 0, 0, 0, received, again, 0.0, None)


def order(*, json: bool = False) -> Order:
    return Order(folder=Path("/d"), json=json)


# Several transfers, one count.


def several() -> tuple[Tally, list[RemoteFile]]:
    """Two transfers with files of the same key and path, and one of unknown size."""
    files = [remote("a.zip", 1000), remote("a.zip", 3000, S3), remote("b", None)]
    tally = Tally()
    tally.add(1, files[:1])
    tally.add(2, files[1:])
    tally.see(Snapshot(1, [transfer(1, TransferState.QUEUED, received=50)], Settings(), ""))
    return tally, files


def test_transfers_are_counted_together() -> None:
    tally, files = several()
    assert (tally.wanted, tally.over, tally.total) == (3, False, Total(SizeRange(4000, 4000, ""), 1))
    tally.see(Changed(2, files=[row(1, 1, files[0], FileState.DONE), row(9, 3, files[0], FileState.DONE)]))
    tally.see(Changed(3, files=[row(2, 2, files[1], FileState.DONE), row(3, 2, files[2], FileState.FETCHING)]))
    assert [one.id for one in tally.newly_ended()] == [1, 2]
    assert not tally.over
    tally.see(
        Progress(
            4, 30.0,
            [TransferProgress(1, 0, 150, 0, 10.0, 4.0), TransferProgress(2, 0, 200, 7, 20.0, 9.0)],
            [FileProgress(3, 2, 700, 0, 20.0)],
        )
    )  # fmt: skip
    # What has ended no longer counts in pace; what was received before this run never did.
    assert (tally.rate, tally.left, tally.received, tally.again) == (20.0, 9.0, 300, 7)
    assert tally.bytes == 1000 + 3000 + 700
    tally.see(Changed(5, files=[row(3, 2, files[2], FileState.FAILED, code=Code.NOT_THERE)]))
    assert (tally.over, len(tally.lost), tally.left) == (True, 1, None)


def test_one_stopped_transfer_leaves_the_others_running() -> None:
    tally, files = several()
    stopped = transfer(2, TransferState.NEEDS_USER, problem=Problem(Code.NO_CREDENTIALS))
    tally.see(Changed(2, [stopped]))
    assert not tally.over
    tally.see(Changed(3, files=[row(1, 1, files[0], FileState.DONE)]))
    assert tally.over
    assert tally.problems == [Problem(Code.NO_CREDENTIALS)]
    tally.see(Changed(4, [transfer(2, TransferState.RUNNING)]))  # the cause is settled meanwhile
    assert (tally.over, tally.problems) == (False, [])


def test_the_engines_end_is_that_of_every_transfer_and_told_once() -> None:
    tally, _ = several()
    tally.see(Notice(2, Problem(Code.DISK_FULL), fatal=True))
    assert (tally.over, tally.problems) == (True, [Problem(Code.DISK_FULL)])


def test_only_what_comes_in_streams_has_to_be_received_again() -> None:
    tally, files = Tally(), [remote("a", 100), RemoteFile(HUB, "86", "1", "b", SizeRange.exactly(100))]
    tally.add(1, files)
    tally.see_files(row(n, 1, file, FileState.WAITING, reached=40) for n, file in enumerate(files))
    assert tally.unfinished == 40


# What is said.


@BOTH
def test_unknown_sizes_are_shown_as_unknown(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = Words(language)
    unknown = words.say("value.unknown")
    assert words.file_size(UNKNOWN_SIZE) == total_text(words, Total(SizeRange(0, 0, ""), 2)) == unknown
    assert words.file_size(SizeRange.exactly(0)) == total_text(words, Total(SizeRange(0, 0, ""))) == "0 B"
    files = [remote("dir/a.zip", 2048), remote("dir/b", None), remote("c", 0)]
    text = total_text(words, total(files))
    assert text == words.say("value.more-unknown", size="2.00 KB", n=1)
    table(Console(words), files)
    lines = capsys.readouterr().out.splitlines()
    assert not any("https" in line for line in lines)
    for line, end in zip(lines, ("  ├─ dir/", "  │  ├─ a.zip", "  │  └─ b", "  └─ c"), strict=False):
        assert line.endswith(end)
    assert "2.00 KB" in lines[1]
    assert unknown in lines[2]
    assert "0 B" in lines[3]


@BOTH
def test_bars_without_an_end(language: str) -> None:
    tally, files = several()
    tally.see_files([row(3, 2, files[2], FileState.FETCHING), row(1, 1, files[0], FileState.FETCHING)])
    moving = [FileProgress(3, 2, 700, 0, 5.0), FileProgress(1, 1, 300, 0, 5.0)]
    tally.see(Progress(2, 9.0, [TransferProgress(2, 0, 0, 0, 9.0, None)], moving, connections=8, eased=True))
    stream = io.StringIO()
    terminal = Terminal(file=stream, width=160, height=12, force_terminal=True, color_system=None)
    terminal.print(picture(Words(language), tally, 160, 12))
    assert Words(language).say("value.more-unknown", size="3.91 KB", n=1) in stream.getvalue()
    line = summary(Words(language), tally)
    assert line.endswith(f"{Words(language).say('pace.connections', n=8)} · {Words(language).say('pace.eased')}")


def test_connections_in_words() -> None:
    assert pace.connections(EN, Progress(1, 0.0, [], [])) == ""
    assert pace.connections(EN, Progress(1, 0.0, [], [], connections=1)) == "1 connection"
    assert pace.line(EN, Progress(1, 0.0, [], [], streams=2, wanted_streams=4, connections=3), Settings()) == (
        "2 of 4 streams · 3 connections"
    )


@BOTH
def test_proofs_in_words(language: str) -> None:
    words = Words(language)
    for note in (*Algorithm, "etag", "pieces"):
        assert words.has(f"checksum.{note}")
        told = words.proof(Proof.CHECKSUM, note)
        assert told.endswith(f"({words.checksum(note)})")
        assert told.startswith(words.proof("checksum"))
    assert words.proof(Proof.CHECKSUM, "new-one").endswith("(new-one)")
    counts = {("checksum", "sha-256"): 1, ("length", ""): 2, ("checksum", "crc64nvme"): 7, ("", ""): 1}
    assert proof_lines(words, counts) == [
        words.say("cli.proof", n=7, text=words.proof("checksum", "crc64nvme")),
        words.say("cli.proof", n=3, text=words.proof("length")),
        words.say("cli.proof", n=1, text=words.proof("checksum", "sha-256")),
    ]
    title = words.problem(Problem(Code.WRONG_CHECKSUM, {"algorithm": "crc32c"})).title
    assert "CRC-32C" in title


def test_a_report_tells_what_was_refused_and_how_files_are_proved(capsys: pytest.CaptureFixture[str]) -> None:
    tally, files = several()
    report = Report(Console(EN), order(json=True))
    report.tell_refused([Refusal("ftp://h/x", Problem(Code.BAD_ADDRESS)), Refusal("h", Problem(Code.UNREACHABLE))])
    tally.see_files(
        [
            row(1, 1, files[0], FileState.DONE, proof="checksum", note="sha-256"),
            row(2, 2, files[1], FileState.DONE, proof="length"),
            row(3, 2, files[2], FileState.FAILED, code=Code.NOT_THERE),
        ]
    )
    assert report.verdict(tally) is Exit.NETWORK  # what has to be settled first
    report.say_end(tally)
    told = capsys.readouterr()
    assert "Failed: ftp://h/x: This is no address" in told.err
    assert "2 of 5 files verified, 3 failed" in told.err
    assert "1 file: the source's own checksum is right (SHA-256)" in told.err
    assert "1 file: length checked" in told.err
    assert told.err.count(EN.problem(Problem(Code.BAD_ADDRESS)).advice) == 1
    records = [json.loads(line) for line in told.out.splitlines()]
    assert records[0] == {"event": "refused", "wanted": "ftp://h/x", "problem": "bad-address"}
    proofs = [(one["path"], one["proof"], one["note"]) for one in records if one["event"] == "file"]
    assert proofs == [("a.zip", "checksum", "sha-256"), ("a.zip", "length", ""), ("b", "", "")]
    assert (records[-1]["done"], records[-1]["failed"]) == (2, 3)


def test_where_nothing_was_begun_the_refusals_are_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Console(EN), order())
    report.tell_refused([Refusal("s3://b/x", Problem(Code.NO_ACCESS)), Refusal("s3://b/y", Problem(Code.NOT_THERE))])
    assert report.verdict_of_refused() is Exit.USER
    told = capsys.readouterr().err
    assert "s3://b/x" in told
    assert EN.problem(Problem(Code.NO_ACCESS)).advice in told
    assert Report(Console(EN), order()).verdict_of_refused() is Exit.DONE


# Which storage is meant.

HOME = StorageRow(Storage("https://s3.lab.example", "lab", "r", Style.PATH, Access.KEYCHAIN), "AK…12")
OTHER = StorageRow(Storage("http://127.0.0.1:9000"))


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("naver", "https://kr.object.ncloudstorage.com"), ("gov", "https://kr.object.gov-ncloudstorage.com"),
        ("gov2", "https://krs.object.gov-ncloudstorage.com"), ("aws", AWS), ("lab", "https://s3.lab.example"),
        ("https://s3.lab.example", "https://s3.lab.example"), ("s3.lab.example", "https://s3.lab.example"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"), ("https://new.example:8443", "https://new.example:8443"),
    ],
)  # fmt: skip
def test_names_of_storages(text: str, endpoint: str) -> None:
    assert named(EN, text, [HOME, OTHER]) == endpoint


def test_short_names_are_endpoints() -> None:
    assert all(named(EN, endpoint, []) == endpoint for endpoint in SHORT.values())


@BOTH
def test_what_names_no_storage(language: str) -> None:
    words = Words(language)
    for text in ("mispelled", "https://h/path", "a b", "ftp://h", ""):
        with pytest.raises(UsageError) as caught:
            named(words, text, [])
        assert caught.value.text == words.say("cli.storage.no-endpoint", endpoint=text)
    with pytest.raises(UsageError) as caught:
        named(words, "mispelled", [HOME, OTHER])
    assert "lab (https://s3.lab.example), (http://127.0.0.1:9000)" in caught.value.text
    with pytest.raises(UsageError) as caught:
        known(words, "naver", [HOME])
    assert "naver" in caught.value.text


@BOTH
def test_the_storage_of_addresses(language: str) -> None:
    words, none = Words(language), Choice()
    variables = {"AWS_ENDPOINT_URL": "http://all.example", "AWS_ENDPOINT_URL_S3": "https://s3.example/"}
    assert chosen(words, Choice("naver"), [HOME, OTHER], variables) == SHORT["naver"]
    assert chosen(words, none, [HOME], variables) == "https://s3.lab.example"
    assert chosen(words, none, [], variables) == "https://s3.example"
    assert chosen(words, none, [HOME, OTHER], {"AWS_ENDPOINT_URL": "http://all.example"}) == "http://all.example"
    assert chosen(words, none, [], {"AWS_ENDPOINT_URL": ""}) == AWS
    with pytest.raises(UsageError) as caught:
        chosen(words, none, [HOME, OTHER], {})
    assert "--endpoint" in caught.value.text
    assert "https://s3.lab.example" in caught.value.text
    with pytest.raises(UsageError):
        chosen(words, none, [], {"AWS_ENDPOINT_URL": "nonsense"})


def test_what_the_command_says_of_a_storage() -> None:
    assert Choice().applied(HOME.storage) == HOME.storage
    changed = Choice(region="x", style="virtual", profile="p").applied(HOME.storage)
    assert changed == Storage("https://s3.lab.example", "lab", "x", Style.VIRTUAL, Access.PROFILE, "p")
    assert Choice(anonymous=True).applied(changed).access is Access.ANONYMOUS
    assert Choice(anonymous=True).applied(changed).profile == ""
