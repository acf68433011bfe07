r"""What Windows alone can do to the program: consoles of code pages, reserved names, \\?\ paths, files held by others.

Not collected on other systems. `AIHUB_PROGRAM` has it try an installed program.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import locale
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes
from pathlib import Path

import pytest
from commandline import Aihub, Run, ended
from crashes import until
from engines import final_files, manifest, offered

from aihub_desktop.cli.exits import Exit
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.faults import Hostile, Hostility, Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import CP949, MAIN

assert sys.platform == "win32", "of Windows alone: not collected elsewhere"

TITLE = "한국어 안부 인사 음성"
CONSOLE = Path(__file__).with_name("console_of.py")
OF_ITS_OWN = subprocess.CREATE_NO_WINDOW


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    yield made
    made.close()


def on_screen(aihub: Aihub, page: int, into: Path, *words: str | Path) -> tuple[int, str]:
    """The exit code, and what a person sees."""
    command = [sys.executable, str(CONSOLE), str(page), str(into), *aihub.command(*words)]
    environ = aihub.environment(AIHUB_LANG="ko", PYTHONUTF8="")
    done = subprocess.run(
        command, env=environ, input=b"", capture_output=True, creationflags=OF_ITS_OWN, timeout=120, check=False
    )
    return done.returncode, into.read_text(encoding="utf-8")


def same(folder: Path, right: dict[str, bytes]) -> None:
    assert {name: len(data) for name, data in final_files(folder).items()} == {n: len(d) for n, d in right.items()}
    assert manifest(folder) == {name: hashlib.sha256(data).hexdigest() for name, data in right.items()}


def refused(run: Run) -> None:
    """With words of its own."""
    assert run.code in (Exit.FAILED, Exit.USAGE, Exit.DISK), run.err
    assert "Traceback" not in run.err
    assert "error in the program" not in run.err


# Consoles and pipes.


@pytest.mark.parametrize("page", [949, 1252, 65001])
def test_a_console_shows_korean_whatever_its_code_page(aihub: Aihub, page: int, tmp_path: Path, folder: Path) -> None:
    code, seen = on_screen(aihub, page, tmp_path / "screen", "datasets", "음성")
    assert code == Exit.DONE, seen
    assert TITLE in seen
    code, seen = on_screen(aihub, page, tmp_path / "screen", "get", CP949, "--to", folder)
    assert code == Exit.DONE, seen
    assert "파일" in seen
    assert "�" not in seen
    code, seen = on_screen(aihub, page, tmp_path / "screen", "get", "없는것", "--to", folder)
    assert code == Exit.FAILED, seen
    assert "없는것" in seen


def test_a_pipe_is_of_the_systems_code_page_where_that_can_say_korean(aihub: Aihub) -> None:
    run = aihub("datasets", "음성", PYTHONUTF8="")
    encoding = "cp949" if locale.getpreferredencoding() == "cp949" else "utf-8"
    assert TITLE in run.raw.decode(encoding)
    lines = aihub("datasets", "음성", "--json", PYTHONUTF8="").raw.decode("utf-8").splitlines()
    assert any(json.loads(line)["title"].startswith(TITLE) for line in lines)


def test_a_script_of_the_old_code_page_names_korean_folders(aihub: Aihub, catalogue: Catalogue, tmp_path: Path) -> None:
    if locale.getpreferredencoding() != "cp949":
        pytest.skip("of a Korean Windows alone")
    script = tmp_path / "get.cmd"
    words = subprocess.list2cmdline(aihub.command("get", CP949, "--to", tmp_path / "받은 자료"))
    script.write_bytes(f"@{words}\r\n".encode("cp949"))
    environ = aihub.environment(PYTHONUTF8="")
    done = subprocess.run(["cmd", "/c", script], env=environ, capture_output=True, input=b"", timeout=120, check=False)
    assert done.returncode == Exit.DONE, done.stderr
    same(tmp_path / "받은 자료", offered(catalogue, CP949))


# Names.


@pytest.mark.parametrize("name", ["nul", "aux.txt", "com1", "받은 것\\con", "CONOUT$"])
def test_a_target_that_is_a_device_is_refused(aihub: Aihub, tmp_path: Path, name: str) -> None:
    """Windows says yes to what is written there, and keeps nothing."""
    run = aihub("get", CP949, "--to", tmp_path / name)
    refused(run)
    assert name.rpartition("\\")[2] in run.err


@pytest.mark.parametrize("hostility", [Hostility.RESERVED, Hostility.RESERVED_WITH_ENDING, Hostility.STREAM_NAME])
def test_a_hub_that_names_devices_is_not_obeyed(aihub: Aihub, hub: DemoHub, folder: Path, hostility: Hostility) -> None:
    hub.faults.add(Hostile(hostility=hostility))
    run = aihub("get", CP949, "--to", folder)
    refused(run)
    assert not final_files(folder).keys() & {"CON", "aux.txt", "file.zip"}


def test_devices_in_an_archive_get_another_name(aihub: Aihub, folder: Path) -> None:
    names = ["aux.txt", "NUL", "sub/com1.csv", "ends with a dot.", "a space "]
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, name)
    run = aihub("unpack", folder / "a.zip")
    assert run.code == Exit.DONE, run.err
    found = {path.read_text() for path in (folder / "a").rglob("*") if path.is_file()}
    assert found == set(names)
    assert not {path.name.casefold() for path in (folder / "a").rglob("*")} & {"aux.txt", "nul", "com1.csv"}


# Long paths.


@pytest.mark.parametrize("extended", [False, True])
def test_folders_deeper_than_windows_used_to_know(
    aihub: Aihub, catalogue: Catalogue, tmp_path: Path, extended: bool
) -> None:
    deep = tmp_path.joinpath(*["아주 긴 이름의 폴더 " * 3 + "끝"] * 8)
    assert len(str(deep)) > 300
    target = rf"\\?\{deep}" if extended else str(deep)
    run = aihub("get", CP949, "--to", target)
    assert run.code == Exit.DONE, run.err
    same(Path(rf"\\?\{deep}"), offered(catalogue, CP949))
    assert "\\\\?\\" not in run.out or extended
    again = aihub("get", CP949, "--to", str(deep), "--json")
    assert (again.code, again.end["received"]) == (Exit.DONE, 0)
    for spelt in (str(deep), rf"\\?\{deep}"):
        assert aihub("verify", spelt).code == Exit.DONE
    archive = Path(rf"\\?\{deep}") / "x.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("속/" * 20 + "값.txt", "x")
    assert aihub("unpack", deep / "x.zip").code == Exit.DONE


# Files that others hold.


_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.CreateFileW.restype = wintypes.HANDLE
_kernel.CreateFileW.argtypes = (
    *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD),
    wintypes.HANDLE,
)
_kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
_READ = 0x80000000
_SHARED_READING = 1
_THERE_ALREADY = 3


@contextmanager
def held(path: Path, shared: int = 0) -> Iterator[bool]:
    """As another program holds a file that it shares with nobody; false where it could not have it."""
    handle = _kernel.CreateFileW(str(path), _READ, shared, None, _THERE_ALREADY, 0, None)
    is_held = handle not in (None, wintypes.HANDLE(-1).value)
    try:
        yield is_held
    finally:
        if is_held:
            _kernel.CloseHandle(handle)


def is_free(path: Path) -> bool:
    with held(path) as is_held:
        return is_held


def test_what_looks_into_every_new_file_costs_nothing(aihub: Aihub, catalogue: Catalogue, folder: Path) -> None:
    """A virus scanner opens what was written and for a while lets nobody rename it."""
    looked, over = set[str](), threading.Event()

    def scan() -> None:
        while not over.wait(0.005):
            for path in folder.rglob("*"):
                if path.name in looked or not path.is_file():
                    continue
                with held(path, _SHARED_READING) as is_held:
                    if is_held:
                        looked.add(path.name)
                        over.wait(0.15)

    scanner = threading.Thread(target=scan)
    scanner.start()
    try:
        run = aihub("get", MAIN, "--to", folder)
    finally:
        over.set()
        scanner.join()
    assert looked
    assert run.code == Exit.DONE, run.err
    same(folder, offered(catalogue, MAIN))


def test_a_part_that_another_holds_is_named_and_goes_on_later(
    aihub: Aihub, hub: DemoHub, catalogue: Catalogue, folder: Path
) -> None:
    slow = hub.faults.add(Slow(rate=60_000))
    begun = aihub.start("get", MAIN, "--to", folder)
    until(lambda: any(one.stat().st_size for one in folder.rglob("*.part")))
    begun.kill()
    ended(begun)
    hub.faults.remove(slow)
    part = next(folder.rglob("*.part"))
    until(lambda: is_free(part))  # its workers have ended, too
    with held(part) as is_held:
        assert is_held
        run = aihub("get", MAIN, "--to", folder)
        refused(run)
        assert part.name.removesuffix(".part") in run.err
        assert part.exists()
    run = aihub("get", MAIN, "--to", folder)
    assert run.code == Exit.DONE, run.err
    same(folder, offered(catalogue, MAIN))


def test_a_finished_file_that_another_reads_can_be_proved(aihub: Aihub, folder: Path) -> None:
    assert aihub("get", CP949, "--to", folder).code == Exit.DONE
    first = next(path for path in folder.rglob("*") if path.is_file() and ".aihub" not in path.parts)
    with held(first, _SHARED_READING) as is_held:
        assert is_held
        assert aihub("verify", folder).code == Exit.DONE
    with held(first) as is_held:
        assert is_held
        run = aihub("verify", folder)
        refused(run)
        assert os.fspath(first.name) in run.err + run.out
    assert aihub("verify", folder).code == Exit.DONE
