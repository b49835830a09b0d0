"""The page that says how to add a store shows what is tested."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "add-a-store.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    parts = PAGE.split(f"```{language}\n")[1:]
    return [part.partition("```")[0] for part in parts]


def test_the_code_is_that_of_the_tests() -> None:
    store, contract = blocks("python")
    assert store == (TESTS / "outside/acme_store/acme_store.py").read_text(encoding="utf-8")
    ours = (TESTS / "stores/test_acme.py").read_text(encoding="utf-8")
    assert contract.replace("from tests.stores.contract", "from .contract") in ours


def test_the_entry_point_is_that_of_the_tests() -> None:
    (toml,) = blocks("toml")
    offered = TESTS / "outside/acme_store/acme_store-1.0.dist-info/entry_points.txt"
    heading, line = offered.read_text(encoding="utf-8").splitlines()
    group, name, module = heading.strip("[]"), *line.split(" = ")
    assert toml == f'[project.entry-points."{group}"]\n{name} = "{module}"\n'
