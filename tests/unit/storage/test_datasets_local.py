"""Datasets on a local folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_behaviour import DatasetBehaviour

from engineshed.storage.objects import LocalStore, TableStore


class TestOnFolder(DatasetBehaviour):
    @pytest.fixture
    def store(self, tmp_path: Path) -> TableStore:
        return LocalStore(tmp_path / "root")
