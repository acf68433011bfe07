"""All targets by name."""

from __future__ import annotations

from typing import Final

from . import archives, folders, streams, texts, unpacked
from .target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target for module in (streams, archives, folders, texts, unpacked) for target in module.TARGETS
}
