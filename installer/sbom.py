"""The bill of materials: what the frozen program is made of, with versions and licences, as CycloneDX."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from installer import freeze
from installer.common import DIST, NAME, ROOT, VERSION, BuildError, epoch, platform_name

LOCK: Final = ROOT / "requirements.txt"


def sbom() -> Path:
    """dist/aihub-desktop-VERSION-PLATFORM.cdx.json, of the folder that `freeze` made. Raises `BuildError`."""
    packed = next(DIST.glob("**/aihub_desktop/resources/licences.json.gz"), None)
    if packed is None or not freeze.FOLDER.is_dir():
        raise BuildError("first: python installer/build.py freeze")
    rows = json.loads(gzip.decompress(packed.read_bytes()))
    locked = hashes()
    own, *others = [component(row, locked) for row in rows]
    bom = Bom(components=others, serial_number=uuid5(NAMESPACE_URL, f"{NAME} {VERSION} {platform_name()}"))
    bom.metadata.component = own
    bom.metadata.timestamp = datetime.fromtimestamp(epoch(), UTC)
    bom.register_dependency(own, others)
    made = DIST / f"{NAME}-{VERSION}-{platform_name()}.cdx.json"
    made.write_text(JsonV1Dot6(bom).output_as_string(indent=1) + "\n", encoding="utf-8")
    return made


def component(row: dict[str, str], locked: dict[str, list[str]]) -> Component:
    name, is_own = row["name"], row["name"] == NAME
    plain = re.sub(r"[-_.]+", "-", name).lower()
    hashed = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in locked.get(plain, [])]
    return Component(
        type=ComponentType.APPLICATION if is_own else ComponentType.LIBRARY,
        name=name,
        version=row["version"],
        bom_ref=f"{plain}@{row['version']}",
        purl=PackageURL("pypi", None, plain, row["version"]) if hashed else None,
        licenses=[LicenseFactory().make_from_string(row["licence"])] if row["licence"] else [],
        # Of the archives that the lock allows for this version; the one of this system is among them.
        hashes=hashed[:1] if len(hashed) == 1 else [],
    )


def hashes() -> dict[str, list[str]]:
    """Of each locked package the SHA-256 of its archives."""
    return dict(_hashes(LOCK.read_text(encoding="utf-8")))


def _hashes(text: str) -> Iterator[tuple[str, list[str]]]:
    for name, rest in re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)==[^\n]*((?:\n +--hash=[^\n]+)*)", text):
        yield name, re.findall(r"sha256:([0-9a-f]{64})", rest)
