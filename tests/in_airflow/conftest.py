import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

# before anything imports Airflow: it writes its configuration where this says
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

Write = Callable[[str, str], Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty configuration root."""
    folder = tmp_path / "dag_factory_configs"
    folder.mkdir()
    return folder


@pytest.fixture
def write(root: Path) -> Write:
    """Write a file below the configuration root."""

    def write(name: str, text: str) -> Path:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write
