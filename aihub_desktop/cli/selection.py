"""Which files of a dataset a person means: `domain/selection` has it, for the window too."""

from __future__ import annotations

from aihub_desktop.domain.selection import chosen, fits, unknown_keys

__all__ = ["chosen", "fits", "unknown_keys"]
