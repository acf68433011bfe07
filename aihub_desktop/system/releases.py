"""Where the project tells its newest version."""

from __future__ import annotations

import os
from typing import Final

from aihub_desktop.system import folders

# The project has no address of its own yet, and one that was guessed could belong to strangers, whom every window
# would then believe. Until it is entered here, nothing asks and Settings has no switch for it.
RELEASES: Final = ""
VARIABLE: Final = "AIHUB_RELEASES_URL"


def address() -> str:
    """Of the document that `domain.releases` reads; "" where this build has none.

    Raises `ProblemError` INSECURE where the variable names what is neither https nor http on loopback.
    """
    named = os.environ.get(VARIABLE) or RELEASES
    return folders.hub(named) if named else ""
