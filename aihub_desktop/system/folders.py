"""Which hub, and which state folder belongs to it.

    user data folder/AIHub Desktop/          the queue, catalogue and logs of the hub itself
      └─ hubs/127.0.0.1_8080/                those of another hub: its keys, approvals and datasets are others

A state folder that a person names (`--home`, `AIHUB_HOME`) is taken as it is. A folder `data` beside the frozen program
takes the place of the user data folder: the portable one brings it along.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import platformdirs

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.settings import DEFAULT_HUB

HOME_VARIABLE: Final = "AIHUB_HOME"
HUB_VARIABLE: Final = "AIHUB_API_URL"
_NAME: Final = "AIHub Desktop"


def hub(explicit: str | None = None) -> str:
    """The hub's address, from `explicit`, else `AIHUB_API_URL`, else the hub itself; without a slash at its end.

    Raises `ProblemError` INSECURE, with the fact `address`, for what is neither https nor http on loopback.
    """
    text = (explicit or os.environ.get(HUB_VARIABLE) or DEFAULT_HUB).strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refusal(text) from None
    if not host or parts.username is not None or parts.query or parts.fragment:
        raise _refusal(text)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _refusal(text)
    bracketed = f"[{host}]" if ":" in host else host
    shown = "" if port is None or (parts.scheme, port) in (("https", 443), ("http", 80)) else f":{port}"
    return f"{parts.scheme}://{bracketed}{shown}{parts.path.rstrip('/')}"


def home(hub: str, explicit: str | None = None) -> Path:
    """The state folder for `hub`, absolute; not created here."""
    if named := explicit or os.environ.get(HOME_VARIABLE):
        return Path(named).expanduser().absolute()
    base = _portable() or Path(platformdirs.user_data_dir(_NAME, appauthor=False, roaming=False))
    return base if hub == DEFAULT_HUB else base / "hubs" / _folder_name(urlsplit(hub))


def _portable() -> Path | None:
    beside = Path(sys.executable).parent / "data"
    return beside if getattr(sys, "frozen", False) and beside.is_dir() else None


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine and nothing else."""
    if host.rstrip(".").casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _folder_name(parts: SplitResult) -> str:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{parts.hostname}_{port}{parts.path}")


def _refusal(text: str) -> ProblemError:
    return ProblemError(Code.INSECURE, address=re.sub(r"//[^/@]*@", "//", text)[:200])
