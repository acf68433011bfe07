"""The official script's way from the hub to files, step by step with its own tools, against the demo hub.

It judges the demo hub: what curl, tar and cat make of its answers are the catalogue's bytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import MAIN, MANY, ODD_NAMES, SPLIT

_TOOLS: Final = ("bash", "curl", "tar", "find", "sed", "sort")
_MISSING: Final = [tool for tool in _TOOLS if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the official script does not run on Windows"),
    pytest.mark.skipif(bool(_MISSING), reason=f"the flow needs {', '.join(_MISSING)} on the PATH"),
]

# One tar, unpacked beside itself; then the pieces of each name joined in the order of their offsets.
_FLOW: Final = r"""
set -euo pipefail
curl --silent --show-error -L -H "apikey:$AIHUB_APIKEY" -o download.tar "$URL"
tar -xf download.tar
rm download.tar
find . -type f -name '*.part*' | sed -E 's/\.part[0-9]+$//' | sort -u | while IFS= read -r prefix; do
    for piece in "$prefix".part*; do
        printf '%s\n' "${piece##*.part}"
    done | sort -n | while IFS= read -r offset; do
        cat "$prefix.part$offset"
        rm "$prefix.part$offset"
    done > "$prefix"
done
"""


def official(hub: DemoHub, dataset: str, folder: Path, file_keys: str = "all", *, kind: str = "") -> None:
    """Fills `folder` with the files of `dataset` as the official script would. `kind`: "pckage/" for a package."""
    environment = {
        **os.environ,
        "AIHUB_APIKEY": DEMO_KEY,
        "URL": f"{hub.url}/down/{kind}0.6/{dataset}.do?fileSn={file_keys}",
    }
    done = subprocess.run(
        ["bash", "-c", _FLOW], cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by its path, parts joined by "/"."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("dataset", [MAIN, MANY, SPLIT, ODD_NAMES])
def test_the_official_flow_yields_the_catalogues_bytes(hub: DemoHub, folder: Path, dataset: str) -> None:
    official(hub, dataset, folder)

    offer = hub.catalogue.dataset(dataset)
    assert offer is not None
    wanted = {file.path.replace(" ", "_"): hub.catalogue.bytes_of(file.key) for file in offer.files}
    got = tree_of(folder)
    assert sorted(got) == sorted(wanted)
    assert [path for path in wanted if got[path] != wanted[path]] == []


def test_some_files_by_their_keys(hub: DemoHub, folder: Path) -> None:
    offer = hub.catalogue.dataset(MAIN)
    assert offer is not None
    chosen = [offer.files[8], offer.files[0]]

    official(hub, MAIN, folder, ",".join(file.key for file in chosen))

    assert tree_of(folder) == {file.path.replace(" ", "_"): hub.catalogue.bytes_of(file.key) for file in chosen}


def test_a_package(hub: DemoHub, folder: Path) -> None:
    (offer, *_) = hub.catalogue.packages

    official(hub, offer.key, folder, kind="pckage/")

    assert tree_of(folder) == {file.path.replace(" ", "_"): hub.catalogue.bytes_of(file.key) for file in offer.files}
