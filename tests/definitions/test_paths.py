import pytest

from factory.definitions import paths


@pytest.mark.parametrize(
    ("path", "begins"),
    [
        ("/in/*/x.csv", "/in"),
        ("/in/x*.csv", "/in"),
        ("/in/x.csv", "/in"),
        ("/in//", "/in"),
        ("*.csv", ""),
        ("file:///in/[ab]/", "file:///in"),
    ],
)
def test_where_a_path_begins(path: str, begins: str) -> None:
    assert paths.beginning(path) == begins


@pytest.mark.parametrize(
    ("path", "file", "name"),
    [
        ("/in/*/x.csv", "/in/b/x.csv", "b/x.csv"),
        ("/in/x[1].csv", "/in/x[1].csv", "x[1].csv"),
        ("/in//*.csv", "/in/x.csv", "x.csv"),
        ("/in/", "/in/a/x.csv", "a/x.csv"),
        ("", "a/x.csv", "a/x.csv"),
    ],
)
def test_what_a_file_is_called_below_it(path: str, file: str, name: str) -> None:
    assert paths.name_below(path, file) == name


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [("/a/b", "/a", True), ("/a/", "/a", True), ("/ab", "/a", False), ("/a", "", True)],
)
def test_what_is_below_a_folder(path: str, folder: str, inside: bool) -> None:
    assert paths.is_below(path, folder) is inside


@pytest.mark.parametrize("path", ["acme://box", "acme://box/", "acme://box/*", "file:///**/x"])
def test_all_of_a_store(path: str) -> None:
    assert paths.is_whole(paths.inside(path))


@pytest.mark.parametrize("path", ["acme://box/a*", "file:///data/", "file:///x.csv"])
def test_not_all_of_a_store(path: str) -> None:
    assert not paths.is_whole(paths.inside(path))
