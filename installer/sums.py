"""SHA256SUMS of what is in dist/, and its signature where there is a key; and a release's own part of the changelog."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from installer.common import DIST, ROOT, VERSION, BuildError, run

# Who verifies names it too, so that a signature of something else cannot be passed off as one of a release.
NAMESPACE: Final = "aihub-desktop-release"
KEY: Final = "AIHUB_SIGNING_KEY"


def sums() -> Path:
    """dist/SHA256SUMS, and SHA256SUMS.sig by the ssh key in the file that AIHUB_SIGNING_KEY names.

    Raises `BuildError` where there is nothing to sum, or the key does not sign.
    """
    files = sorted(path for path in DIST.iterdir() if path.is_file() and not path.name.startswith("SHA256SUMS"))
    if not files:
        raise BuildError("dist/ is empty")
    made = DIST / "SHA256SUMS"
    made.write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files), encoding="utf-8", newline="\n")
    signature = DIST / "SHA256SUMS.sig"
    signature.unlink(missing_ok=True)
    if key := os.environ.get(KEY):
        run(["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", key, made])
    return made


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def notes() -> Path:
    """build/notes.md: what CHANGELOG.md says of this version, and the key that signs, where there is one.

    Raises `BuildError` where the changelog says nothing.
    """
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"(?ms)^## \[?{re.escape(VERSION)}\]?[^\n]*\n(.*?)(?=^## |\Z)", text)
    if found is None or not found[1].strip():
        raise BuildError(f"CHANGELOG.md has no section for {VERSION}")
    made = ROOT / "build" / "notes.md"
    made.parent.mkdir(exist_ok=True)
    key = os.environ.get(KEY)
    signed = (
        f"\n\nSHA256SUMS is signed by this key:\n\n    {run(['ssh-keygen', '-y', '-f', key]).strip()}" if key else ""
    )
    made.write_text(f"{found[1].strip()}{signed}\n", encoding="utf-8")
    return made
