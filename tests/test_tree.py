"""Rules of the tree that a machine can check."""

from __future__ import annotations

import ast
import math
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PROGRAM: Final = ROOT / "aihub_desktop"
MODULES: Final = sorted(PROGRAM.rglob("*.py"))
VAGUE: Final = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc"}
LARGEST: Final = 500_000

TOP: Final = {
    ".ci", ".github", ".gitattributes", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md",
    "aihub_desktop", "installer", "pyproject.toml", "requirements-dev.txt", "requirements.txt", "resources", "tests",
}  # fmt: skip

# Places of one machine. Written in halves, so that this file does not hold what it looks for.
PLACES: Final = re.compile("|".join(["/" + "home/[a-z]", "/" + "Users/[A-Za-z]", "/" + "work/", r"[A-Z]:\\" + "Users"]))
INDEXES: Final = re.compile("index-" + r"url|--find-links|https?://|file:" + "//")


def tracked() -> list[Path]:
    """What the repository holds, or would hold: files that git does not ignore."""
    trusting = ["-c", "safe.directory=*"]  # in a container the checkout often belongs to someone else
    command = ["git", *trusting, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if shutil.which("git") is None:
        pytest.skip("not installed: git")
    listed = subprocess.run(command, capture_output=True, check=True).stdout
    paths = {ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name}
    return sorted(path for path in paths if path.is_file())


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def nodes_of(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(text_of(path)))


def length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def methods(node: ast.ClassDef) -> int:
    return sum(isinstance(item, ast.FunctionDef) for item in node.body)


def project() -> dict[str, object]:
    return tomllib.loads(text_of(ROOT / "pyproject.toml"))


def test_the_top_holds_nothing_else() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_no_file_is_large() -> None:
    assert [path.name for path in tracked() if path.stat().st_size > LARGEST] == []


def test_no_place_of_one_machine_is_named() -> None:
    found = [(str(path.relative_to(ROOT)), match[0]) for path in tracked() for match in PLACES.finditer(text_of(path))]
    assert found == []


def test_a_place_of_one_machine_would_be_found() -> None:
    assert PLACES.search("see /" + "home/me/x")
    assert PLACES.search("C:\\" + "Users\\me")
    assert not PLACES.search("{home}/logs, https://example.org/work")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_is_exact_and_names_no_index(name: str) -> None:
    text = text_of(ROOT / name)
    assert INDEXES.findall(text) == []
    entries = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert entries
    assert [entry for entry in entries if not re.fullmatch(r"[\w.-]+==[\w.+]+( ; .+)? \\", entry)] == []
    assert text.count("--hash=sha256:") >= len(entries)


def test_the_lock_holds_every_dependency() -> None:
    described = project()
    declared = described["project"]
    build = described["build-system"]
    assert isinstance(declared, dict)
    assert isinstance(build, dict)
    runtime = names_in(declared["dependencies"]) | names_in(build["requires"])
    development = runtime | names_in(declared["optional-dependencies"]["dev"])
    assert runtime <= locked("requirements.txt")
    assert development | locked("requirements.txt") <= locked("requirements-dev.txt")


def names_in(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def locked(name: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", text_of(ROOT / name), re.MULTILINE))


def test_every_package_is_installed() -> None:
    """The packages are listed by name: a new one that is forgotten works in the checkout, and nowhere else."""
    tools = project()["tool"]
    assert isinstance(tools, dict)
    packages = set(tools["setuptools"]["packages"]) - {"aihub_desktop.resources"}
    folders = {path.parent.relative_to(ROOT) for path in PROGRAM.rglob("*.py")}
    assert packages == {".".join(folder.parts) for folder in folders}


def test_the_licence_is_the_one_that_is_declared() -> None:
    declared = project()["project"]
    assert isinstance(declared, dict)
    assert declared["license"] == "Apache-2.0"
    assert "Apache License" in text_of(ROOT / "LICENSE")[:200]


def test_the_readme_names_both_commands() -> None:
    readme = text_of(ROOT / "README.md")
    assert "python3 installer/run.py demo" in readme
    assert "python3 installer/run.py test" in readme


def test_ci_calls_what_the_readme_says() -> None:
    steps = text_of(ROOT / ".ci/run")
    assert "python3 installer/run.py test" in steps
    assert "python3 installer/run.py lint" in steps
    assert os.name == "nt" or os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PROGRAM)))
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(text_of(path)))
    assert path.stem not in VAGUE


def test_functions_are_short() -> None:
    lengths = sorted(
        length(node)
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[math.ceil(len(lengths) * 0.9) - 1] < 30


def test_files_are_short() -> None:
    lengths = sorted(len(text_of(path).splitlines()) for path in MODULES)
    assert lengths[math.ceil(len(lengths) * 0.9) - 1] < 400


def test_classes_are_small() -> None:
    classes = [node for path in MODULES for node in nodes_of(path) if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes if length(node) > 300] == []
    assert [node.name for node in classes if methods(node) > 25] == []
