"""The standard catalogue of the demo hub: invented datasets, small, and as odd as the hub's own.

About 65 MB in all, each file made when its dataset is first looked at.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aihub_desktop.demo.archives import Entry, document, split_zip, tarred, workbook, zipped
from aihub_desktop.demo.catalogue import Access, Catalogue, DemoDataset, first_key_of
from aihub_desktop.demo.content import Content, Made, noise

Files = Mapping[str, bytes | Content]

MAIN: Final = "90001"  # about 40 MB: the one to show
SPLIT: Final = "90002"  # a zip in volumes .z01 .z02 … .zip
CP949: Final = "90003"  # names in code page 949, and archives that are no zips
MANY: Final = "90004"  # 300 small files
NOT_APPROVED: Final = "90005"
EXPIRED: Final = "90006"
ODD_NAMES: Final = "90007"
ZIP64: Final = "90008"
HIDDEN: Final = "90009"
PACKAGE: Final = "90002"  # a package whose key is a dataset's too: only the kind tells them apart

_PLACES: Final = ("골목", "시장", "강변", "지하철역", "놀이터", "항구", "논둑", "옥상")
_THINGS: Final = ("발걸음", "빗소리", "수레바퀴", "풍경", "자전거 종", "두부 장수", "매미", "파도")


@dataclass(frozen=True, slots=True)
class _Plan:
    """One row of the catalogue."""

    key: str
    title: str
    make: Callable[[], Files]
    access: Access = Access.APPROVED
    package: bool = False
    notice: str = ""


def standard() -> Catalogue:
    """The whole catalogue. Cheap: nothing is made before it is asked for."""
    return Catalogue(
        DemoDataset(
            plan.key,
            plan.title,
            plan.make,
            access=plan.access,
            package=plan.package,
            notice=plan.notice,
            first_key=first_key_of(place),
            numbering=_shuffled,
        )
        for place, plan in enumerate(_PLANS)
    )


def _shuffled(path: str) -> str:
    """A sort key that is stable between runs and blind to names."""
    return hashlib.sha256(path.encode()).hexdigest()


def _main() -> Files:
    root = "009.골목과 시장의 소리/3.개방데이터/1.데이터"
    train, valid = f"{root}/Training", f"{root}/Validation"
    return {
        f"{train}/01.원천데이터/TS_01.골목(낮).zip": Made(lambda: _sounds(1, 9 << 20)),
        f"{train}/01.원천데이터/TS_02.시장·항구.zip": Made(lambda: _sounds(2, 11 << 20)),
        f"{train}/01.원천데이터/TS_03.강변 산책로.zip": Made(lambda: _sounds(3, (6 << 20) + 4097)),
        f"{train}/02.라벨링데이터/TL_02.시장·항구.zip": Made(lambda: _labels(5, 260)),
        f"{train}/02.라벨링데이터/TL_01.골목(낮).zip": Made(lambda: _labels(4, 220)),
        f"{train}/02.라벨링데이터/TL_03.강변 산책로.zip": Made(lambda: _labels(6, 90)),
        f"{valid}/01.원천데이터/원천데이터.zip": Made(lambda: _sounds(7, 8 << 20)),
        f"{valid}/02.라벨링데이터/원천데이터.zip": Made(lambda: _labels(8, 40)),
        f"{root}/Other/소리 목록, 전체.csv": Made(lambda: _table(9, 4000)),
        f"{root}/Other/채집 장소.xlsx": Made(lambda: _sheet(10)),
        "009.골목과 시장의 소리/1.설명서/데이터 설명서 v1.2.pdf": Made(
            lambda: document("Sounds of alleys and markets")
        ),
        "009.골목과 시장의 소리/1.설명서/라벨 구조.json": Made(lambda: _label(11)),
        "009.골목과 시장의 소리/2.모델/체크포인트.bin": Made(lambda: noise((3 << 20) - 11, 12)),
    }


def _split() -> Files:
    root = "021.바닷가 식물 사진/01.데이터"
    entries = [_picture(20, place) for place in range(12)]
    volumes = split_zip("TS_바닷가 식물(전체)", entries, 2 << 20)
    return {
        **{f"{root}/1.Training/원천데이터/{name}": data for name, data in volumes.items()},
        f"{root}/1.Training/라벨링데이터/TL_바닷가 식물.zip": Made(lambda: _labels(21, 60)),
        f"{root}/2.Validation/VS_바닷가 식물.zip": Made(lambda: zipped([_picture(22, 1), _picture(22, 2)])),
    }


def _cp949() -> Files:
    root = "034.옛 편지 말뭉치"
    letters = {f"편지/{number:03}_안부.txt": _letter(30 + number).encode("cp949") for number in range(80)}
    return {
        f"{root}/01.원문/편지(완성형).zip": Made(
            lambda: zipped(
                Entry(name=name, data=data, deflated=True, encoding="cp949") for name, data in letters.items()
            )
        ),
        f"{root}/01.원문/편지(역슬래시).zip": Made(
            lambda: zipped(
                Entry(name=name.replace("/", "\\"), data=data, encoding="cp949") for name, data in letters.items()
            )
        ),
        f"{root}/02.전사/편지.tar": Made(lambda: tarred(letters)),
        f"{root}/02.전사/편지.tar.gz": Made(lambda: tarred(letters, gzipped=True)),
        f"{root}/02.전사/편지 목록.csv": Made(lambda: _table(31, 80)),
    }


def _many() -> Files:
    chance = random.Random(40)
    files: dict[str, bytes | Content] = {}
    for number in range(300):
        folder = f"052.마을버스 정류장 이용 기록/{_PLACES[number % 8]}/{2019 + number % 5}년"
        if number % 3:
            files[f"{folder}/정류장_{number:03}.csv"] = _table(number, chance.randrange(24, 900))
        else:
            files[f"{folder}/정류장_{number:03}.json"] = _labelled(number, chance.randrange(4, 160))
    return files


def _odd() -> Files:
    root = "077.이름이 까다로운 파일"
    deep = "/".join(f"{number:02}.{place} 관찰 기록과 그에 딸린 자료" for number, place in enumerate(_PLACES, 1))
    names = [
        f"{root}/[원천]간판_실내간판&실외간판 100%.zip",
        f"{root}/[라벨]간판~표지판+R&B (최종).Zip",
        f"{root}/VL_02..실외.zip",
        f"{root}/대화·발화 – 단위 • 평가.zip",
        f"{root}/中國語 번역.zip",
        f"{root}/앞 뒤 빈칸.csv",
        f"{root}/두  칸.csv",
        f"{root}/파이프 없는 이름, 쉼표 있는 이름.csv",
        f"{root}/{deep}/한 번 더 들어간 곳의 파일.csv",
        f"{root}/{'긴 이름 ' * 15}끝.json",
        f"{root}/상품#1？.csv",
        f"{root}/같은 이름/자료.csv",
        f"{root}/같은 이름 2/자료.csv",
        f"{root}/버전 1.part0/자료.csv",
        f"{root}/빈 파일.csv",
    ]
    files: dict[str, bytes | Content] = {name: _by_kind(70 + place, name) for place, name in enumerate(names)}
    files[names[-1]] = b""
    return files


def _zip64() -> Files:
    def wide() -> bytes:
        pictures = [_picture(80, place) for place in range(3)]
        return zipped(Entry(name=item.name, data=item.data, zip64=True) for item in pictures)

    def streamed() -> bytes:
        rows = {f"관측/{place}.json": _label(place) for place in range(40)}
        return zipped(Entry(name=name, data=data, deflated=True, descriptor=True) for name, data in rows.items())

    root = "080.천문대 관측 사진/01.데이터"
    return {
        f"{root}/TS_관측(64비트).zip": Made(wide),
        f"{root}/TL_관측(흐름).zip": Made(streamed),
        f"{root}/빈 압축.zip": Made(lambda: zipped([])),
    }


def _small(number: int, name: str) -> Callable[[], Files]:
    """The files of an everyday dataset."""
    root = f"{number:03}.{name}"

    def make() -> Files:
        return {
            f"{root}/01.데이터/1.Training/원천데이터/TS_{name}.zip": Made(lambda: _sounds(number, 400_000)),
            f"{root}/01.데이터/1.Training/라벨링데이터/TL_{name}.zip": Made(lambda: _labels(number + 1, 30)),
            f"{root}/01.데이터/2.Validation/원천데이터/VS_{name}.zip": Made(lambda: _sounds(number + 2, 120_000)),
            f"{root}/01.데이터/2.Validation/라벨링데이터/VL_{name}.zip": Made(lambda: _labels(number + 3, 10)),
            f"{root}/02.설명서/{name} 설명서.pdf": Made(lambda: document(f"Dataset {number}")),
        }

    return make


def _by_kind(seed: int, name: str) -> bytes:
    if name.casefold().endswith(".zip"):
        return _labels(seed, 12)
    return _label(seed) if name.endswith(".json") else _table(seed, 60)


def _sounds(seed: int, size: int) -> bytes:
    """A zip, stored, of recordings with Korean names; about `size` bytes."""
    count = max(2, size >> 20)
    return zipped(
        Entry(
            name=f"{_PLACES[place % 8]}/{place:04}_{_THINGS[place * 3 % 8]}.wav",
            data=_wave(seed * 100 + place, size // count),
        )
        for place in range(count)
    )


def _wave(seed: int, size: int) -> bytes:
    samples = noise(size - 44 & ~1, seed)
    form = struct.pack("<4sL2H2L2H", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    return (
        struct.pack("<4sL4s", b"RIFF", len(samples) + 36, b"WAVE")
        + form
        + struct.pack("<4sL", b"data", len(samples))
        + samples
    )


def _labels(seed: int, count: int) -> bytes:
    """A zip, deflated, of label files in folders."""
    return zipped(
        Entry(name=f"라벨/{_PLACES[place % 8]}/{place:05}.json", data=_label(seed * 1000 + place), deflated=True)
        for place in range(count)
    )


def _picture(seed: int, place: int) -> Entry:
    """A picture as an uncompressed BMP of noise, about half a MiB."""
    width, height = 512, 342
    pixels = noise(width * height * 3, seed * 100 + place)
    head = struct.pack("<2sLHHL", b"BM", 54 + len(pixels), 0, 0, 54)
    info = struct.pack("<L2l2H6L", 40, width, height, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return Entry(name=f"사진/{_PLACES[place % 8]}_{place:03}.bmp", data=head + info + pixels)


def _label(seed: int) -> bytes:
    return _labelled(seed, 12)


def _labelled(seed: int, count: int) -> bytes:
    chance = random.Random(seed)
    marks = [
        {
            "구간": [round(chance.uniform(0, 30), 2), round(chance.uniform(30, 60), 2)],
            "소리": chance.choice(_THINGS),
            "세기": chance.randrange(100),
        }
        for _ in range(count)
    ]
    return json.dumps(
        {"번호": seed, "장소": chance.choice(_PLACES), "표시": marks}, ensure_ascii=False, indent=1
    ).encode()


def _table(seed: int, rows: int) -> bytes:
    """Comma-separated, with the byte order mark that spreadsheets want."""
    chance = random.Random(seed)
    lines = ["번호,장소,소리,시각,세기"]
    for number in range(rows):
        clock = f"{chance.randrange(24):02}:{chance.randrange(60):02}"
        lines.append(f"{number},{chance.choice(_PLACES)},{chance.choice(_THINGS)},{clock},{chance.gauss(50, 9):.2f}")
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def _sheet(seed: int) -> bytes:
    chance = random.Random(seed)
    return workbook(
        (f"{number}", chance.choice(_PLACES), f"{37 + chance.random():.5f}", f"{127 + math.cos(number):.5f}")
        for number in range(200)
    )


def _letter(seed: int) -> str:
    chance = random.Random(seed)
    return "\n".join(f"{chance.choice(_PLACES)}에서 {chance.choice(_THINGS)} 소리를 듣고 씁니다." for _ in range(30))


_EVERYDAY: Final = (
    ("감나무 생육 영상", "감나무 생육 영상"),
    ("대나무 숲의 바람, 계절별 음향", "대나무 숲의 바람"),
    ("동네 빵집 진열대 이미지", "빵집 진열대"),
    ("등산로 표지판 글자 인식", "등산로 표지판"),
    ("한국어 안부 인사 음성, 연령대별", "안부 인사 음성"),
    ("한국어 사투리 요리 설명 대화", "사투리 요리 설명"),
    ("갯벌 생물 3차원 모형", "갯벌 생물 모형"),
    ("자전거 도로 노면 상태 이미지", "자전거 도로 노면"),
    ("장독대 온도·습도 기록", "장독대 온습도"),
    ("전통 매듭 손동작 모션캡처", "전통 매듭 손동작"),
    ("겨울 철새 울음소리 및 영상", "겨울 철새"),
    ("도서관 질의응답 말뭉치(2023)", "도서관 질의응답"),
    ("우체국 손글씨 주소 이미지", "손글씨 주소"),
    ("벼 이삭 개수 세기 드론 영상", "벼 이삭 드론"),
    ("안개 낀 다리 CCTV 이미지", "안개 낀 다리"),
    ("K-민요 가창 데이터", "민요 가창"),
)

_PLANS: Final = (
    _Plan(NOT_APPROVED, "산길 구조 요청 음성", _small(305, "산길 구조 요청"), Access.NOT_APPROVED),
    _Plan(
        MAIN, "골목과 시장의 소리, 걷는 사람의 자리에서 (데모)", _main, notice="2026-03-02 라벨 오류 12건을 고쳤습니다."
    ),
    _Plan(SPLIT, "바닷가 식물 사진 및 설명문, 분할 압축", _split),
    _Plan(CP949, "옛 편지 말뭉치", _cp949),
    _Plan(MANY, "마을버스 정류장 이용 기록", _many),
    _Plan(EXPIRED, "계절별 하늘 영상", _small(306, "계절별 하늘"), Access.EXPIRED),
    _Plan(ODD_NAMES, "이름이 까다로운 파일 모음 [시험용], 100%", _odd),
    _Plan(ZIP64, "천문대 관측 사진", _zip64),
    _Plan(HIDDEN, "공개 준비 중인 데이터", _small(309, "공개 준비 중"), Access.HIDDEN),
    *(_Plan(str(90010 + place), title, _small(310 + 4 * place, name)) for place, (title, name) in enumerate(_EVERYDAY)),
    _Plan("501", "산불 대응 데이터 묶음, 2026", _small(501, "산불 대응"), package=True),
    _Plan(PACKAGE, "농촌 생활 소리 묶음", _small(506, "농촌 생활 소리"), package=True),
)
