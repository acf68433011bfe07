"""The others: curl alone, and the official script's way from the hub to a file, step by step with its own tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from . import web
from .ground import ROOT, environment
from .origin import DATASET

PROGRAM: Final = [sys.executable, "-m", "aihub_desktop"]
NO_HUB: Final = "http://127.0.0.1:9"  # what is fetched by its address asks no hub, and this one would not answer
TOOLS: Final = ("bash", "curl", "tar", "find", "sed", "sort", "cat", "unzip")

# As aihubshell does it: one tar, unpacked beside itself; the pieces of each name joined in the order of their offsets.
# The test of the archive is not its own: it is what a person has to do after it to know as much as we promise.
_OFFICIAL: Final = r"""
set -euo pipefail
curl --silent --show-error --fail -L $CURL_MORE -H "apikey:$AIHUB_APIKEY" -o download.tar "$URL"
tar -xf download.tar
rm download.tar
find . -type f -name '*.part*' | sed -E 's/\.part[0-9]+$//' | sort -u | while IFS= read -r prefix; do
    for piece in "$prefix".part*; do
        printf '%s\n' "${piece##*.part}"
    done | sort -n | while IFS= read -r offset; do
        cat "$prefix.part$offset"
        rm "$prefix.part$offset"
    done > "$prefix"
    if [ -n "$TEST" ]; then unzip -tqq "$prefix"; fi
done
"""


def missing() -> list[str]:
    """Tools of the official way that this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def address(hub: str, *keys: str) -> str:
    return f"{hub}/down/0.6/{DATASET}.do?fileSn={','.join(keys)}"


def curl(folder: Path, url: str, authority: str = "", to: str = "download.tar") -> None:
    """`curl -o download.tar`, no more."""
    subprocess.run([*curl_words(authority), "-o", to, url], cwd=folder, env=environment(), check=True)


def curls(folder: Path, urls: list[str]) -> None:
    """All at once."""
    begun = [
        subprocess.Popen([*curl_words(), "-o", f"{number}.tar", url], cwd=folder, env=environment())
        for number, url in enumerate(urls)
    ]
    if any([process.wait() for process in begun]):  # noqa: C419 - every one has to be waited for
        raise RuntimeError("curl failed")


def curl_words(authority: str = "") -> list[str]:
    trust = ["--cacert", authority] if authority else []
    key = environment()["AIHUB_APIKEY"]
    return ["curl", "--silent", "--show-error", "--fail", "-L", *trust, "-H", f"apikey:{key}"]


def official(folder: Path, url: str, authority: str = "", *, test: bool = True) -> None:
    more = f"--cacert {authority}" if authority else ""
    variables = environment(URL=url, CURL_MORE=more, TEST="yes" if test else "")
    subprocess.run(["bash", "-c", _OFFICIAL], cwd=folder, env=variables, check=True)


def aria2c(folder: Path, *words: str, authority: str = "") -> None:
    """Nothing of the machine's own settings, and no line of text a second. Raises `RuntimeError` with its errors."""
    trust = ["--ca-certificate", authority] if authority else []
    quiet = ["--console-log-level=error", "--show-console-readout=false", "--summary-interval=0"]
    quiet.append("--download-result=hide")
    command = ["aria2c", "--no-conf", *quiet, "--file-allocation=none", *trust, "-d", str(folder), *words]
    _run(command, environment())


def s5cmd(endpoint: str, *words: str) -> None:
    command = [web.program("s5cmd") or "s5cmd", "--log", "error", "--endpoint-url", endpoint, *words]
    subprocess.run(command, env=environment(**web.keys()), check=True)


def s3_bucket(endpoint: str, bucket: str) -> None:
    """Made where it is not there yet."""
    command = [web.program("s5cmd") or "s5cmd", "--log", "error", "--endpoint-url", endpoint, "mb", f"s3://{bucket}"]
    subprocess.run(command, env=environment(**web.keys()), check=False, capture_output=True)


def rclone_copy(endpoint: str, folder: Path, target: str) -> None:
    """All below `folder` to `target` (bucket and prefix); it is not told to look first, for nothing is there."""
    keys = web.keys()
    remote = {
        "RCLONE_CONFIG_B_TYPE": "s3", "RCLONE_CONFIG_B_PROVIDER": "Other", "RCLONE_CONFIG_B_ENDPOINT": endpoint,
        "RCLONE_CONFIG_B_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"],
        "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"], "RCLONE_CONFIG": os.devnull,
    }  # fmt: skip
    words = ["--exclude", ".aihub/**", "--s3-chunk-size", "16M", "--s3-upload-cutoff", "16M", "--no-traverse"]
    _run([web.program("rclone") or "rclone", "copy", str(folder), f"b:{target}", *words], environment(**remote))


def push(home: Path, folder: Path, target: str, endpoint: str) -> None:
    """`aihub push`; raises `RuntimeError` with what it said."""
    command = [*PROGRAM, "push", str(folder), target, "--endpoint", endpoint]
    _run(command, fetch_environment(home, **web.keys()))


def fetch_words(folder: Path, *words: str) -> list[str]:
    """`aihub fetch` into "to" of this folder."""
    return [*PROGRAM, "fetch", *words, "--to", str(folder / "to")]


def fetch_environment(folder: Path, authority: str = "", **more: str) -> dict[str, str]:
    return environment(authority, AIHUB_HOME=str(folder / "home"), AIHUB_API_URL=NO_HUB, **more)


def fetch(folder: Path, *words: str, authority: str = "", **more: str) -> None:
    """`aihub fetch`, its state in "home" and its files in "to"; raises `RuntimeError` with what it said."""
    _run(fetch_words(folder, *words), fetch_environment(folder, authority, **more))


def settings(folder: Path, *words: str) -> None:
    """`aihub settings set` for the runs of `fetch` in this folder."""
    _run([*PROGRAM, "settings", "set", *words], fetch_environment(folder))


def aihub(home: Path, hub: str, *words: str, authority: str = "") -> None:
    """The program's own command line, as a process; raises `RuntimeError` with what it said."""
    _run([*PROGRAM, *words], environment(authority, AIHUB_HOME=str(home), AIHUB_API_URL=hub))


def _run(command: list[str], variables: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
