"""Ground for tests of pushing: libraries with a ledger, and what lies in a storage afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus

from commandline import Aihub, Run
from engines import sha256
from objects import Writer
from servers import Storage

from aihub_desktop.domain.model import HUB
from aihub_desktop.transport.ledger import Entry, Ledger

MANIFEST: Final = "manifest-sha256.txt"
LOG: Final = "aihub-log.jsonl"


def shelved(folder: Path, files: Mapping[str, bytes], source: str = HUB, dataset: str = "90001") -> None:
    """A library: the files, and a ledger in which they stand as proved."""
    entries = []
    for number, (place, body) in enumerate(files.items()):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        entries.append(
            Entry(place, sha256(body), len(body), source, dataset, key=str(number), path=place, proof="length")
        )
    Ledger(folder).record(entries)


def keys_of(storage: Storage) -> dict[str, str]:
    """The variables by which a run finds its keys."""
    keys = storage.credentials
    return {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key.reveal()}


def push(aihub: Aihub, storage: Storage, *words: str | Path, **variables: str) -> Run:
    return aihub("push", *words, "--endpoint", storage.endpoint, "--json", **keys_of(storage), **variables)


def lying(storage: Storage, bucket: str, prefix: str) -> dict[str, bytes]:
    """What objects are below the prefix, read as anybody would."""
    with Writer(storage) as reader:
        listed = reader.send("GET", f"/{bucket}?encoding-type=url&prefix={prefix.replace('/', '%2F')}").decode()
        keys = [unquote_plus(key) for key in re.findall(r"<Key>([^<]*)</Key>", listed)]
        return {key.removeprefix(prefix): reader.get(bucket, key) for key in keys if not key.endswith("/")}


def told(objects: Mapping[str, bytes]) -> dict[str, str]:
    """The manifest's hashes by path, as `sha256sum` would read them."""
    lines = objects[MANIFEST].decode().splitlines()
    return {line[66:]: line[:64] for line in lines}


def check_contents(objects: Mapping[str, bytes], right: Mapping[str, bytes]) -> None:
    """Just the right files, and a manifest of them."""
    found = {name: hashlib.sha256(body).hexdigest() for name, body in objects.items() if name not in (MANIFEST, LOG)}
    assert found == {name: sha256(body) for name, body in right.items()}
    assert told(objects) == found
