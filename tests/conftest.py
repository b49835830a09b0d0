from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.embedded.postgres import Server, running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("postgres") / "data"
    with running(data) as server:
        yield server
