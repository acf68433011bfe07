"""The demo hub in a process of its own, in the place of `origin`: the same files, its own way of sending.

python -m tests.bench.demo_origin < OFFER
"""

from __future__ import annotations

import sys

import msgspec

from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.content import Content, Noise
from aihub_desktop.demo.hub import DemoHub

from .origin import Offer


def main() -> int:
    offer = msgspec.json.decode(sys.stdin.buffer.readline(), type=Offer)
    files: dict[str, bytes | Content] = {file.path: Noise(file.size) for file in offer.files}
    with DemoHub(Catalogue.of(files), piece_size=1 << 30) as hub:
        print(msgspec.json.encode({"url": hub.url}).decode(), flush=True)
        sys.stdin.buffer.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
