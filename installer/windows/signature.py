"""Authenticode signatures, where there is a certificate: AIHUB_SIGN_CERTIFICATE (PKCS#12) and AIHUB_SIGN_PASSWORD.

osslsigncode signs, on every system; the time is attested by AIHUB_SIGN_TIMESTAMP (an address) if it is set. Without a
certificate nothing is signed, and nothing is said to be.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from installer.common import NAME, BuildError, run

CERTIFICATE: Final = "AIHUB_SIGN_CERTIFICATE"
PASSWORD: Final = "AIHUB_SIGN_PASSWORD"
TIMESTAMP: Final = "AIHUB_SIGN_TIMESTAMP"


def sign(*files: Path) -> bool:
    """Signs each in its place; whether there was a certificate. Raises `BuildError`."""
    certificate = os.environ.get(CERTIFICATE)
    if not certificate:
        return False
    if not Path(certificate).is_file():
        raise BuildError(f"{CERTIFICATE} names no file")
    with tempfile.TemporaryDirectory() as place:
        secret = Path(place) / "password"  # not on the command line, which every user of the machine may read
        secret.touch(0o600)
        secret.write_text(os.environ.get(PASSWORD, ""), encoding="utf-8")
        for file in files:
            _sign(file, certificate, secret, Path(place) / "signed")
    return True


def _sign(file: Path, certificate: str, secret: Path, signed: Path) -> None:
    stamp = ["-ts", os.environ[TIMESTAMP]] if os.environ.get(TIMESTAMP) else []
    words = ["-pkcs12", certificate, "-readpass", str(secret), "-n", NAME, "-h", "sha256", *stamp]
    run(["osslsigncode", "sign", *words, "-in", file, "-out", signed])
    signed.replace(file)
