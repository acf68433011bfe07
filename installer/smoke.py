"""Tries a built or installed program on its own demo hub: python installer/smoke.py FOLDER

FOLDER holds `aihub` and `aihub-desktop`. The window is started without a screen. The exit status is 0 where everything
was received and verified and the window came and went.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ENDING = ".exe" if sys.platform == "win32" else ""


def main(words: list[str]) -> int:
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(words[0])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        home, data = Path(temporary, "state"), Path(temporary, "받은 것")
        environ = {**os.environ, "AIHUB_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
        line = folder / f"aihub{ENDING}"
        commands: list[list[str | Path]] = [
            [line, "--version"],
            [line, "demo", "--cli", "--to", data],
            [line, "verify", data],
        ]
        for command in commands:
            subprocess.run(command, env=environ, check=True, timeout=300)
        return try_window([folder / f"aihub-desktop{ENDING}", "--api-url", "http://127.0.0.1:1"], environ)


def try_window(command: list[str | Path], environ: dict[str, str]) -> int:
    """Whether it stays until it is told to go, and goes in good order."""
    with subprocess.Popen(command, env=environ) as window:
        try:
            window.wait(5)
        except subprocess.TimeoutExpired:
            subprocess.run([*command, "--quit"], env=environ, check=True, timeout=60)
            window.wait(60)
            print(f"the window came, and went when it was told to, with {window.returncode}")
            return window.returncode
    print(f"the window ended by itself with {window.returncode}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
