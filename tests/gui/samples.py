"""Archives as the hub's datasets have them, for looks inside: pictures, sounds, labels, and what is wrong with some."""

from __future__ import annotations

import io
import json
import math
import wave
import zipfile
from pathlib import Path
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter, QLinearGradient, QPainter

from aihub_desktop.transport.ledger import Entry, Ledger

LABELS: Final = 12
DAMAGED: Final = "원천데이터/손상된 사진.png"
LOCKED: Final = "원천데이터/잠긴 문서.pdf"


def picture(width: int = 960, height: int = 640, form: str = "PNG") -> bytes:
    """A plain landscape."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    sky = QLinearGradient(0, 0, 0, height)
    sky.setColorAt(0, QColor("#9cc7e8"))
    sky.setColorAt(1, QColor("#f7e3c0"))
    painter.fillRect(image.rect(), sky)
    painter.setPen(Qt.PenStyle.NoPen)
    for layer, colour in enumerate(("#7ba386", "#5b8a6c", "#3c6b52")):
        painter.setBrush(QColor(colour))
        base = height * (0.55 + 0.14 * layer)
        hills = [QPointF(0, height)]
        hills += [
            QPointF(x, base - height * 0.08 * math.sin(x / width * (5 + layer * 3) + layer))
            for x in range(0, width + 8, 8)
        ]
        painter.drawPolygon([*hills, QPointF(width, height)])
    painter.end()
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, QByteArray(form.encode())).write(image)
    return bytes(held.data())


def sound(seconds: float = 2.5) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(round(16_000 * seconds) * 2))
    return out.getvalue()


def label(number: int) -> bytes:
    """In one line, as most of them come."""
    boxes = [{"class": "갈매기", "bbox": [120 + number, 80, 340, 221], "score": 0.97, "occluded": False}]
    about = {"file": f"IMG_{number:04}.jpg", "width": 960, "height": 640, "taken": None, "place": "강릉 안목해변"}
    return json.dumps({"image": about, "annotations": boxes}, ensure_ascii=False).encode()


def files() -> dict[str, bytes]:
    """Of a dataset, by their names."""
    found = {f"라벨링데이터/IMG_{number:04}.json": label(number) for number in range(LABELS)}
    found |= {f"원천데이터/사진/IMG_{number:04}.jpg": picture(form="JPG") for number in range(3)}
    found["원천데이터/사진/큰 그림.bmp"] = picture(400, 300, "BMP")
    found["원천데이터/소리/dialog_0001.wav"] = sound()
    found["메타데이터/화자.csv"] = "이름,나이,지역\n가,31,강릉\n나,27,서울\n".encode("cp949")
    found["메타데이터/readme.txt"] = "바닷가 사진과 라벨\n".encode()
    found["도구/view.html"] = b"<script>alert(1)</script>"
    found["도구/setup.exe"] = b"MZ" + bytes(range(256)) * 4
    found["도구/picture.png"] = b"MZ" + bytes(range(256)) * 4  # a program under another name
    return found


def dataset(path: Path) -> Path:
    """A zip of all that, made by Python, with one entry damaged."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files().items():
            archive.writestr(name, data)
        archive.writestr(zipfile.ZipInfo(DAMAGED), picture(200, 100))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"IEND", 0, content.index(b"PK\x01\x02"))
    content[at - 20] ^= 0xFF
    path.write_bytes(content)
    return path


def korean(path: Path) -> Path:
    """With names in cp949 that do not say so, and an entry that is locked."""
    names = [name.encode("cp949") for name in ("한글 폴더/대화 기록 1.txt", "한글 폴더/대화 기록 2.txt", LOCKED)]
    stand_ins = [f"{number}".ljust(len(name), "x") for number, name in enumerate(names)]
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(stand_ins):
            archive.writestr(name, f"대화 {number}\n")
    data = bytearray(path.read_bytes())
    for at in (data.index(stand_ins[-1].encode()) - 24, data.rindex(stand_ins[-1].encode()) - 38):
        data[at] |= 1  # the flag of what is encrypted
    for stand_in, real in zip(stand_ins, names, strict=True):
        data = data.replace(stand_in.encode(), real)
    path.write_bytes(data)
    return path


def shelved(folder: Path, *places: str) -> Path:
    """The folder as a download leaves it: these files are in its ledger."""
    entries = [
        Entry(place, "0" * 64, (folder / place).stat().st_size, "aihub", "553", False, str(number), place, "archive",
              "2026-11-18T07:06:40+00:00")
        for number, place in enumerate(places)
    ]  # fmt: skip
    Ledger(folder).record(entries)
    return folder
