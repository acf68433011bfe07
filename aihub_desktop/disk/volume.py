"""Volumes: which one holds a folder, what its file system can hold, and how much room there is.

The identity tells a drive from another one at the same path, after a reboot and at another port too. Where a
system gives none, "" stands for it, and nothing is refused for that.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

# All of the FAT family but exFAT: the length of a file is a number of 32 bits there.
_FAT: Final = frozenset({"fat", "fat12", "fat16", "fat32", "vfat", "msdos", "umsdos"})
_FAT_LARGEST: Final = (1 << 32) - 1


class Volume(msgspec.Struct, frozen=True):
    """As it is now. `device` only tells which folders share a volume, until it is mounted anew."""

    identity: str
    mount: str  # the folder at which it begins
    device: int
    file_system: str
    free: int  # for us, in bytes; 0 also where no new file can be made
    total: int
    turns: bool = False  # a hard disk, as far as the system tells

    @property
    def largest(self) -> int | None:
        """The longest file that it can hold, None for no limit that matters."""
        return _FAT_LARGEST if self.file_system.lower() in _FAT else None

    @property
    def mark(self) -> Mark:
        return Mark(self.identity, self.mount)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered of a volume. As text it is the identity, a line's end, the mount point."""

    identity: str
    mount: str

    @classmethod
    def of(cls, text: str) -> Mark | None:
        """None for "": nothing is remembered."""
        identity, _, mount = text.partition("\n")
        return cls(identity, mount) if text else None

    def __str__(self) -> str:
        return f"{self.identity}\n{self.mount}"

    def is_same(self, other: Mark) -> bool:
        """Whether `other`, seen now, is the volume remembered here; True also where nothing can be told.

        Where the mount point is gone one sees the volume above it, which may well be of the same device.
        """
        if self.mount != other.mount and _is_below(self.mount, other.mount):
            return False
        kinds = [one.identity.partition(":")[0] for one in (self, other)]
        return kinds[0] != kinds[1] or self.identity == other.identity


def _is_below(path: str, above: str) -> bool:
    with contextlib.suppress(ValueError):  # another drive of Windows
        return bool(above) and os.path.commonpath([path, above]) == os.path.normpath(above)
    return False


class _Kind(NamedTuple):
    identity: str
    mount: str
    file_system: str


def real_path(path: Path | str) -> str:
    """Without links, as far as the system follows them: Windows fails on some paths, of no link among them."""
    try:
        return os.path.realpath(path)
    except OSError:
        return os.path.abspath(path)


def volume_of(place: Path) -> Volume:
    """Of the volume that holds `place`, which exists. Raises `OSError`."""
    state = os.stat(place)
    usage = shutil.disk_usage(place)
    kind = _kind(real_path(place))
    free = 0 if _has_no_file_left(place) else usage.free
    return Volume(kind.identity, kind.mount, state.st_dev, kind.file_system, free, usage.total, _turns(state.st_dev))


def bears_many(place: Path) -> bool:
    """Whether several may read there at once: a disk that turns is best read by one. True where nothing is known."""
    try:
        return not volume_of(place).turns
    except OSError:
        return True


def _turns(device: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    folder = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    for queue in (folder / "queue/rotational", folder / "../queue/rotational"):  # the second of a partition
        with contextlib.suppress(OSError):
            return queue.read_text().strip() == "1"
    return False


def nearest(folder: Path) -> Path | None:
    """The folder itself, or the closest one above it that exists; None where not even a drive does.

    A link counts as what it leads to: one to a drive that is away leads to nothing. Raises `OSError`.
    """
    real = Path(real_path(folder))
    for place in (real, *real.parents):
        try:
            os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if getattr(error, "winerror", None) in _NO_DRIVE:
                continue
            raise
        return place
    return None


# Of Windows: not ready, bad network path, bad network name, no such device.
_NO_DRIVE: Final = frozenset({21, 53, 67, 55, 433})


def allocated(state: os.stat_result) -> int:
    """Bytes of the disk that a file takes up: more than was written where room was reserved, less with holes."""
    blocks = getattr(state, "st_blocks", None)
    return state.st_size if blocks is None else int(blocks) * 512


def is_unmounted(folder: Path, above: Path) -> bool:
    """Whether `folder`, which is not there, belongs on a drive that is not mounted. `above`: see `nearest`."""
    if sys.platform == "win32":
        return False
    real = real_path(folder)
    # Where systems put drives: what is missing right there is a drive, but for what is missing on one.
    if re.fullmatch(r"/Volumes|/media(/[^/]+)?|/run/media(/[^/]+)?", str(above)) and not os.path.ismount(above):
        return True
    return any(_is_below(real, point) and not os.path.ismount(point) for point in _configured())


def _configured() -> Iterator[str]:
    """The mount points that the machine's owner has set down."""
    with contextlib.suppress(OSError), open("/etc/fstab", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if len(words) > 2 and words[1].startswith("/") and words[1] != "/":
                yield _plain(words[1])


def _plain(text: str) -> str:
    r"""Tables of mounts spell a blank as \040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _has_no_file_left(place: Path) -> bool:
    if sys.platform == "win32":
        return False
    state = os.statvfs(place)
    return state.f_files > 0 and state.f_favail == 0


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _LONGEST_PATH: Final = 32768

    def _kind(place: str) -> _Kind:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        mount = ctypes.create_unicode_buffer(_LONGEST_PATH)
        if not kernel.GetVolumePathNameW(ctypes.c_wchar_p(place), mount, wintypes.DWORD(_LONGEST_PATH)):
            return _Kind("", "", "")
        serial, name = wintypes.DWORD(), ctypes.create_unicode_buffer(261)
        known = kernel.GetVolumeInformationW(
            ctypes.c_wchar_p(mount.value), None, wintypes.DWORD(0), ctypes.byref(serial), None, None, name,
            wintypes.DWORD(len(name)),
        )  # fmt: skip
        if not known:
            return _Kind("", mount.value, "")
        # The serial number lies on the volume; the GUID differs from machine to machine.
        return _Kind(f"serial:{serial.value:08x}" if serial.value else "", mount.value, name.value)

elif sys.platform == "darwin":
    import ctypes

    class _StatFS(ctypes.Structure):
        _fields_ = (
            ("sizes", ctypes.c_uint32 * 2), ("counts", ctypes.c_uint64 * 5), ("fsid", ctypes.c_int32 * 2),
            ("owner", ctypes.c_uint32), ("kind", ctypes.c_uint32), ("flags", ctypes.c_uint32),
            ("subtype", ctypes.c_uint32), ("type_name", ctypes.c_char * 16), ("mount", ctypes.c_char * 1024),
            ("source", ctypes.c_char * 1024), ("reserved", ctypes.c_uint32 * 8),
        )  # fmt: skip

    class _Wanted(ctypes.Structure):
        _fields_ = (
            ("count", ctypes.c_ushort), ("reserved", ctypes.c_uint16), ("common", ctypes.c_uint32),
            ("volume", ctypes.c_uint32), ("folder", ctypes.c_uint32), ("file", ctypes.c_uint32),
            ("fork", ctypes.c_uint32),
        )  # fmt: skip

    class _Found(ctypes.Structure):
        _fields_ = (("length", ctypes.c_uint32), ("uuid", ctypes.c_ubyte * 16))

    _VOLUME_UUID: Final = 0x80000000 | 0x00040000  # ATTR_VOL_INFO, ATTR_VOL_UUID

    def _kind(place: str) -> _Kind:
        library = ctypes.CDLL(None, use_errno=True)
        state = _StatFS()
        # Intel's library keeps the old layout under the plain name.
        call = getattr(library, "statfs$INODE64", None) or library.statfs
        if call(os.fsencode(place), ctypes.byref(state)) != 0:
            return _Kind("", "", "")
        mount, name = os.fsdecode(state.mount), state.type_name.decode("ascii", "replace")
        wanted, found = _Wanted(count=5, volume=_VOLUME_UUID), _Found()
        if library.getattrlist(state.mount, ctypes.byref(wanted), ctypes.byref(found), ctypes.sizeof(found), 0) != 0:
            source = os.fsdecode(state.source)
            return _Kind("" if source.startswith("/dev/") else f"source:{source}", mount, name)
        return _Kind(f"uuid:{bytes(found.uuid).hex()}", mount, name)

else:
    # Of these f_fsid is made from what lies on the volume (of a tmpfs: from the mount, with which its files go too);
    # elsewhere from the device's number, which another port changes.
    _OWN_FSID: Final = frozenset({"ext2", "ext3", "ext4", "btrfs", "zfs", "tmpfs"})
    _BY_UUID: Final = "/dev/disk/by-uuid"

    def _kind(place: str) -> _Kind:
        mount, file_system, source = _mounted(place)
        if source.startswith("/dev/") and (uuid := _uuid(source)):
            return _Kind(f"uuid:{uuid}", mount, file_system)
        if file_system in _OWN_FSID and (number := os.statvfs(place).f_fsid):
            return _Kind(f"fsid:{number:x}", mount, file_system)
        # server:/share, //server/share, user@server:
        is_network = ":" in source or source.startswith("//")
        return _Kind(f"source:{source}" if is_network else "", mount, file_system)

    def _mounted(place: str) -> tuple[str, str, str]:
        """(mount point, file system, source) of what is mounted closest above `place`."""
        best = ("/", "", "")
        with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                left, _, right = line.partition(" - ")
                point, kind = _plain(left.split(" ")[4]), right.split(" ")
                # Of two at one place the later hides the earlier.
                if len(point) >= len(best[0]) and _is_below(place, point):
                    best = (point, kind[0], kind[1])
        return best

    def _uuid(source: str) -> str:
        with contextlib.suppress(OSError):
            device = os.stat(source).st_rdev
            with os.scandir(_BY_UUID) as entries:
                return next((entry.name for entry in entries if os.stat(entry.path).st_rdev == device), "")
        return ""
