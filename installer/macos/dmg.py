"""The disk image of macOS: the app, a link to /Applications, signed and notarised where there are credentials.

    AIHUB_CODESIGN_IDENTITY    the name of a "Developer ID Application" certificate in the keychain
    AIHUB_NOTARY_PROFILE       the name under which `xcrun notarytool store-credentials` keeps the account
    AIHUB_NOTARY_KEYCHAIN      the file of the keychain that keeps it, where that is not the user's own

Without the first, the app is signed ad hoc, and Gatekeeper will ask.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from installer.common import BUILD, DIST, NAME, ROOT, VERSION, BuildError, platform_name, run

APP: Final = DIST / "AI Hub Desktop.app"
ENTITLEMENTS: Final = ROOT / "installer" / "macos" / "entitlements.plist"


def dmg() -> Path:
    """dist/aihub-desktop-VERSION-macos-ARCH.dmg, of the app that `freeze` made. Raises `BuildError`."""
    if not APP.is_dir():
        raise BuildError("first: python installer/build.py freeze")
    identity = os.environ.get("AIHUB_CODESIGN_IDENTITY", "")
    # PyInstaller signed each library by the same identity, or by none; what was added since broke the whole's seal.
    sign(APP, identity, "--entitlements", str(ENTITLEMENTS))
    run(["codesign", "--verify", "--deep", "--strict", APP])
    made = DIST / f"{NAME}-{VERSION}-{platform_name()}.dmg"
    made.unlink(missing_ok=True)
    run(["hdiutil", "create", "-volname", "AI Hub Desktop", "-srcfolder", laid_out(), "-format", "ULFO", made])
    if identity:
        sign(made, identity)
        notarise(made)
    return made


def laid_out() -> Path:
    """The folder that the image shows."""
    folder = BUILD / "dmg"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(APP, folder / APP.name, symlinks=True)
    (folder / "Applications").symlink_to("/Applications")
    return folder


def sign(path: Path, identity: str, *words: str) -> None:
    """By nobody (ad hoc) where there is no identity, which Apple's clock does not attest."""
    timed = ["--timestamp"] if identity else []
    run(["codesign", "--force", *timed, "--options", "runtime", *words, "--sign", identity or "-", path])


def notarise(image: Path) -> None:
    """Apple looks at it, and its word is stapled to the image, so that it holds without a network."""
    profile = os.environ.get("AIHUB_NOTARY_PROFILE")
    if not profile:
        raise BuildError("signed but not notarised: AIHUB_NOTARY_PROFILE is not set")
    keychain = os.environ.get("AIHUB_NOTARY_KEYCHAIN")
    # notarytool looks into no other keychain than the user's own unless it is named.
    place = ["--keychain", keychain] if keychain else []
    run(["xcrun", "notarytool", "submit", image, "--keychain-profile", profile, *place, "--wait"])
    run(["xcrun", "stapler", "staple", image])
    run(["xcrun", "stapler", "validate", image])
