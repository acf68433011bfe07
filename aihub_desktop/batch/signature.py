"""Signatures of bags by OpenSSH, whose ssh-keygen every system of today has. What is signed is the tag manifest, which
has the hash of every list, which have the hash of every byte.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.batch.bag import TAG_MANIFEST
from aihub_desktop.disk.files import disk_error, sync_file, sync_folder
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.faults import Code, ProblemError

NAMESPACE: Final = "aihub-bundle"
SUFFIX: Final = ".sig"
_PROGRAM: Final = "ssh-keygen"
_SECONDS: Final = 60.0
_LARGEST: Final = 1 << 20
# A line of NAME.pub; what has other words before these is a list of allowed signers.
_PUBLIC_KEY: Final = re.compile(r"(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+(?: .*)?")


def sign(manifest: Path, key: Path) -> None:
    """Writes MANIFEST.sig, durably. A key with a passphrase is asked for it by ssh-keygen, or the agent has it.

    Raises `ProblemError` SIGNING_FAILED, the disk's.
    """
    found = manifest.with_name(manifest.name + SUFFIX)
    try:
        remove(found)  # ssh-keygen would ask whether to
        run = subprocess.run(
            [_program(), "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(manifest)],
            capture_output=True, check=False,
        )  # fmt: skip
        if run.returncode != 0 or not found.is_file():
            raise ProblemError(Code.SIGNING_FAILED, path=str(key), text=_text(run.stderr))
        descriptor = os.open(found, os.O_RDWR)
        try:
            sync_file(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(found.parent)
    except OSError as error:
        raise disk_error(error, found) from error


def checked(folder: Path, signers: Path) -> str:
    """Who signed the bag. `signers`: a list of allowed signers, or one public key.

    Raises `ProblemError` NOT_SIGNED, WRONG_SIGNATURE; TARGET_MISSING where there is no such list.
    """
    found = folder / (TAG_MANIFEST + SUFFIX)
    if not found.is_file() or found.is_symlink():
        raise ProblemError(Code.NOT_SIGNED, path=str(folder))
    with _allowed(signers) as allowed, (folder / TAG_MANIFEST).open("rb") as manifest:
        names = _run("find-principals", "-f", allowed, "-s", found)
        for name in _text(names.stdout).splitlines() if names.returncode == 0 else []:
            manifest.seek(0)
            run = _run("verify", "-f", allowed, "-I", name, "-n", NAMESPACE, "-s", found, given=manifest.read())
            if run.returncode == 0:
                return name
    raise ProblemError(Code.WRONG_SIGNATURE, path=str(folder))


def is_signed(folder: Path) -> bool:
    return (folder / (TAG_MANIFEST + SUFFIX)).is_file()


@contextlib.contextmanager
def _allowed(signers: Path) -> Iterator[Path]:
    """The list itself, or one that is made of a public key."""
    try:
        with signers.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise disk_error(error, signers) from error
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not all(_PUBLIC_KEY.fullmatch(line) for line in lines):
        yield signers
        return
    with tempfile.TemporaryDirectory(prefix="aihub-") as folder:
        made = Path(folder, "allowed_signers")
        entries = (f'{_name(line, signers)} namespaces="{NAMESPACE}" {line}\n' for line in lines)
        made.write_text("".join(entries), encoding="utf-8")
        yield made


def _name(line: str, signers: Path) -> str:
    """The key's comment, as people know it; no blank and no sign that means something in a list."""
    comment = line.split(" ", 2)[2] if line.count(" ") > 1 else signers.stem
    return re.sub(r"[^\w@.+-]", "_", comment) or "signer"


def _run(action: str, *words: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [_program(), "-Y", action, *map(str, words)],
            input=given, capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProblemError(Code.WRONG_SIGNATURE, text=str(error)[:200]) from error


def _program() -> str:
    """Raises `ProblemError` SIGNING_FAILED where this system has none."""
    if (found := shutil.which(_PROGRAM)) is None:
        raise ProblemError(Code.SIGNING_FAILED, text=f"{_PROGRAM} (OpenSSH)")
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()[:500]
