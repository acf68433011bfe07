"""All targets by name."""

from __future__ import annotations

from typing import Final

from . import archives, folders, leftovers, streams, texts, unpacked
from .target import Target

_MODULES: Final = (streams, archives, folders, leftovers, texts, unpacked)

TARGETS: Final[dict[str, Target]] = {target.name: target for module in _MODULES for target in module.TARGETS}
