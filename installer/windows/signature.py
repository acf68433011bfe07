"""Authenticode signatures, where there is a certificate: AIHUB_CERTIFICATE (PKCS#12) and AIHUB_CERTIFICATE_PASSWORD.

PowerShell signs on Windows, osslsigncode elsewhere; the time is attested by AIHUB_TIMESTAMP (an address) if it is set.
Without a certificate nothing is signed, and nothing is said to be. The password is on no command line.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from installer.common import NAME, BuildError, run

CERTIFICATE: Final = "AIHUB_CERTIFICATE"
PASSWORD: Final = "AIHUB_CERTIFICATE_PASSWORD"
TIMESTAMP: Final = "AIHUB_TIMESTAMP"


def sign(*files: Path) -> bool:
    """Signs each in its place; whether there was a certificate. Raises `BuildError`."""
    certificate = os.environ.get(CERTIFICATE)
    if not certificate:
        return False
    if not Path(certificate).is_file():
        raise BuildError(f"{CERTIFICATE} names no file")
    if sys.platform == "win32":
        for file in files:
            _sign_on_windows(file)
        return True
    with tempfile.TemporaryDirectory() as place:
        secret = Path(place) / "password"  # not on the command line, which every user of the machine may read
        secret.touch(0o600)
        secret.write_text(os.environ.get(PASSWORD, ""), encoding="utf-8")
        for file in files:
            _sign(file, certificate, secret, Path(place) / "signed")
    return True


# By the environment alone: whoever lists processes sees neither the password nor a path with quotes in it.
POWERSHELL: Final = """\
$ErrorActionPreference = 'Stop'
$password = if ($env:AIHUB_CERTIFICATE_PASSWORD) { $env:AIHUB_CERTIFICATE_PASSWORD } else { '' }
$kind = [Security.Cryptography.X509Certificates.X509Certificate2]
$given = @{ FilePath = $env:AIHUB_SIGNED; HashAlgorithm = 'SHA256'
            Certificate = $kind::new($env:AIHUB_CERTIFICATE, $password) }
if ($env:AIHUB_TIMESTAMP) { $given.TimestampServer = $env:AIHUB_TIMESTAMP }
$done = Set-AuthenticodeSignature @given
if (-not $done.SignerCertificate) { throw $done.StatusMessage }
"""


def _sign_on_windows(file: Path) -> None:
    words = ["powershell", "-NoProfile", "-NonInteractive", "-Command", POWERSHELL]
    run(words, environ={**os.environ, "AIHUB_SIGNED": str(file)})


def _sign(file: Path, certificate: str, secret: Path, signed: Path) -> None:
    stamp = ["-ts", os.environ[TIMESTAMP]] if os.environ.get(TIMESTAMP) else []
    words = ["-pkcs12", certificate, "-readpass", str(secret), "-n", NAME, "-h", "sha256", *stamp]
    run(["osslsigncode", "sign", *words, "-in", file, "-out", signed])
    signed.replace(file)
