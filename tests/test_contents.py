"""What a file is, by its path alone: for training or validation, source or label, to be read, how much it grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from aihub_desktop.domain.contents import (
    PARTS,
    Kind,
    Part,
    Pick,
    Split,
    folder_names,
    traits_of,
    unpacked,
)
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.sources.aihub import listing

TREES = Path(__file__).resolve().parents[2] / "shared" / "hub" / "trees"
TRAINING, VALIDATION = Split.TRAINING, Split.VALIDATION
MB = 1 << 20


@pytest.mark.parametrize(
    ("path", "split", "kind"),
    [
        ("009.소리/3.개방데이터/1.데이터/Training/01.원천데이터/TS_01.골목.zip", TRAINING, Kind.SOURCE),
        ("009.소리/1.데이터/Training/02.라벨링데이터/TL_01.골목.zip", TRAINING, Kind.LABEL),
        ("009.소리/01.데이터/2.Validation/VS_바닷가.zip", VALIDATION, Kind.SOURCE),
        ("009.소리/01.데이터/VL_02..실외.zip", VALIDATION, Kind.LABEL),
        ("소리/TS1.zip", TRAINING, Kind.SOURCE),
        # The nearest folder decides, whatever the file calls itself.
        ("009.소리/Validation/02.라벨링데이터/원천데이터.zip", VALIDATION, Kind.LABEL),
        ("007.랜드마크_AD/01.데이터/1.Training/라벨링데이터_0828_ADD/충청남도.zip", TRAINING, Kind.LABEL),
        ("145.상표/01.데이터/01. Training/[라벨]train.zip", TRAINING, Kind.LABEL),
        ("145.상표/01.데이터/train_partly/[원천]a.zip", TRAINING, Kind.SOURCE),
        ("019.위성/1.Training/label_v2/train_water.zip", TRAINING, Kind.LABEL),
        ("001.요약/Valid_법률_data/valid_original.zip", VALIDATION, Kind.OTHER),
        ("검증/9.검증데이터/1.원시데이터/a.zip", VALIDATION, Kind.SOURCE),
        # The title of a dataset is no statement about its files.
        ("115.라벨 학습 Training 데이터/other/a.zip", Split.OTHER, Kind.OTHER),
        ("034.자연 발화/1.데이터/Other/Other.z05", Split.OTHER, Kind.OTHER),
        # Words within words, and letters before words.
        ("뿌리/constraint/valley/a.zip", Split.OTHER, Kind.OTHER),
        ("뿌리/세상물정/TSUNAMI_1.zip", Split.OTHER, Kind.OTHER),
        # Something to read about labels is no label; a label in a text file is one.
        ("009.소리/1.설명서/라벨 구조.json", Split.OTHER, Kind.OTHER),
        ("009.소리/라벨 설명.pdf", Split.OTHER, Kind.OTHER),
        ("009.소리/Training/라벨링데이터/a.txt", TRAINING, Kind.LABEL),
        ("a.zip", Split.OTHER, Kind.OTHER),
        ("", Split.OTHER, Kind.OTHER),
    ],
)
def test_a_part_is_told_by_the_path(path: str, split: Split, kind: Kind) -> None:
    assert traits_of(path).part == Part(split, kind)
    assert traits_of(path).part in PARTS


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("뿌리/a.pdf", True), ("뿌리/a.HWP", True), ("뿌리/2. 사용 매뉴얼/a.zip", True), ("뿌리/Document/a.zip", True),
        ("뿌리/데이터 설명서/a.csv", True), ("뿌리/문서/a.bin", True), ("뿌리/documentary/a.zip", False),
        ("뿌리/공공행정문서/a.zip", False), ("뿌리/a.csv", False),
    ],
)  # fmt: skip
def test_documents_are_known(path: str, told: bool) -> None:
    assert (Pick.DOCUMENTS in traits_of(path).picks) is told


def test_a_file_belongs_to_every_pick_that_fits() -> None:
    path = "뿌리/01-1.Sample/1.Training/라벨링데이터/읽어 주세요.txt"
    assert traits_of(path).picks == {Pick.LABELS, Pick.TRAINING, Pick.DOCUMENTS, Pick.SAMPLES}
    assert traits_of("sample/a.bin").picks == traits_of("sample.bin").picks == frozenset()


def test_what_unpacking_takes_is_a_guess_with_a_sure_lower_end() -> None:
    def taken(path: str, *, volume: bool = False) -> tuple[int, int]:
        file = RemoteFile("aihub", "1", "1", path, SizeRange(10 * MB, 20 * MB, "15 MB"))
        size = unpacked(file, traits_of(path).part, volume=volume)
        return size.low // MB, size.high // MB

    assert taken("r/Training/원천데이터/a.ZIP") == (10, 26)
    assert taken("r/Training/라벨링데이터/a.tar.gz") == (10, 600)
    assert taken("r/a.tar") == (10, 60)
    assert taken("r/a.csv") == taken("r/a.egg") == taken("r/a.z01") == (0, 0)
    assert taken("r/a.z01", volume=True) == (10, 60)


def test_folder_names_come_once() -> None:
    assert folder_names(["가/나/1", "가/다/2", "가/나/3", "4", "나/5"]) == ["가", "나", "다"]


@pytest.mark.skipif(not TREES.is_dir(), reason="the hub's real answers are not part of the project")
def test_real_trees_fall_into_parts() -> None:
    for path in sorted(TREES.glob("*.txt")):
        files = listing.parse_tree(path.read_text(encoding="utf-8"), Dataset("aihub", path.stem, "")).files
        told = [traits_of(file.path).part for file in files]
        known = sum(part.kind is not Kind.OTHER and part.split is not Split.OTHER for part in told)
        assert known >= len(files) * 0.7, path.stem
