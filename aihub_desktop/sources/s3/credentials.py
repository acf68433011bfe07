"""A placeholder."""

from __future__ import annotations

import os

from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials


def from_profile(profile: str = "") -> Credentials | None:
    """A placeholder."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return None
    return Credentials(key, Secret(secret), Secret(os.environ.get("AWS_SESSION_TOKEN", "")))
