"""What a program asks of the disk, read from the kernel's side: calls recorded by strace, with all their bytes.

strace escapes every byte of a string (`-xx`), so a line can be taken apart at its commas.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

# Whatever changes a disk, or says that a change is durable. A call of another name would be missed: see `CHANGING`.
CALLS: Final = (
    *("openat", "open", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile"),
    *("ftruncate", "truncate", "fallocate", "fsync", "fdatasync", "syncfs", "sync"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir"),
)
_ESCAPE: Final = re.compile(r"\\x([0-9a-f]{2})")
_CALL: Final = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|\?)(?:<.*)?(?: .*)?", re.DOTALL)
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that succeeded. `begun` and `ended` count the lines of the record: what ends before another begins
    has happened before it."""

    name: str
    words: tuple[str, ...]
    result: int
    begun: int
    ended: int

    def text(self, place: int) -> str:
        """A string among the arguments, or the path of a descriptor."""
        return self.data(place).decode("utf-8", "surrogateescape")

    def data(self, place: int) -> bytes:
        word = self.words[place]
        assert not word.endswith("..."), "strace left bytes out"
        marks = ('"', '"') if word.startswith('"') else ("<", ">")
        inner = word[word.index(marks[0]) + 1 : word.rindex(marks[1])]
        return bytes(int(digits, 16) for digits in _ESCAPE.findall(inner))

    def number(self, place: int) -> int:
        return int(self.words[place], 0)


def tracer() -> str:
    """strace's path. Skips the test where there is none or it may not trace."""
    program = shutil.which("strace")
    if sys.platform != "linux" or program is None:
        pytest.skip("strace, which tells what is written, is not installed (Linux)")
    probe = [program, "-f", "-o", "/dev/null", "-e", "trace=getpid", "-e", "inject=getpid:retval=1", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody be traced")
    return program


def recording(log: Path) -> list[str]:
    """The start of a command whose calls go to `log`."""
    return [
        tracer(), "-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 24), "-e", "signal=none",
        "-e", f"trace={','.join(CALLS)}", "-o", str(log),
    ]  # fmt: skip


def calls(log: Path) -> list[Call]:
    """The calls of a record that succeeded, in the order in which they returned."""
    begun: dict[str, tuple[int, str]] = {}
    found = []
    for number, line in enumerate(log.read_text(encoding="ascii").splitlines()):
        thread, _, rest = line.partition(" ")
        rest, first = rest.strip(), number
        if rest.endswith("<unfinished ...>"):
            begun[thread] = number, rest.removesuffix("<unfinished ...>").rstrip()
            continue
        if resumed := _RESUMED.fullmatch(rest):
            first, start = begun.pop(thread)
            rest = start + resumed[1]
        call = _CALL.fullmatch(rest)
        assert call is not None, rest[:300]
        if call[3] != "?" and int(call[3]) >= 0:
            found.append(Call(call[1], tuple(call[2].split(", ")), int(call[3]), first, number))
    return found
