"""Ground for tests of pushing: libraries with a ledger, and what lies in a storage afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus

from commandline import Aihub, Run
from engines import QUICK, sha256
from objects import Writer
from servers import Storage

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.model import HUB, Dataset, Secret
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.storage import S3Place
from aihub_desktop.engine.pushing.depot import MEMORY, Depot
from aihub_desktop.engine.pushing.fate import Fate
from aihub_desktop.engine.pushing.record import Record
from aihub_desktop.engine.pushing.shelf import Shelf, wanted
from aihub_desktop.engine.pushing.through import Passage, Through
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.transport.ledger import Entry, Ledger

MANIFEST: Final = "manifest-sha256.txt"
LOG: Final = "aihub-log.jsonl"
BUCKET: Final = "pushed"
PART: Final = 5 << 20


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


class Pushing:
    """Runs of pushing in this process, below one prefix. `fates`: of the last run, by path."""

    def __init__(self, place: S3Place, home: Path, prefix: str = "p/", **settings: int | float | str) -> None:
        self.place, self.home, self.prefix = place, home, prefix
        self.settings = changed(Settings(), {**QUICK, **settings})
        self.fates: dict[str, Fate] = {}
        self.sent = 0
        self.passed = 0

    @contextlib.contextmanager
    def way(self, *, patience: float = 5.0) -> Iterator[tuple[Depot, Record]]:
        depot = Depot(self.place, BUCKET, self.prefix, self.settings, patience)
        record = Record(self.home, self.place.endpoint, BUCKET, self.prefix)
        try:
            depot.land()
            yield depot, record
        finally:
            self.sent = depot.sent
            record.close()
            depot.close()

    def shelf(self, folder: Path, *, replace: bool = False, memory: int = MEMORY) -> int:
        self.fates = {}
        with self.way() as (depot, record):
            entries = wanted(folder, lambda place: True)
            shelf = Shelf(
                depot, record, folder, entries, self.hear, replace=replace, part_bytes=PART, memory=memory
            )  # fmt: skip
            try:
                return shelf.run()
            finally:
                self.passed = shelf.progress.passed

    def through(self, hub: DemoHub, *, keys: Sequence[str] = (), patience: float = 5.0, replace: bool = False) -> int:
        self.fates = {}
        source = AIHub(hub.url, user_agent="test")
        dataset = Dataset(HUB, "90001", "")
        files = [file for file in source.files(dataset).files if not keys or file.key in keys]
        source.close()
        passage = Passage(hub.url, dataset, files, Secret(DEMO_KEY), Learned())
        with self.way(patience=patience) as (depot, record):
            through = Through(depot, record, passage, self.hear, replace=replace, part_bytes=PART)
            try:
                return through.run()
            finally:
                self.passed = through.progress.passed

    def hear(self, fate: Fate) -> None:
        assert fate.path not in self.fates, "told twice"
        self.fates[fate.path] = fate

    @property
    def outcomes(self) -> dict[str, str]:
        return {path: fate.outcome.value for path, fate in self.fates.items()}

    @property
    def codes(self) -> dict[str, Code]:
        return {path: fate.problem.code for path, fate in self.fates.items() if fate.problem is not None}
