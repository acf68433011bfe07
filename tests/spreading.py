"""Ground for tests of a batch that is spread over the workers of a cluster."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.batchfile import BatchFile, DatasetWish
from aihub_desktop.domain.batchtext import written


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    path = tmp_path / "mine.aihubbatch"
    path.write_bytes(written(BatchFile(1, "감성", datasets=(DatasetWish("90001"),))))
    return path


def asked(hub: DemoHub) -> Counter[str]:
    """How often each file key was asked for."""
    return Counter(key for seen in hub.requests if seen.host == "stream" for key in seen.file_keys)
