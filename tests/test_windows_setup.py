"""The installers for Windows, as far as any system can try them: what they hold, what they say, who signed them.

That they install, upgrade and remove is tried by `installer/windows/wine.py installer`, which takes minutes.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from installer.common import VERSION, BuildError, run
from installer.windows import apart, msi, portable, setup, signature, wine
from installer.windows.contents import Contents, contents

ROOT = Path(__file__).resolve().parent.parent


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


@pytest.fixture
def frozen(tmp_path: Path) -> Contents:
    """A folder as the freezing leaves one, in small."""
    folder = tmp_path / "frozen"
    for name in ("aihub.exe", "aihub-desktop.exe", "_internal/a.dll", "_internal/deep/한글 b.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 2000)
    return contents(folder)


def test_a_folder_without_the_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="build freeze first"):
        contents(tmp_path)


def test_a_name_that_an_installer_would_read_otherwise_is_refused(frozen: Contents) -> None:
    (frozen.folder / "$INSTDIR").write_bytes(b"")
    with pytest.raises(BuildError, match="INSTDIR"):
        contents(frozen.folder)


def test_what_is_installed_is_what_is_removed_and_nothing_else(frozen: Contents) -> None:
    removed = setup.uninstall_list(frozen).splitlines()
    assert [line for line in removed if line.startswith("Delete")] == [
        r'Delete "$INSTDIR\_internal\a.dll"',
        r'Delete "$INSTDIR\_internal\deep\한글 b.txt"',
        r'Delete "$INSTDIR\aihub-desktop.exe"',
        r'Delete "$INSTDIR\aihub.exe"',
    ]
    assert removed[-2:] == [r'RMDir "$INSTDIR\_internal\deep"', r'RMDir "$INSTDIR\_internal"']  # inner ones first
    assert setup.install_list(frozen).count("\nFile ") == 4
    script = (ROOT / "installer/windows/setup.nsi").read_text(encoding="utf-8")
    recursive = [line.strip() for line in script.splitlines() if "RMDir /r" in line]
    assert recursive == [r'RMDir /r "$LOCALAPPDATA\AIHub Desktop"']  # a name of the program's own, after a question


def test_both_languages_say_the_same_things() -> None:
    words = tomllib.loads((ROOT / "installer/windows/words.toml").read_text(encoding="utf-8"))
    assert words["ko"].keys() == words["en"].keys()
    script = (ROOT / "installer/windows/setup.nsi").read_text(encoding="utf-8")
    assert [name for name in words["ko"] if f"$({name})" not in script] == []


@needs("makensis")
def test_the_script_compiles(frozen: Contents, tmp_path: Path) -> None:
    picture = tmp_path / "a.ico"
    header, entry = bytes([0, 0, 1, 0, 1, 0]), bytes([1, 1, 0, 0, 1, 0, 32, 0, 48, 0, 0, 0, 22, 0, 0, 0])
    bitmap = bytes([40, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 32, 0]) + bytes(32)
    picture.write_bytes(header + entry + bitmap)
    pixel = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4)
    picture.with_suffix(".bmp").write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(pixel), 0, 0, 54) + pixel)
    into = tmp_path / "setup.exe"
    setup.compiled(frozen, tmp_path / "build", into, icon=picture, version="1.2.3")
    assert into.read_bytes()[:2] == b"MZ"


@needs("wixl", "msibuild", "msiinfo")
def test_the_package_for_administrators(frozen: Contents, tmp_path: Path) -> None:
    into = tmp_path / "aihub.msi"
    msi.packed(frozen, tmp_path / "build", into, version="1.2.3")

    def table(name: str) -> str:
        return subprocess.run(["msiinfo", "export", into, name], capture_output=True, text=True, check=True).stdout

    assert "=-*PATH\t[~];[INSTALLDIR]bin" in table("Environment")
    assert "WriteEnvironmentStrings" in table("InstallExecuteSequence")
    assert table("File").count("\n") == 3 + 5  # heads, the files and the command on the PATH
    assert "aihub-desktop.exe" in table("Registry")


def test_the_portable_one_is_the_same_for_the_same_bytes(frozen: Contents, tmp_path: Path) -> None:
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    for into in (first, second):
        portable.zipped(frozen, into, VERSION)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert f"aihub-desktop-{VERSION}/data/" in archive.namelist()
        assert len(archive.namelist()) == 1 + len(frozen.files)


@needs("makensis", "osslsigncode", "openssl")
def test_a_certificate_signs_and_its_password_is_no_argument(
    frozen: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subject = ["-subj", "/CN=test", "-addext", "extendedKeyUsage=codeSigning", "-days", "2", "-nodes"]
    for words in (
        ["req", "-x509", "-newkey", "rsa:2048", "-keyout", "key.pem", "-out", "cert.pem", *subject],
        ["pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-out", "both.p12", "-passout", "pass:geheim"],
    ):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    (tmp_path / "some.nsi").write_text('OutFile "some.exe"\nSection\nSectionEnd\n', encoding="utf-8")
    subprocess.run(["makensis", "-V1", "some.nsi"], check=True)
    assert not signature.sign(tmp_path / "some.exe")  # no certificate, no signature, no error
    seen: list[list[str]] = []

    def heard(words: list[str | Path]) -> str:
        seen.append([str(word) for word in words])
        return run(words)

    monkeypatch.setattr(signature, "run", heard)
    monkeypatch.setenv(signature.CERTIFICATE, str(tmp_path / "both.p12"))
    monkeypatch.setenv(signature.PASSWORD, "geheim")
    assert signature.sign(tmp_path / "some.exe")
    assert not any("geheim" in word for words in seen for word in words)
    verify = ["osslsigncode", "verify", "-CAfile", "cert.pem", "-in", "some.exe"]
    assert "Signature verification: ok" in subprocess.run(verify, capture_output=True, text=True, check=False).stdout
    monkeypatch.setenv(signature.PASSWORD, "falsch")
    with pytest.raises(BuildError):
        signature.sign(tmp_path / "some.exe")


def test_of_a_lock_windows_gets_what_is_its_own() -> None:
    lock = (
        "# a comment\nboth==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "linux==1 ; sys_platform == 'linux' \\\n    --hash=sha256:cc\n"
        "windows==1 ; sys_platform == 'win32' \\\n    --hash=sha256:dd\n"
        "old==1 ; python_full_version < '3.11' \\\n    --hash=sha256:ee\n"
    )
    assert wine.for_windows(lock) == ["both==1 --hash=sha256:aa --hash=sha256:bb", "windows==1 --hash=sha256:dd"]


@needs("env")
def test_what_takes_a_file_of_tests_down_is_named_and_costs_itself_alone(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_down.py").write_text(
        "import os, pytest, sys\n\n"
        "def test_a(): pass\n\n"
        "def test_ends_it(): print('x', file=sys.__stdout__, flush=True); os._exit(3)\n\n"
        "@pytest.mark.parametrize('one', ['b c', 'd'])\ndef test_wrong(one): assert one == 'd', '1 passed in 2s'\n\n"
        "def test_left(): pytest.skip('why')\n",
        encoding="utf-8",
    )
    (tests / "test_none.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    (tests / "test_right.py").write_text("def test_a(): pass\n", encoding="utf-8")

    def runner(words: Sequence[str], seconds: float, log: Path) -> int | None:
        return apart.ended_in_time(["env", "-C", str(tmp_path), sys.executable, *words], seconds, log)

    assert apart.files(tmp_path, ["right", "none"]) == ["tests/test_none.py", "tests/test_right.py"]
    names = apart.files(tmp_path, [])
    down, none, right = apart.tried(names, runner, tmp_path / "logs", at_once=2)
    assert down.wrong == [
        "tests/test_down.py::test_ends_it took the whole file down", "tests/test_down.py::test_wrong[b c] failed",
    ]  # fmt: skip
    assert down.counts == {"passed": 2, "failed": 1, "skipped": 1, "deselected": 1}
    assert none.wrong == ["tests/test_none.py error"]
    assert (right.wrong, right.counts) == ([], {"passed": 1})
    assert apart.told([right])
    assert not apart.told([right, down])
    assert not apart.told([])


@needs("sleep")
def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "print('said', flush=True); input()"]
    assert apart.ended_in_time(["sleep", "600"], 0.5, tmp_path / "x") is None
    assert apart.ended_in_time(words, 60, tmp_path / "log") == 1
    assert (tmp_path / "log").read_text().startswith("said\nTraceback")
