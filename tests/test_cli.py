"""The pure parts of the command line: arguments, exit codes, choices, trees, counts and pictures."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console as Terminal

from aihub_desktop.cli import exits
from aihub_desktop.cli.arguments import parse, wanted_language
from aihub_desktop.cli.console import Console, cut_to, padded, width
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.lines import Lines, summary
from aihub_desktop.cli.listing import matching, total, tree
from aihub_desktop.cli.picture import picture
from aihub_desktop.cli.report import Report
from aihub_desktop.cli.request import Request
from aihub_desktop.cli.tally import Tally, Total
from aihub_desktop.domain.faults import Code, Fault, Problem
from aihub_desktop.domain.messages import (
    Brake,
    Changed,
    FileProgress,
    FileRow,
    Notice,
    Progress,
    Snapshot,
    TransferProgress,
    TransferRow,
)
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.selection import Meaning, chosen, unknown_keys
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.system.words import LANGUAGES, Words

DATA = Dataset("aihub", "86", "감성 대화, 말뭉치")


def remote(key: str, path: str, size: int = 1000) -> RemoteFile:
    return RemoteFile("aihub", "86", key, path, SizeRange(size - 100, size + 100, f"{size} Byte"))


def row(
    number: int, file: RemoteFile, state: FileState, *, code: Code | None = None, next_try: float | None = None
) -> FileRow:
    size = file.size.low + 100 if state is FileState.DONE else None
    problem = Problem(code) if code else None
    covered = size or 500
    return FileRow(number, 7, file, file.path, state, covered, size, "", "", problem, 0, next_try)


def transfer(state: TransferState, *, received: int = 0, problem: Problem | None = None) -> TransferRow:
    return TransferRow(7, DATA, "/d", state, problem, 2, 0, 0, 0, 0, 0, 0, 0, received, 0, 0.0, None)


# Arguments.


@pytest.mark.parametrize(
    "words",
    [
        "get 86 1 2 --to d --home h", "get --to d --home h 86 1 2", "get 86 --to d 1 --home h 2",
        "--home h get 86 1 2 --to=d", "--home x get 86 1 2 --to d --home h",
    ],
)  # fmt: skip
def test_arguments_may_stand_anywhere(words: str) -> None:
    args = parse(words.split(), Words("en"))
    assert (args.command, args.key, args.file_keys, args.to, args.home) == ("get", "86", ["1", "2"], "d", "h")
    assert args.api_url is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("", "required"), ("get 86", "required"), ("get --to d", "required"), ("key", "required"),
        ("get 86 --to d --all", "unknown"), ("verify a b", "unknown"), ("get 86 --to", "value-missing"),
        ("get 86 --to d --json=1", "no-value"), ("frobnicate", "choice"), ("--lang fr datasets", "choice"),
        ("get 86 --to d --limit 2X", "amount"), ("get 86 --to d --hours never", "week"),
        ("get 86 --to d --parallel 0", "value"), ("get 86 --to d --parallel 33", "value"),
        ("get 86 --to d --parallel x", "value"), ("get 86 --to d --patience nan", "value"),
        ("get 86 --to d --patience -1", "value"), ("demo --rate 0", "value"), ("get 86 --t d", "required"),
        ("fetch https://a/b", "required"), ("fetch --to d -i", "value-missing"),
        ("fetch a --to d --checksum sha-256:ab", "checksum"), ("fetch a --to d --checksum crc9:ab", "checksum"),
        ("fetch a --to d --checksum md5", "checksum"), ("fetch a --to d --connections 65", "value"),
        ("fetch a --to d --connections 0", "value"), ("fetch a --to d --style odd", "choice"),
        ("fetch a --to d --profile p --anonymous", "not-both"), ("storage", "required"),
        ("storage add", "required"), ("storage add a --stdin --anonymous", "not-both"),
        ("storage ls s3://a s3://b", "unknown"), ("verify d --quick --deep", "not-both"),
        ("verify d --report", "value-missing"), ("repair", "required"), ("repair d --parallel 0", "value"),
    ],
)  # fmt: skip
def test_slips_are_told_in_both_languages(
    capsys: pytest.CaptureFixture[str], language: str, words: str, key: str
) -> None:
    speaker = Words(language)
    with pytest.raises(SystemExit) as caught:
        parse(words.split(), speaker)
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    begin = speaker.say("cli.help.usage")
    assert told.err.startswith(begin)
    facts = dict.fromkeys(("names", "name", "value", "choices", "other"), "\0")
    fixed = max(speaker.say(f"cli.usage.{key}", **facts).split("\0"), key=len)
    assert fixed in told.err


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_of_every_command(capsys: pytest.CaptureFixture[str], language: str) -> None:
    names = (
        *("datasets", "files", "get", "fetch", "verify", "repair", "key", "storage", "settings", "demo", "doctor"),
        "version",
        *("key set", "settings set", "storage add", "storage list", "storage remove", "storage ls"),
    )
    for words in ("", *names):
        with pytest.raises(SystemExit) as caught:
            parse([*words.split(), "--help"], Words(language))
        assert caught.value.code == 0
        told = capsys.readouterr().out
        assert "--home" in told
        assert f"{Words(language).say('cli.help.usage')}aihub{' ' if words else ''}{words} [" in told
        assert ("positional arguments" in told, "optional arguments" in told) == (False, False)
        assert any("가" <= sign <= "힣" for sign in told) == (language == "ko")


def test_the_language_is_known_before_the_arguments_are_read() -> None:
    assert wanted_language(["get", "--lang", "ko"]) == "ko"
    assert wanted_language(["--lang=en", "get"]) == "en"
    assert wanted_language(["get", "--lang"]) is None


def test_nothing_of_the_window_is_imported() -> None:
    script = (
        "import pkgutil, importlib, sys\n"
        "import aihub_desktop.__main__, aihub_desktop.cli as cli\n"
        "import aihub_desktop.engine.serve, aihub_desktop.engine.worker\n"
        "for found in pkgutil.iter_modules(cli.__path__, 'aihub_desktop.cli.'): importlib.import_module(found.name)\n"
        "print(sorted(name for name in sys.modules if name.startswith(('PySide6', 'shiboken', 'aihub_desktop.gui'))))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


INTERRUPTED = """
import sys
class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from aihub_desktop.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("command", ["get", "fetch"])
@pytest.mark.parametrize("at", ["aihub_desktop.cli.arguments", "aihub_desktop.cli.get"])
@pytest.mark.parametrize("asked", [True, False])
def test_an_interruption_before_anything_began_has_its_last_line_too(command: str, at: str, asked: bool) -> None:
    words = [command, "1", "--to", "nowhere", *(["--json"] if asked else [])]
    run = subprocess.run([sys.executable, "-c", INTERRUPTED, at, *words], capture_output=True, check=False)
    assert run.returncode == 130
    assert b"Traceback" not in run.stderr
    ends = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(end["event"], end["done"]) for end in ends] == ([("end", 0)] if asked else [])
    if asked:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            report = Report(Console(Words("en")), Request(key="1", folder=Path("nowhere"), json=True))
            report.say_end(None)
        assert list(json.loads(said.getvalue())) == list(ends[0])


def test_the_version_costs_no_imports() -> None:
    script = (
        "import sys\n"
        "from aihub_desktop.__main__ import main\n"
        "code = main(['--version'])\n"
        "print(code, sorted({'argparse', 'rich', 'httpx', 'keyring', 'msgspec', 'sqlite3'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.splitlines()[1] == "0 []"


# Exit codes.


def test_every_code_has_its_exit() -> None:
    for code in Code:
        assert exit_of(code) in (Exit.USER, Exit.DISK, Exit.NETWORK, Exit.FAILED, Exit.USAGE)
        if Problem(code).fault is Fault.DENIED:
            assert exit_of(code) is Exit.USER
    assert exit_of(Code.DISK_FULL) is Exit.DISK
    assert exit_of(Code.UNREACHABLE) is Exit.NETWORK
    assert exit_of(Code.UNKNOWN_DATASET) is Exit.FAILED
    assert exit_of(Code.ENGINE_BUSY) is Exit.USER
    assert exit_of(Code.BAD_BATCH) is Exit.USAGE
    assert exit_of(Code.BATCH_NEWER) is Exit.USER


def test_of_several_exits_the_first_that_applies() -> None:
    assert worst([]) is Exit.DONE
    assert worst([Exit.FAILED, Exit.NETWORK]) is Exit.NETWORK
    assert worst([Exit.FAILED, Exit.USAGE]) is Exit.USAGE
    assert worst([Exit.FAILED, Exit.NETWORK, Exit.DISK]) is Exit.DISK
    assert worst(iter([Exit.NETWORK, Exit.USER, Exit.DISK])) is Exit.USER


def test_the_documented_exits_are_those_that_are() -> None:
    assert exits.__doc__ is not None
    for code in Exit:
        assert f"\n    {code:<5}" in exits.__doc__
        for language in LANGUAGES:
            assert f" {code:d} " in Words(language).say("cli.help.exits")


# Choosing.

PATH = "009.골목과 시장/3.개방데이터/[원천]간판 (낮).zip"


@pytest.mark.parametrize(
    "pattern",
    [
        PATH, PATH.replace(" ", "_"), "*.zip", "**/*.zip", "**", "[원천]간판 (낮).zip", "[[]원천]*", "*간판_*", "009.*",
        "009.골목과 시장/", "3.개방데이터/", "009.골목과_시장/3.개방데이터/", "009.*/", "*/3.개방데이터/*", "?09.*",
        unicodedata.normalize("NFD", "*간판*"),
    ],
)  # fmt: skip
def test_patterns_that_fit(pattern: str) -> None:
    assert Meaning([pattern]).fits(PATH)
    assert Meaning(["no", pattern]).fits(unicodedata.normalize("NFD", PATH))


@pytest.mark.parametrize("pattern", ["", "*.ZIP", "간판", "개방데이터/", "[원천]간판 (낮).zip/", "009", "?.zip", "/x/"])
def test_patterns_that_do_not_fit(pattern: str) -> None:
    assert not Meaning([pattern]).fits(PATH)


def test_keys_and_patterns_together() -> None:
    files = [remote("1", "a/x.zip"), remote("2", "a/y.json"), remote("3", "b/x.zip")]

    def keys(*args: Iterable[str]) -> list[str]:
        return [file.key for file in chosen(files, *map(list, args))]

    assert keys([], [], []) == ["1", "2", "3"]
    assert keys(["3", "1", "3"], [], []) == ["3", "1"], "as they were asked for"
    assert keys([], ["*.zip"], ["b/"]) == ["1"]
    assert keys([], ["a/", "*.zip"], []) == ["1", "2", "3"]
    assert keys(["2"], ["*.zip"], []) == []
    assert keys([], [], ["*"]) == []
    assert unknown_keys(files, ["9", "1", "8", "9"]) == ["9", "8"]


# Lists.


def test_datasets_are_found_by_all_words() -> None:
    listed = [
        DATA,
        Dataset("aihub", "186", "Emotion SPEECH"),
        Dataset("aihub", "7", unicodedata.normalize("NFD", "감성")),
    ]
    assert [one.key for one in matching(listed, [])] == ["86", "186", "7"]
    assert [one.key for one in matching(listed, ["감성"])] == ["86", "7"]
    assert [one.key for one in matching(listed, ["speech", "86"])] == ["186"]
    assert matching(listed, ["감성", "없음"]) == []


def test_a_tree_is_drawn_in_the_hubs_order() -> None:
    files = [remote("1", "r/b/x"), remote("2", "r/a/y"), remote("3", "r/b/z"), remote("4", "w")]
    assert [(branch, file.key if file else None) for branch, file in tree(files)] == [
        ("├─ r/", None), ("│  ├─ b/", None), ("│  │  ├─ x", "1"), ("│  │  └─ z", "3"), ("│  └─ a/", None),
        ("│     └─ y", "2"), ("└─ w", "4"),
    ]  # fmt: skip
    assert all(branch.isascii() for branch, _ in tree(files, plain=True))
    assert list(tree([])) == []
    assert total(files) == Total(SizeRange(3600, 4400, ""))


def test_widths_of_korean() -> None:
    assert (width("ab"), width("가나"), width("é"), width("가a")) == (2, 4, 1, 3)
    assert padded("가", 4) == "가  "
    assert cut_to("short", 5) == "short"
    for columns in range(2, 30):
        cut = cut_to("가나다라마바사아자차.zip", columns)
        assert width(cut) <= columns
        assert columns < 24 or cut == "가나다라마바사아자차.zip"
    assert cut_to("abcdefghijklmnopqrst.zip", 12).endswith(".zip")


# Counting.


def counted() -> tuple[Tally, list[RemoteFile]]:
    files = [remote("1", "a.zip", 1000), remote("2", "b.zip", 2000)]
    tally = Tally()
    tally.add(7, files)
    tally.see(Snapshot(1, [transfer(TransferState.PAUSED, received=5000)], Settings(), ""))
    return tally, files


def test_a_tally_counts_its_own_files_only() -> None:
    tally, files = counted()
    other = remote("3", "c.zip")
    rows = [row(1, files[0], FileState.DONE), row(2, files[1], FileState.FETCHING), row(3, other, FileState.FAILED)]
    tally.see(Changed(2, [transfer(TransferState.RUNNING, received=5000)], rows))
    assert (len(tally.done), tally.lost, tally.over, tally.wanted) == (1, [], False, 2)
    assert [one.id for one in tally.newly_ended()] == [1]
    assert tally.newly_ended() == []
    assert tally.total == Total(SizeRange(2900, 3100, ""))
    assert tally.bytes == 1000 + 500
    tally.see(Changed(3, files=[row(2, files[1], FileState.FAILED, code=Code.SHORT)]))
    assert tally.over
    assert [one.id for one in tally.newly_ended()] == [2]


def test_an_end_that_an_older_event_takes_back_is_told_once() -> None:
    """The answer to `Rows` overtakes the events that were on their way before it."""
    tally, files = counted()
    failed = row(1, files[0], FileState.FAILED, code=Code.IN_THE_WAY)
    tally.see_files([failed, row(2, files[1], FileState.DONE)])
    assert tally.over
    tally.see(Changed(2, files=[row(1, files[0], FileState.WAITING)]))
    assert not tally.over
    assert [one.id for one in tally.newly_ended()] == [2]
    tally.see(Changed(3, files=[failed]))
    assert tally.over
    assert tally.newly_ended() == [failed]
    tally.see(Changed(4, files=[failed]))
    assert tally.newly_ended() == []


def test_only_what_this_run_received_is_counted() -> None:
    tally, _ = counted()
    assert tally.received == 0
    tally.see(
        Progress(2, 3.0, [TransferProgress(7, 10, 5100, 0, 3.0, 9.0), TransferProgress(8, 0, 9999, 0, 1.0, None)], [])
    )
    assert (tally.received, tally.rate, tally.left) == (100, 3.0, 9.0)
    tally.see(Changed(3, [transfer(TransferState.RUNNING, received=5070)]))
    assert tally.received == 100


def test_bytes_again_are_counted_by_why() -> None:
    tally, files = counted()

    def see(covered: int, again: int, repeat: int, total: int) -> None:
        moving = [TransferProgress(7, 10, 5000 + again, total, 3.0, None)]
        tally.see(Progress(2, 3.0, moving, [FileProgress(2, 7, covered, again, 5.0, repeat)], Brake.LIMIT, 1, 2))

    tally.see_files([row(2, files[1], FileState.FETCHING)])
    see(500, 100, 500, 100)
    see(500, 500, 500, 500)
    assert (tally.again, tally.again_because) == (500, [None])
    cut = row(2, files[1], FileState.FETCHING, code=Code.CUT)
    tally.see_files([row(2, files[1], FileState.WAITING, code=Code.CUT), cut])
    see(900, 20, 900, 520)
    assert tally.newly_repeating() == [(cut, 900)]
    see(900, 900, 900, 1400)
    assert (tally.again, tally.again_because) == (1400, [Code.CUT, None])
    assert tally.unfinished == 900
    tally.see(Changed(3, settings=Settings(limit=2 << 20)))
    assert summary(Words("en"), tally).endswith("Limit 2 MB/s · 1 of 2 streams")
    tally.see_files([row(2, files[1], FileState.DONE)])
    assert tally.unfinished == 0


@pytest.mark.parametrize(
    "state", [TransferState.NEEDS_USER, TransferState.PAUSED, TransferState.CANCELLED, TransferState.FAILED]
)
def test_a_stopped_transfer_is_over(state: TransferState) -> None:
    tally, _ = counted()
    problem = Problem(Code.NOT_APPROVED)
    tally.see(Changed(2, [transfer(state, problem=problem)]))
    assert tally.over
    assert tally.problems == [problem]


def test_an_engine_that_ends_is_the_end() -> None:
    tally, _ = counted()
    tally.see(Notice(2, Problem(Code.DISK_FULL)))
    assert not tally.over
    tally.see(Notice(3, Problem(Code.DISK_FULL), fatal=True))
    assert tally.over


def test_what_passes_by_is_told_from_what_is_new() -> None:
    tally, files = counted()
    one = row(2, files[1], FileState.FETCHING)
    tally.see_files([one])

    def progress(covered: int, again: int) -> None:
        tally.see(Progress(3, 1.0, [], [FileProgress(2, 7, covered, again, 5.0, 500)]))

    progress(500, 0)
    assert tally.newly_repeating() == [(one, 500)]
    assert tally.repeat_of(one) == (0, 500)
    progress(500, 200)
    assert tally.newly_repeating() == []
    assert tally.repeat_of(one) == (200, 500)
    progress(700, 500)
    assert tally.repeat_of(one) is None
    assert (tally.reached(one), tally.rate_of(one)) == (700, 5.0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "ascii"])
def test_the_picture_fits_the_terminal(language: str, columns: int, encoding: str) -> None:
    files = [remote(str(n), f"009.골목과 시장의 소리/{'긴 이름 ' * 9}{n}.zip") for n in range(30)]
    tally = Tally()
    tally.add(7, files)
    states = (FileState.FETCHING, FileState.CHECKING)
    tally.see_files(row(n, file, states[n % 2]) for n, file in enumerate(files))
    tally.see(Progress(3, 1e7, [TransferProgress(7, 10, 20, 0, 1e7, 4000.0)], [FileProgress(0, 7, 500, 3, 1e6)]))
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    terminal = Terminal(file=stream, width=columns, height=12, force_terminal=True, color_system=None)
    terminal.print(picture(Words(language), tally, columns, 12))
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    lines = stream.buffer.getvalue().decode(encoding).splitlines()
    assert len(lines) <= 12
    assert ("0/30" in lines[0], "0/30" in lines[1]) == (False, True)
    if encoding == "utf-8":
        assert all(width(line) <= columns for line in lines)
    assert summary(Words(language), tally).startswith("0/30")


def test_records_have_paths_as_one_types_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Long ones are spelt otherwise inside, on Windows."""
    Console(Words("en")).record(path=r"\\?\C:\a", drive=r"\\?\UNC\nas\a", place="a/b", number=1)
    wanted = {"path": r"C:\a", "drive": r"\\nas\a", "place": "a/b", "number": 1}
    assert json.loads(capsys.readouterr().out) == wanted


def test_a_log_of_two_weeks_stays_short(capsys: pytest.CaptureFixture[str]) -> None:
    """A line that says what the last one said is left out; those that say more come less and less often."""
    now = [0.0]
    lines, tally = Lines(Console(Words("en")), lambda: now[0]), Tally()
    tally.add(7, [remote("1", "a.zip")])

    def run(until: float, *, moving: bool) -> int:
        while now[0] < until:
            now[0] += 2.0
            rate = now[0] * 1e6 if moving else 0.0
            tally.see(Progress(2, rate, [TransferProgress(7, 0, 0, 0, rate, None)], []))
            lines.show(tally)
        return len(capsys.readouterr().err.splitlines())

    assert run(3600.0, moving=False) == 1
    assert 30 < run(2 * 3600.0, moving=True) < 60
    assert 900 < run(14 * 86400.0, moving=True) < 1300
