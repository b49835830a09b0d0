"""A store of another package."""

import pytest

from factory.stores import open_uri
from factory.stores.model import Place

from .contract import Outlives


class TestAcme(Outlives):
    @pytest.fixture
    def place(self, acme: None) -> Place:
        return open_uri("acme://box/some/folder")
