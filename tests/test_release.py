"""What a release has beside the program: sums, signature, bill of materials, notes, workflows, macOS's papers."""

from __future__ import annotations

import json
import os
import plistlib
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from frozen import frozen

from aihub_desktop import __version__

__all__ = ["frozen"]

ROOT: Final = Path(__file__).resolve().parent.parent
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the build reads, to write into."""
    for name in ("installer", "aihub_desktop"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    for name in ("CHANGELOG.md", "LICENSE", "requirements.txt"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "dist").mkdir()
    return tmp_path


def build(tree: Path, *targets: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "installer/build.py", *targets]
    return subprocess.run(
        command, cwd=tree, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system: sha256sum is one of its tools")
def test_sums_are_checked_and_signed_by_tools_that_everybody_has(tree: Path) -> None:
    for name in ("a.deb", "나.dmg"):
        (tree / "dist" / name).write_bytes(name.encode())
    if shutil.which("ssh-keygen") is None:
        pytest.skip("not installed: ssh-keygen")
    key = tree / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", str(key)], check=True)
    done = build(tree, "sums", AIHUB_SIGNING_KEY=str(key))
    assert done.returncode == 0, done.stderr
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tree / "dist", check=True)
    (tree / "signers").write_text(f"release {(tree / 'key.pub').read_text()}")
    check = ["ssh-keygen", "-Y", "verify", "-f", str(tree / "signers"), "-I", "release", "-n", "aihub-desktop-release"]
    command = [*check, "-s", str(tree / "dist/SHA256SUMS.sig")]
    sums = (tree / "dist/SHA256SUMS").read_bytes()
    assert subprocess.run(command, input=sums, capture_output=True, check=False).returncode == 0
    assert subprocess.run(command, input=sums + b"0", capture_output=True, check=False).returncode != 0


def test_without_a_key_there_is_no_old_signature(tree: Path) -> None:
    (tree / "dist/a.deb").write_bytes(b"a")
    (tree / "dist/SHA256SUMS.sig").write_bytes(b"of something else")
    assert build(tree, "sums").returncode == 0
    assert not (tree / "dist/SHA256SUMS.sig").exists()


def test_nothing_is_released_that_the_changelog_does_not_know(tree: Path) -> None:
    done = build(tree, "notes")
    assert (done.returncode, f"CHANGELOG.md has no section for {__version__}" in done.stderr) == (1, True)
    text = (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    new = text.replace(
        "## Unreleased", f"## Unreleased\n\n## {__version__} - 2026-12-01\n\n### Added\n\n- One.\n\n## 0.0.1"
    )
    (tree / "CHANGELOG.md").write_text(new, encoding="utf-8")
    assert build(tree, "notes").returncode == 0
    assert (tree / "build/notes.md").read_text(encoding="utf-8") == "### Added\n\n- One.\n"
    if shutil.which("ssh-keygen") is None:
        pytest.skip("not installed: ssh-keygen")
    key = tree / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", str(key)], check=True)
    assert build(tree, "notes", AIHUB_SIGNING_KEY=str(key)).returncode == 0
    told = (tree / "build/notes.md").read_text(encoding="utf-8")
    assert told.startswith("### Added\n\n- One.\n\nSHA256SUMS is signed by")
    assert (tree / "key.pub").read_text().split()[1] in told


@pytest.mark.parametrize("words", [[], ["nothing"], ["all", "more"]])
def test_wrong_words_are_wrong_usage(tree: Path, words: list[str]) -> None:
    done = build(tree, *words)
    assert done.returncode == 2
    assert "installer/build.py" in done.stderr


@pytest.mark.parametrize("target", ["deb", "sbom", "dmg"])
def test_what_has_to_come_first_is_said(tree: Path, target: str) -> None:
    done = build(tree, target)
    assert done.returncode == 1
    assert "first: python installer/build.py freeze" in done.stderr


@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: on other systems the release builds it")
def test_the_bill_of_materials_is_one(frozen: Path) -> None:
    done = build(ROOT, "sbom")
    assert done.returncode == 0, done.stderr
    text = Path(done.stdout.strip()).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told: dict[str, Any] = json.loads(text)
    assert (told["metadata"]["component"]["name"], told["metadata"]["component"]["version"]) == (
        "aihub-desktop",
        __version__,
    )
    versions = {one["name"].casefold(): one["version"] for one in told["components"]}
    assert versions["python"] == sys.version.partition(" ")[0]
    locked = dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ \n]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8")))
    assert {name: versions[name] for name in ("httpx", "keyring", "msgspec")} == {
        name: locked[name] for name in ("httpx", "keyring", "msgspec")
    }
    assert [one["name"] for one in told["components"] if not one.get("licenses")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_workflows_are_what_their_host_accepts(path: Path) -> None:
    """By its schema, and by what is known to be unsafe. Nothing here runs them."""
    schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(schema, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for action in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), f"{action} is not pinned"


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: zizmor is installed there")
def test_the_workflows_are_safe() -> None:
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_macos_is_told() -> None:
    """The entitlements, as few as they are. Signing and notarising run on macOS alone."""
    told = plistlib.loads((ROOT / "installer/macos/entitlements.plist").read_bytes())
    assert told == {
        "com.apple.security.cs.allow-unsigned-executable-memory": True,
        "com.apple.security.cs.disable-library-validation": True,
    }


def test_the_build_knows_the_version_of_the_program() -> None:
    assert runpy.run_path(str(ROOT / "installer/common.py"))["VERSION"] == __version__
