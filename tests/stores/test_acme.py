"""A store of another package."""

import pytest

from factory.stores import Place, open_uri

from .contract import Outlives


class TestAcme(Outlives):
    @pytest.fixture
    def place(self, acme: None) -> Place:
        return open_uri("acme://box/some/folder")
