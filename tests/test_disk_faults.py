"""The disk fails under the whole program: a clear end, nothing lost, and the same command goes on afterwards.

Faults are put into the calls of real processes by strace, or come from real file systems in a namespace of our own.
"""

from __future__ import annotations

import random
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import xxhash
from commandline import Aihub, Run, ended
from engines import final_files, manifest, offered, sha256
from syscalls import tracer

from aihub_desktop.cli.exits import Exit
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.store.queue import QueueStore
from aihub_desktop.transport.journal import read_journal

MARK: Final = 1 << 15
ZIP: Final = "가/a.zip"
PART: Final = f"{ZIP}.part"
JOURNAL: Final = f"{ZIP}.part.journal"


def made() -> Catalogue:
    dice = random.Random(3)
    entries = [Entry(name=f"{number}.wav", data=dice.randbytes(60_000)) for number in range(5)]
    return Catalogue.of({ZIP: zipped(entries), "b.csv": dice.randbytes(90_000)})


CATALOGUE: Final = made()
EXPECTED: Final = offered(CATALOGUE)


def claimed(folder: Path) -> int:
    """What the journals claim, all of which must be true; and final names must be, too."""
    found = final_files(folder) if folder.is_dir() else {}
    assert found == {place: EXPECTED[place] for place in found}
    count = sum(len(data) for data in found.values())
    for path in folder.rglob("*.part.journal"):
        part, state = Path(str(path).removesuffix(".journal")), read_journal(path)
        if state is None or not part.exists():
            continue
        there = part.read_bytes()
        for piece in state.pieces:
            assert xxhash.xxh3_128(there[piece.start : piece.stop]).hexdigest() == piece.digest
            count += piece.stop - piece.start
    return count


def check_end(aihub: Aihub, folder: Path) -> None:
    """The cause is gone: the same command ends well."""
    claimed(folder)
    done = aihub("get", "90001", "--to", folder, "--json")
    assert done.code == 0, done.out + done.err
    assert final_files(folder) == EXPECTED
    assert manifest(folder) == {place: sha256(data) for place, data in EXPECTED.items()}
    assert not [path for path in folder.rglob("*") if path.name.endswith((".part", ".journal"))]


@dataclass(frozen=True, slots=True)
class Fault:
    """From the `when`-th such call of a thread on `path` on, the call fails."""

    calls: str
    error: str
    path: str
    when: int
    told: str  # of the sentence for the user


FULL: Final = "The disk is full"
BROKEN: Final = "The disk reported an error"
SEALED: Final = "cannot be written to"

FAULTS: Final = [
    Fault("pwrite64", "EIO", PART, 1, BROKEN),
    Fault("pwrite64", "ENOSPC", PART, 1, FULL),
    Fault("pwrite64", "EDQUOT", PART, 1, FULL),
    # What a drive says that was pulled, and a share that is gone.
    Fault("pwrite64", "ENODEV", PART, 1, "Error: "),
    Fault("pwrite64", "ESTALE", PART, 1, "Error: "),
    Fault("fdatasync", "EIO", PART, 1, BROKEN),
    Fault("openat", "EACCES", PART, 1, SEALED),
    Fault("openat", "EROFS", JOURNAL, 1, SEALED),
    Fault("openat", "EMFILE", JOURNAL, 1, BROKEN),
    Fault("pwrite64", "ENOSPC", JOURNAL, 1, FULL),
    Fault("fdatasync", "EIO", JOURNAL, 1, BROKEN),
    Fault("fsync", "EIO", "가", 1, BROKEN),
    Fault("mkdir", "ENOSPC", "가", 1, FULL),
    Fault("mkdir", "EROFS", ".aihub", 1, SEALED),
    Fault("openat", "EACCES", ".aihub/manifest-sha256.txt", 1, SEALED),
    Fault("pwrite64", "ENOSPC", ".aihub/manifest-sha256.txt", 1, FULL),
    Fault("fdatasync", "EIO", ".aihub/log.jsonl", 1, BROKEN),
]
UNNAMED: Final = Fault("linkat", "EIO", ZIP, 1, BROKEN)
# These meet a file every byte of which is there.
LATE_FAULTS: Final = [
    Fault("linkat", "ENOSPC", ZIP, 1, FULL),
    Fault("linkat", "EROFS", ZIP, 1, SEALED),
    Fault("fdatasync", "EIO", PART, 1, BROKEN),
    Fault("unlink", "EIO", PART, 1, BROKEN),
    Fault("fsync", "EIO", "가", 1, BROKEN),
]
# After each of these calls something has been answered already.
QUEUE_FAULTS: Final = [
    Fault("pwrite64", "ENOSPC", "queue.sqlite-wal", 12, FULL),
    Fault("pwrite64", "ENOSPC", "queue.sqlite-wal", 24, FULL),
    Fault("fdatasync", "EIO", "queue.sqlite-wal", 4, BROKEN),
    Fault("pwrite64", "EROFS", "queue.sqlite-wal", 20, "Error: "),
]


def named(fault: Fault) -> str:
    return f"{fault.error} of {fault.calls} {fault.when} on {Path(fault.path).name}"


@pytest.fixture
def aihub(tmp_path: Path) -> Iterator[Aihub]:
    with DemoHub(CATALOGUE, piece_size=1 << 16) as hub:
        made = Aihub(tmp_path / "home", hub.url, mark_bytes=MARK, bundle_files=1, parallel=1, floor_bytes=0)
        yield made
        made.close()


def get(aihub: Aihub, folder: Path, fault: Fault, below: Path) -> Run:
    """A run that meets the fault."""
    strace = (
        tracer(), "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-P", str(below / fault.path),
        "-e", f"trace={fault.calls}", "-e", f"inject={fault.calls}:error={fault.error}:when={fault.when}+",
    )  # fmt: skip
    run = ended(aihub.start("get", "90001", "--to", folder, "--json", "--patience", "1", before=strace))
    print(run.code, run.err)
    return run


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_a_call_that_fails_ends_clearly_and_loses_nothing(aihub: Aihub, folder: Path, fault: Fault) -> None:
    run = get(aihub, folder, fault, folder)
    assert run.code == Exit.DISK
    assert fault.told in run.err
    check_end(aihub, folder)


@pytest.mark.parametrize("fault", LATE_FAULTS, ids=named)
def test_a_call_that_fails_at_the_very_end(aihub: Aihub, folder: Path, fault: Fault) -> None:
    assert get(aihub, folder, UNNAMED, folder).code == Exit.DISK
    before = claimed(folder)
    assert before >= len(EXPECTED[ZIP])
    run = get(aihub, folder, fault, folder)
    assert claimed(folder) >= before
    assert run.code == Exit.DISK
    assert fault.told in run.err
    check_end(aihub, folder)


def test_a_journal_that_cannot_be_removed_is_no_failure(aihub: Aihub, folder: Path) -> None:
    """The file is proved and recorded; a later run clears up."""
    get(aihub, folder, UNNAMED, folder)
    run = get(aihub, folder, Fault("unlink", "EIO", JOURNAL, 1, ""), folder)
    assert run.code == Exit.DONE, run.err
    assert (folder / JOURNAL).exists()
    check_end(aihub, folder)


@pytest.mark.parametrize("fault", QUEUE_FAULTS, ids=named)
def test_a_queue_that_cannot_be_saved_loses_nothing_that_was_answered(aihub: Aihub, folder: Path, fault: Fault) -> None:
    run = get(aihub, folder, fault, aihub.home)
    assert run.code == Exit.DISK
    assert fault.told in run.err
    store = QueueStore(aihub.home / "queue.sqlite")
    assert store.settings().mark_bytes == MARK
    store.close()
    check_end(aihub, folder)


# ---- real file systems ---------------------------------------------------------------------------


def in_own_namespace(aihub: Aihub, script: str, *places: Path, **more: str) -> str:
    """Runs the script with mounts of its own; `$get` is the command line, `$1`… are `places`."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no namespace with a file system of its own (Linux)")
    command = [unshare, "-Urm", "bash", "-euc", script, "bash", *map(str, places)]
    given = aihub.environment(get=shlex.join(aihub.command("get", "90001", "--patience", "1")), **more)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, env=given)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    return done.stdout


FULL_TARGET: Final = """
mount -t tmpfs -o size=200k none "$1"
$get --to "$1" && exit 1 || test $? = 4
ls -lR "$1"
mount -o remount,size=64m "$1"
$get --to "$1"
cp -r "$1/." "$2"
"""


def test_a_full_drive_then_room(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    in_own_namespace(aihub, FULL_TARGET, folder, copy)
    assert final_files(copy) == EXPECTED


FULL_HOME: Final = """
mount -t tmpfs -o size=1m none "$2"
cp -r "$AIHUB_HOME/." "$2"
export AIHUB_HOME="$2"
cat /dev/zero > "$2/ballast" || true
$get --to "$1" && exit 1 || test $? = 4
rm "$2/ballast"
$get --to "$1"
"""


def test_no_room_for_the_queue_then_room(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "small"
    home.mkdir()
    in_own_namespace(aihub, FULL_HOME, folder, home)
    assert final_files(folder) == EXPECTED


# The drive is the tmpfs at $2, plugged in at $1.
PULLED: Final = """
mount -t tmpfs none "$2"
mount --bind "$2" "$1"
mkdir "$1/into"
$get --to "$1/into" & run=$!
until grep -q span "$2/into/b.csv.part.journal" "$2/into/가/a.zip.part.journal" 2> /dev/null; do sleep 0.05; done
umount -l "$1"
wait $run && echo "ended well" || echo "ended with $?"
if grep -rq . "$2/into/.aihub" 2> /dev/null; then echo "was through"; fi
mount --bind "$2" "$1"
$get --to "$1/into"
cp -r "$2/into/." "$3"
"""


def test_a_drive_that_is_pulled_and_plugged_in_again(tmp_path: Path, folder: Path) -> None:
    drive, copy = tmp_path / "drive", tmp_path / "copy"
    drive.mkdir()
    copy.mkdir()
    with DemoHub(CATALOGUE, piece_size=1 << 16) as hub:
        hub.faults.add(Slow(rate=100_000, times=1))
        aihub = Aihub(tmp_path / "home", hub.url, mark_bytes=MARK, bundle_files=1, parallel=1, floor_bytes=0)
        said = in_own_namespace(aihub, PULLED, folder, drive, copy)
    assert "was through" not in said
    assert final_files(copy) == EXPECTED
    assert manifest(copy) == {place: sha256(data) for place, data in EXPECTED.items()}


LIMITED: Final = """
(ulimit -f 800; $get --to "$1") && exit 1 || test $? = 4
ls -lR "$1"
stat -c "part %s" "$1/big.bin.part" || true
$get --to "$1"
"""


def test_a_system_that_takes_only_a_part_of_a_write(tmp_path: Path, folder: Path) -> None:
    """A limit to the size of files cuts the write that would cross it, and then refuses."""
    data = random.Random(4).randbytes(1_500_000)
    with DemoHub(Catalogue.of({"big.bin": data}), piece_size=300_001) as hub:
        aihub = Aihub(tmp_path / "home", hub.url, mark_bytes=MARK, floor_bytes=0)
        said = in_own_namespace(aihub, LIMITED, folder)
    # Whoever takes the room beforehand is refused before the first byte.
    assert "part 819200" in said or "part " not in said or "part 0" in said, "no write was cut short"
    assert final_files(folder) == {"big.bin": data}
