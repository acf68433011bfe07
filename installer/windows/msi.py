"""aihub-desktop-VERSION-windows-x64.msi, for administrators who roll programs out: for everybody, without questions.

wixl and msibuild (Debian: wixl, msitools) build it on Linux from a folder that Windows froze.
Only ASCII: wixl loses other signs of a product's name. Every identifier is made from the version or the file's name, so
that the same folder gives the same package.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

from installer.common import BUILD, DIST, NAME, VERSION, run
from installer.windows import signature
from installer.windows.contents import Contents, contents

# By this an upgrade finds the version before: it never changes.
UPGRADES: Final = uuid.UUID("5f0c1c3e-6a4e-5a4b-9a4e-0d1f0a9d6c11")
COMMAND: Final = "[INSTALLDIR]aihub-desktop.exe"


def msi() -> Path:
    """Builds it. Raises `BuildError`."""
    into = DIST / f"{NAME}-{VERSION}-windows-x64.msi"
    packed(contents(), BUILD, into, version=VERSION)
    signature.sign(into)
    return into


def packed(found: Contents, build: Path, into: Path, *, version: str) -> None:
    build.mkdir(parents=True, exist_ok=True)
    command = build / "aihub.cmd"
    command.write_bytes(b'@"%~dp0..\\aihub.exe" %*\r\n')
    source = build / "aihub-desktop.wxs"
    # wixl finds files by paths that are relative to where it runs, and no others.
    source.write_text(described(found, os.path.relpath(command, build), version, build), encoding="utf-8")
    run(["wixl", "--arch", "x64", "--output", into, source.name], folder=build)
    _add_path(build, into)


def _add_path(build: Path, package: Path) -> None:
    """By the system's own table, which wixl does not know: "=-*" sets it in everybody's and takes it away again."""
    table = build / "Environment.idt"
    rows = [
        ("Environment", "Name", "Value", "Component_"),
        ("s72", "l255", "L255", "s72"),
        ("Environment", "Environment"),
        ("path", "=-*PATH", "[~];[INSTALLDIR]bin", _key("c", "settings")),
    ]
    table.write_bytes("".join("\t".join(row) + "\r\n" for row in rows).encode())
    run(["msibuild", package, "-i", table])
    for action, number in (("RemoveEnvironmentStrings", 3300), ("WriteEnvironmentStrings", 5200)):
        insert = "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`)"
        run(["msibuild", package, "-q", f"{insert} VALUES ('{action}', '', {number})"])


def described(found: Contents, command: str, version: str, build: Path) -> str:
    """The package as wixl reads it in the folder `build`."""
    numbers = version.split("+", maxsplit=1)[0]
    names = [*found.files, "bin/aihub.cmd", "settings"]
    features = "\n".join(f'<ComponentRef Id="{_key("c", name)}"/>' for name in names)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="{_guid("product " + version)}" Name="AI Hub Desktop" Language="1033" Version="{numbers}"
  Manufacturer="AI Hub Desktop" UpgradeCode="{UPGRADES}">
<Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine" Description="AI Hub Desktop"/>
<MajorUpgrade DowngradeErrorMessage="A newer version is installed already."/>
<Media Id="1" Cabinet="files.cab" EmbedCab="yes"/>
<Property Id="ARPNOMODIFY" Value="1"/>
<Directory Id="TARGETDIR" Name="SourceDir">
<Directory Id="ProgramFiles64Folder"><Directory Id="INSTALLDIR" Name="AI Hub Desktop">
{_level(found, "", os.path.relpath(found.folder, build))}
<Directory Id="bin" Name="bin">{_file("bin/aihub.cmd", command)}</Directory>
{_settings()}
</Directory></Directory>
<Directory Id="ProgramMenuFolder"/>
</Directory>
<Feature Id="whole" Title="AI Hub Desktop" Level="1">
{features}
</Feature>
</Product>
</Wix>
"""


def _level(found: Contents, folder: str, root: str) -> str:
    return "\n".join(_parts(found, folder, root))


def _parts(found: Contents, folder: str, root: str) -> Iterator[str]:
    for name in found.files:
        if name.rpartition("/")[0] == folder:
            yield _file(name, f"{root}/{name}")
    for below in found.folders:
        if below.rpartition("/")[0] == folder:
            name = quoteattr(below.rpartition("/")[2])
            yield f'<Directory Id="{_key("d", below)}" Name={name}>\n{_level(found, below, root)}\n</Directory>'


def _file(name: str, source: str) -> str:
    key, shortcut = _key("f", name), ""
    if name == "aihub-desktop.exe":
        shortcut = '<Shortcut Id="menu" Directory="ProgramMenuFolder" Name="AI Hub Desktop" Advertise="no"/>'
    file = f'<File Id="{key}" Source={quoteattr(source)} KeyPath="yes">{shortcut}</File>'
    return f'<Component Id="{_key("c", name)}" Guid="{_guid(name)}" Win64="yes">{file}</Component>'


def _settings() -> str:
    """Links and batch files."""
    opened = quoteattr(f'"{COMMAND}" -- "%1"')
    rows = [
        ("Software\\Classes\\.aihubbatch", "", '"AIHubDesktop.Batch"'),
        ("Software\\Classes\\AIHubDesktop.Batch", "", '"AI Hub batch"'),
        ("Software\\Classes\\AIHubDesktop.Batch\\DefaultIcon", "", f'"{COMMAND},0"'),
        ("Software\\Classes\\AIHubDesktop.Batch\\shell\\open\\command", "", opened),
        ("Software\\Classes\\aihub", "", '"URL:AI Hub"'),
        ("Software\\Classes\\aihub", ' Name="URL Protocol"', '""'),
        ("Software\\Classes\\aihub\\shell\\open\\command", "", opened),
    ]
    values = "\n".join(
        f'<RegistryValue Root="HKLM" Key="{key}"{name} Type="string" Value={value}/>' for key, name, value in rows
    )
    kept = 'Key="Software\\AI Hub Desktop" Name="Folder" Type="string" Value="[INSTALLDIR]" KeyPath="yes"'
    return f"""<Component Id="{_key("c", "settings")}" Guid="{_guid("settings")}" Win64="yes">
<RegistryValue Root="HKLM" {kept}/>
{values}
</Component>"""


def _key(kind: str, name: str) -> str:
    return f"{kind}{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _guid(name: str) -> str:
    return str(uuid.uuid5(UPGRADES, name)).upper()
