"""What the disk may do to us: full, broken, gone in the middle of a write; and that no claim comes before its bytes."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import pytest
import xxhash
from tapes import Tape, check, order, pieces, receive, sha256, tar, work

from aihub_desktop.disk.files import OpenFile
from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.leases import AnyNews, Ended, Failed, Safe, Whole
from aihub_desktop.transport.durability import Durability, Mark
from aihub_desktop.transport.journal import Identity, Journal, JournalState, Span, read_journal
from aihub_desktop.transport.reconcile import StandingKind, look

SEED: Final = 20260304
SIZE: Final = 3_000_000
PIECE: Final = 1_000_000
MARK: Final = 100_000
DATA: Final = random.Random(SEED).randbytes(SIZE)
STREAM: Final = tar(pieces("d/a.csv", DATA, PIECE))
WORK: Final = work(1, "d/a.csv", SIZE)

# A reception, and then the check, in a process of its own; the news as JSON lines.
DRIVER: Final = f"""
import os, random, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from tapes import Tape, order, pieces, tar, work
from aihub_desktop.domain import wire
from aihub_desktop.domain.leases import Check
from aihub_desktop.transport.check import Checking
from aihub_desktop.transport.receive import Reception
data = random.Random({SEED}).randbytes({SIZE})
one = work(1, "d/a.csv", {SIZE})
task = order(sys.argv[1], [one], mark_bytes={MARK})
def tell(news):
    os.write(1, wire.line(news))
Reception(task, lambda: Tape(tar(pieces("d/a.csv", data, {PIECE})), cut=30_000), tell).run()
if sys.argv[2:]:
    Checking(Check(2, sys.argv[1], [one]), tell).run()
"""


def journal(folder: Path) -> JournalState | None:
    return read_journal(folder / "d/a.csv.part.journal")


def check_claims(folder: Path) -> int:
    """Every claim of the journal is true on disk; the bytes that it claims."""
    state = journal(folder)
    if state is None:
        return 0
    final, part = folder / "d/a.csv", folder / "d/a.csv.part"
    held = (part if part.exists() else final).read_bytes()
    for piece in state.pieces:
        assert xxhash.xxh3_128(held[piece.start : piece.stop]).hexdigest() == piece.digest
        assert held[piece.start : piece.stop] == DATA[piece.start : piece.stop]
    return state.bytes


def told(output: bytes) -> list[AnyNews]:
    return [wire.news(line) for line in output.splitlines(keepends=True) if line.endswith(b"\n")]


def check_end(folder: Path) -> None:
    """The same order once more brings the file, without writing again what was durable."""
    before = check_claims(folder)
    if not (folder / "d/a.csv").exists():
        news = receive(order(folder, [WORK]), STREAM)
        assert news.whole == {1: (SIZE, sha256(DATA))}
        assert news.new == SIZE - before
    assert set(check(folder, [WORK]).proved) == {1}
    assert (folder / "d/a.csv").read_bytes() == DATA
    assert look(folder, [WORK])[1].kind is StandingKind.PUBLISHED
    assert not (folder / "d/a.csv.part").exists()


def test_kill_at_random_moments(folder: Path) -> None:
    rng = random.Random(SEED)
    print("seed", SEED)
    durable = 0
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", DRIVER, str(folder)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        lines = []
        for _ in range(rng.randrange(1, 9)):
            lines.append(process.stdout.readline())
        process.kill()
        rest, _ = process.communicate(timeout=30)
        heard = told(b"".join(lines) + rest)
        claimed = check_claims(folder)
        # What was said to be safe is claimed, and nothing that was claimed before has gone.
        assert claimed >= max([durable, *(news.bytes for news in heard if isinstance(news, Safe))])
        durable = claimed
    check_end(folder)


@pytest.fixture(scope="module")
def strace(tmp_path_factory: pytest.TempPathFactory) -> str:
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed here")
    log = tmp_path_factory.mktemp("strace") / "log"
    command = [program, "-f", "-o", str(log), "-e", "trace=getpid", "-e", "inject=getpid:retval=1", "true"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody be traced")
    return program


def traced(strace: str, folder: Path, *options: str, whole_road: bool = True) -> subprocess.CompletedProcess[bytes]:
    road = ["check"] if whole_road else []
    command = [strace, "-f", "-qq", *options, sys.executable, "-c", DRIVER, str(folder), *road]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


POINTS: Final = [
    *[("pwrite64", when) for when in (1, 2, 3, 8, 31)],
    *[("fdatasync", when) for when in (1, 2, 3, 6)],
    *[("ftruncate", when) for when in (1, 2)],
    *[("fsync", when) for when in (1, 2, 3)],
    ("link,linkat", 1),
    ("unlink,unlinkat", 1),
]


@pytest.mark.parametrize(("call", "when"), POINTS)
def test_kill_at_an_exact_call(strace: str, folder: Path, tmp_path: Path, call: str, when: int) -> None:
    """The process dies at the n-th such call, before it has any effect."""
    options = ["-o", str(tmp_path / "log"), "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"]
    done = traced(strace, folder, *options)
    if sys.platform != "win32":
        assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL, 0), done.stderr.decode()
    heard = told(done.stdout)
    safe = [news.bytes for news in heard if isinstance(news, Safe)]
    assert check_claims(folder) >= max(safe, default=0)
    final = folder / "d/a.csv"
    assert not final.exists() or final.read_bytes() == DATA
    check_end(folder)


class Witness:
    """Follows the calls of one road and says at once where one comes too early."""

    def __init__(self) -> None:
        self.written = self.synced = 0  # bytes of the part
        self.claimed = self.claims_synced = 0  # bytes of the part that the journal claims
        self.folder_synced = False
        self.news = 0
        self.patterns: list[tuple[str, Callable[[re.Match[str]], None]]] = [
            (r"pwrite64\(\d+<.*a\.csv\.part>, .*, (\d+), (\d+)\) = \1$", self.write),
            (r"fdatasync\(\d+<.*a\.csv\.part>\)", self.sync),
            (r"pwrite64\(\d+<.*a\.csv\.part\.journal>.*\\\"stop\\\":(\d+)", self.claim),
            (r"fdatasync\(\d+<.*a\.csv\.part\.journal>\)", self.sync_claims),
            (r"fsync\(\d+<.*/d>\)", self.sync_folder),
            (r"write\(1<.*\{\\\"news\\\":\\\"safe\\\".*\\\"bytes\\\":(\d+)", self.tell),
            (r"link(at)?\(", self.publish),
        ]

    def see(self, call: str) -> None:
        for pattern, meaning in self.patterns:
            if found := re.match(pattern, call):
                meaning(found)

    def write(self, found: re.Match[str]) -> None:
        assert int(found[2]) == self.written, "not where the last write ended"
        self.written += int(found[1])

    def sync(self, found: re.Match[str]) -> None:
        self.synced = self.written

    def claim(self, found: re.Match[str]) -> None:
        self.claimed = int(found[1])
        assert self.claimed <= self.synced, "claimed before its bytes are durable"

    def sync_claims(self, found: re.Match[str]) -> None:
        self.claims_synced = self.claimed

    def sync_folder(self, found: re.Match[str]) -> None:
        self.folder_synced = True

    def tell(self, found: re.Match[str]) -> None:
        self.news += 1
        assert int(found[1]) <= self.claims_synced, "told before the claim is durable"
        assert self.folder_synced, "told before the name of the journal is durable"

    def publish(self, found: re.Match[str]) -> None:
        assert self.claims_synced == SIZE, "named before all is durable"


def test_a_claim_comes_after_its_bytes_and_before_its_news(strace: str, folder: Path, tmp_path: Path) -> None:
    """The order of calls is what a power cut leaves; it is read from the kernel's side."""
    log = tmp_path / "log"
    calls = "pwrite64,fdatasync,fsync,write,link,linkat"
    done = traced(strace, folder, "-o", str(log), "-y", "-s", "9000", "-e", f"trace={calls}")
    assert done.returncode == 0, done.stderr.decode()
    witness = Witness()
    for call in calls_in_order(log.read_text(encoding="utf-8", errors="replace")):
        witness.see(call)
    assert (witness.written, witness.claims_synced) == (SIZE, SIZE)
    assert witness.news >= 3


def calls_in_order(log: str) -> list[str]:
    """One line a call, at the moment of its return: calls that another thread interrupted are put together."""
    begun: dict[str, str] = {}
    calls = []
    for line in log.splitlines():
        process, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[process] = rest.removesuffix("<unfinished ...>").rstrip()
        elif found := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            calls.append(re.sub(r"\)\s+= ", ") = ", begun.pop(process) + found[1]))
        else:
            calls.append(re.sub(r"\)\s+= ", ") = ", rest))
    return calls


FAULTS: Final = [
    ("pwrite64:error=EIO:when=20", Code.DISK_ERROR),
    ("pwrite64:error=ENOSPC:when=20", Code.DISK_FULL),
    ("pwrite64:error=EDQUOT:when=20", Code.DISK_FULL),
    ("pwrite64:error=EROFS:when=20", Code.NOT_WRITABLE),
    ("fdatasync:error=EIO:when=3", Code.DISK_ERROR),
    ("fdatasync:error=ENOSPC:when=2", Code.DISK_FULL),
    ("fdatasync:error=EIO:when=2", Code.DISK_ERROR),
]


@pytest.mark.parametrize(("inject", "code"), FAULTS)
def test_an_error_of_the_disk_is_told_and_nothing_is_claimed_for_it(
    strace: str, folder: Path, tmp_path: Path, inject: str, code: Code
) -> None:
    options = ["-o", str(tmp_path / "log"), "-e", f"trace={inject.partition(':')[0]}", "-e", f"inject={inject}"]
    done = traced(strace, folder, *options, whole_road=False)
    heard = told(done.stdout)
    assert isinstance(heard[-1], Ended)
    problems = [heard[-1].problem, *(news.problem for news in heard if hasattr(news, "problem"))]
    assert code in [problem.code for problem in problems if problem is not None]
    assert not any(isinstance(news, Whole) for news in heard)
    safe = max([news.bytes for news in heard if isinstance(news, Safe)], default=0)
    assert check_claims(folder) >= safe
    check_end(folder)


class Stingy(OpenFile):
    """A disk that takes at most 1,000 bytes at once."""

    def _write(self, offset: int, view: memoryview) -> int:
        return super()._write(offset, view[:1000])


def test_a_disk_that_takes_little_at_once(folder: Path) -> None:
    file = Stingy(folder / "a", create=True)
    file.write_at(500, memoryview(DATA)[:123_456])
    file.close()
    assert (folder / "a").read_bytes() == bytes(500) + DATA[:123_456]


TMPFS: Final = """
set -e
mount -t tmpfs -o size={size} none "$1"
"$2" -c "$3" "$1" > "$4/first"
ls -l "$1/d" > "$4/listing"
mount -o remount,size=64m "$1"
"$2" -c "$3" "$1" check > "$4/second"
cp "$1/d/a.csv" "$4/copy"
"""


def in_own_namespace(script: str, *arguments: str) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no namespace with a file system of its own")
    command = [unshare, "-Urm", "bash", "-c", script, "bash", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("size", ["1100k", "1500k", "2m", "2900k"])
def test_a_full_disk_loses_nothing_that_was_received(folder: Path, tmp_path: Path, size: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    in_own_namespace(TMPFS.format(size=size), str(folder), sys.executable, DRIVER, str(out))
    first, second = told((out / "first").read_bytes()), told((out / "second").read_bytes())
    (ended,) = [news for news in first if isinstance(news, Ended)]
    assert ended.problem is not None
    assert ended.problem.code is Code.DISK_FULL
    durable = max((news.bytes for news in first if isinstance(news, Safe)), default=0)
    # All that came is claimed, but for the portion that found no room.
    room = int(size.rstrip("km")) * (1 << (10 if size.endswith("k") else 20))
    assert durable >= room - 30_000 - 5 * 4096
    assert sum(news.new for news in second if isinstance(news, Safe)) == SIZE - durable
    assert (out / "copy").read_bytes() == DATA


FILLED: Final = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from tapes import work
from aihub_desktop.transport.journal import Identity, Journal, Span, read_journal
path = Path(sys.argv[1], "a.part.journal")
journal = Journal(path, Identity.of(work(1, "a", 100)), 0)
journal.prepare()
try:
    with open(Path(sys.argv[1], "all"), "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
except OSError as error:
    assert error.errno == 28
journal.append([Span(n, n + 1, "0" * 32) for n in range(60)])
assert read_journal(path).bytes == 60
"""
FILLING: Final = 'set -e; mount -t tmpfs -o size=256k none "$1"; "$2" -c "$3" "$1"'


def test_a_journal_has_room_for_claims_when_the_disk_is_full(folder: Path) -> None:
    in_own_namespace(FILLING, str(folder), sys.executable, FILLED)


READ_ONLY: Final = """
set -e
mount -t tmpfs none "$1"
mkdir -p "$1/$5"
mount -o remount,ro "$1"
"$2" -c "$3" "$1" > "$4/first"
"""


@pytest.mark.parametrize("made", [".", "d"])
def test_a_folder_that_cannot_be_written(folder: Path, tmp_path: Path, made: str) -> None:
    in_own_namespace(READ_ONLY, str(folder), sys.executable, DRIVER, str(tmp_path), made)
    heard = told((tmp_path / "first").read_bytes())
    assert [news.problem.code for news in heard if isinstance(news, Failed)] == [Code.NOT_WRITABLE]
    assert isinstance(heard[-1], Ended)


def test_a_target_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    assert receive(order(tmp_path / "file", [WORK]), STREAM).code is Code.IN_THE_WAY
    # Of what would lie below a file Windows only says that it is not there.
    below = Code.TARGET_MISSING if sys.platform == "win32" else Code.IN_THE_WAY
    assert receive(order(tmp_path / "file" / "below", [WORK]), STREAM).code is below
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_after_a_failed_sync_nothing_is_claimed(folder: Path) -> None:
    """A second sync of the same file may succeed although bytes were lost: it must not be asked."""

    class Failing(OpenFile):
        syncs = 0

        def sync(self) -> None:
            Failing.syncs += 1
            if Failing.syncs == 2:
                raise OSError(5, "Input/output error")
            super().sync()

    file = Failing(folder / "a.part", create=True)
    claims = Journal(folder / "a.part.journal", Identity.of(work(1, "a", 9)), 0)
    durability = Durability()
    heard: list[int] = []
    for number in range(3):
        durability.mark(Mark(file, claims, Span(number, number + 1, "0" * 32), partial(heard.append, number)))
        if number == 0:
            durability.flush()
            continue
        with pytest.raises(ProblemError) as caught:
            durability.flush()
        assert caught.value.problem.code is Code.DISK_ERROR
    durability.release(file, claims)
    durability.stop()
    assert (heard, Failing.syncs) == ([0], 2)
    state = read_journal(folder / "a.part.journal")
    assert state is not None
    assert state.bytes == 1


def test_a_slow_disk_does_not_hold_up_the_stream(folder: Path) -> None:
    """Marks gather while one is being made, and are then made with one sync."""
    running, go_on = threading.Event(), threading.Event()

    class Slow(OpenFile):
        syncs = 0

        def sync(self) -> None:
            Slow.syncs += 1
            running.set()
            assert go_on.wait(10)
            super().sync()

    file = Slow(folder / "a.part", create=True)
    claims = Journal(folder / "a.part.journal", Identity.of(work(1, "a", 99)), 0)
    durability = Durability()
    heard: list[int] = []

    def mark(number: int) -> None:
        durability.mark(Mark(file, claims, Span(number, number + 1, "0" * 32), lambda: heard.append(number)))

    mark(0)
    assert running.wait(10)
    for number in range(1, 50):
        mark(number)
    assert heard == []
    go_on.set()
    durability.flush()
    durability.release(file, claims)
    durability.stop()
    assert (heard, Slow.syncs) == (list(range(50)), 2)


def test_a_bug_in_the_thread_is_no_silence(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def wrong() -> None:
        raise LookupError

    file = OpenFile(folder / "a.part", create=True)
    claims = Journal(folder / "a.part.journal", Identity.of(work(1, "a", 9)), 0)
    durability = Durability()
    durability.mark(Mark(file, claims, Span(0, 1, "0" * 32), wrong))
    with pytest.raises(ProblemError) as caught:
        durability.flush()
    durability.release(file, claims)
    durability.stop()
    assert caught.value.problem.code is Code.BUG
    assert len(caplog.records) == 1


def test_journals_of_later_lines_count(folder: Path) -> None:
    """A run wrote a piece again that the disk had lost, cut elsewhere, and was killed."""
    receive(order(folder, [WORK]), Tape(STREAM[:700_000], ending="cut"))
    state = journal(folder)
    assert state is not None
    claims = Journal(folder / "d/a.csv.part.journal", state.identity, state.length)
    claims.append([Span(0, 300_000, xxhash.xxh3_128(DATA[:300_000]).hexdigest())])
    claims.close()
    after = journal(folder)
    assert after is not None
    assert [(piece.start, piece.stop) for piece in after.pieces] == [(0, 300_000)]
    assert msgspec.structs.replace(after, pieces=state.pieces, length=state.length) == state
    check_end(folder)
