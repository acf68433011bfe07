"""The disk image of macOS: the app, a link to /Applications, signed and notarised where there are credentials.

    AIHUB_CODESIGN_IDENTITY    the name of a "Developer ID Application" certificate in the keychain
    AIHUB_NOTARY_PROFILE       the name under which `xcrun notarytool store-credentials` keeps the account
    AIHUB_NOTARY_KEYCHAIN      the file of the keychain that keeps it, where that is not the user's own

Without the first, the app has the ad-hoc signature that PyInstaller gives it, and Gatekeeper will ask.
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
    if identity:
        # PyInstaller signed each library by the same identity; what was added afterwards broke the seal of the whole.
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
    run(["codesign", "--force", "--timestamp", "--options", "runtime", *words, "--sign", identity, path])


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
