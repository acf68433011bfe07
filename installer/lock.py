"""Writes requirements.txt, requirements-dev.txt and installer/requirements-build.txt anew: exact versions with hashes.

They hold for every system and Python.

    python3 installer/lock.py                    keep the locked versions where they still fit
    python3 installer/lock.py --upgrade          newest versions of everything
    python3 installer/lock.py --upgrade-package NAME

Needs uv. The files name no index: whoever installs uses their own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
HEADER: Final = "python3 installer/lock.py"


def lock(target: str, words: list[str]) -> int:
    """Builds need the back-end in the environment, as nothing outside the lock is fetched; so it is locked as well."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    command = [
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "-",
        "--output-file",
        target,
        "--custom-compile-command",
        HEADER,
    ]
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--quiet"]
    back_end = "\n".join(project["build-system"]["requires"])
    return subprocess.run([*command, *options, *words], cwd=ROOT, input=back_end, text=True, check=False).returncode


def main(words: list[str]) -> int:
    if shutil.which("uv") is None:
        print("uv is needed: python3 -m pip install uv", file=sys.stderr)
        return 3
    # the second and the third hold all of the first, in the same versions, and the third is of the second's
    return (
        lock("requirements.txt", words)
        or lock("requirements-dev.txt", ["--extra", "dev", "--constraints", "requirements.txt", *words])
        or lock(
            "installer/requirements-build.txt", ["--extra", "build", "--constraints", "requirements-dev.txt", *words]
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
