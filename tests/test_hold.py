"""One engine per state folder, and never a lock that nobody holds.

Run as a script with a role and a folder, this file plays the other engine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import aihub_desktop
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.engine.hold import Hold

if sys.platform != "win32":
    import resource


def problem_of(home: Path) -> Problem | None:
    """Why `home` cannot be held now; None where it can."""
    try:
        Hold(home).release()
    except ProblemError as error:
        return error.problem
    return None


def player(role: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, role, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(aihub_desktop.__file__).parents[1])},
        text=True,
    )


@contextmanager
def other_engine(home: Path, role: str = "hold") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds `home`, and what it said; its children end with its stdin."""
    process = player(role, home)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_a_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    with other_engine(tmp_path) as (process, said):
        assert said == "held"
        expected = Problem(Code.ENGINE_BUSY, {"pid": str(process.pid), "path": str(tmp_path)})
        assert problem_of(tmp_path) == expected
        assert problem_of(tmp_path) == expected  # asking took nothing away


def test_a_killed_holder_holds_no_more(tmp_path: Path) -> None:
    with other_engine(tmp_path) as (process, _):
        process.kill()
        process.wait()
        assert problem_of(tmp_path) is None


def test_children_of_a_killed_holder_do_not_hold_for_it(tmp_path: Path) -> None:
    with other_engine(tmp_path, "parent") as (process, said):
        process.kill()
        process.wait()
        if sys.platform != "win32":  # there it would be a Ctrl-C
            os.kill(int(said), 0)  # the child lives: its stdin is still open
        assert problem_of(tmp_path) is None


def test_one_process_cannot_hold_a_folder_twice(tmp_path: Path) -> None:
    hold = Hold(tmp_path)
    assert problem_of(tmp_path) == Problem(Code.ENGINE_BUSY, {"pid": str(os.getpid()), "path": str(tmp_path)})
    hold.release()
    assert problem_of(tmp_path) is None


def test_other_folders_are_free(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    hold = Hold(tmp_path)
    assert problem_of(other) is None
    hold.release()


def test_the_note_of_an_earlier_holder_is_not_told_as_the_present_one(tmp_path: Path) -> None:
    (tmp_path / "engine.lock").write_text("4194303999999\n")
    hold = Hold(tmp_path)
    problem = problem_of(tmp_path)
    assert problem is not None
    assert problem.facts["pid"] == str(os.getpid())
    hold.release()
    assert (tmp_path / "engine.lock").read_text() == ""


def test_a_folder_that_is_not_there_cannot_be_held(tmp_path: Path) -> None:
    problem = problem_of(tmp_path / "none")
    assert problem is not None
    assert problem.code is Code.NOT_WRITABLE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_disk_without_room_for_the_note_is_held_all_the_same(tmp_path: Path) -> None:
    with other_engine(tmp_path, "crowded") as (_, said):
        assert said == "held"
        problem = problem_of(tmp_path)
        assert problem is not None
        assert (problem.code, problem.facts["pid"]) == (Code.ENGINE_BUSY, "")


@pytest.mark.skipif(shutil.which("strace") is None, reason="a system without locks is played by strace (Linux)")
def test_a_disk_that_has_no_locks_is_not_called_busy(tmp_path: Path) -> None:
    inject = ["strace", "-f", "-o", str(tmp_path / "calls"), "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"]
    if subprocess.run([*inject, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    process = subprocess.run(
        [*inject, sys.executable, __file__, "hold", str(tmp_path)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(aihub_desktop.__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        check=False,
        text=True,
    )
    assert process.stdout.strip() == Code.NOT_WRITABLE.value


def main(role: str, home: Path) -> None:
    if role == "crowded" and sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        hold = Hold(home)
    except ProblemError as error:
        print(error.problem.code.value, flush=True)
        return
    if role == "parent":
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
    else:
        print("held", flush=True)
    sys.stdin.read()
    hold.release()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
