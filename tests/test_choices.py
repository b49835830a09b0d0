"""Choices that other packages may add to."""

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import pytest
from msgspec import Meta

from factory import choices, registry
from factory.definitions.checks import RowCount as Built
from factory.errors import FactoryError
from factory.fields import Strict


class Circle(Strict, frozen=True, kw_only=True, tag="circle", tag_field="type"):
    """Round."""

    radius: int = 1

    def area(self) -> int:
        return self.radius


class HasArea(Protocol):
    def area(self) -> int: ...


AnyShape: Any = choices.opened("shapes", Circle, needs=HasArea)


class Drawing(Strict, frozen=True, kw_only=True):
    """What is drawn."""

    title: str = "untitled"
    shape: Annotated[AnyShape, Meta(description="The one in the middle.")]
    others: Annotated[list[AnyShape], Meta(description="The rest.")] = msgspec.field(
        default_factory=list
    )
    size: int = 3


STRICT = (
    "from typing import Annotated, Any\nfrom msgspec import Meta\n"
    "from factory.fields import Strict\n"
    "class Shape(Strict, frozen=True, tag=__name__.rpartition('.')[2], tag_field='type'):\n"
)
SHAPES = {
    "square": """
        from factory.fields import Strict
        class Shape(Strict, frozen=True, tag="square", tag_field="type"):
            side: int = 2
            def area(self) -> int: return self.side ** 2
    """,
    "broken": "raise RuntimeError('no licence')",
    "other_word": "class Shape(msgspec.Struct, tag='x', tag_field='type'): ...",
    "no_struct": "Shape = 3",
    "no_area": "class Shape(msgspec.Struct, tag='no_area', tag_field='type'): ...",
    "no_type": STRICT + "    a: 'nonsense'\n    def area(self): ...",
    "no_value": STRICT + "    a: list[complex] = []\n    def area(self): ...",
    "no_pattern": STRICT
    + "    a: Annotated[str, Meta(pattern=r'(?P<x>a)(?P=x)')] = 'aa'\n    def area(self): ...",
    "no_schema": STRICT
    + "    a: Annotated[str, Meta(extra_json_schema={'type': 3})] = ''\n    def area(self): ...",
    "no_default": STRICT + "    a: Any = object\n    def area(self): ...",
    "lax": "class Shape(msgspec.Struct, tag='lax', tag_field='type'):\n    def area(self): ...",
    "abstract": "import abc\n" + STRICT + "    @abc.abstractmethod\n    def area(self): ...",
    "prints": "print('hello')\n" + STRICT + "    def area(self): ...",
    "circle": "raise AssertionError('a built-in one wins')",
}


def forget() -> None:
    registry.outside.cache_clear()
    choices.forget()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a package that offers some of the shapes."""
    package, metadata = tmp_path / "outside_shapes", tmp_path / "outside_shapes-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-shapes\nVersion: 1\n")

    def install(*names: str) -> None:
        offers = "".join(f"{name} = outside_shapes.{name}:Shape\n" for name in names)
        (metadata / "entry_points.txt").write_text(f"[dag_factory.shapes]\n{offers}")
        for name in names:
            text = textwrap.dedent(SHAPES[name])
            (package / f"{name}.py").write_text(f"import msgspec\n{text}")
        forget()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    for name in [name for name in sys.modules if name.startswith("outside_shapes")]:
        del sys.modules[name]
    forget()


def loaded() -> set[str]:
    return {name for name in sys.modules if name.startswith("outside_shapes.")}


def test_what_is_built_in_looks_for_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "outside", lambda group: pytest.fail(f"looked for {group}"))
    some: tuple[Any, ...] = (
        {"shape": {"type": "circle"}},
        {"shape": 3},
        {"others": {}},
        {},
        None,
        "x",
    )
    for given in some:
        assert choices.widened(Drawing, given) is Drawing


def test_what_is_named_is_taken_and_nothing_else(installed: Callable[..., None]) -> None:
    installed("square", "broken")
    given = {"shape": {"type": "square"}, "others": [{"type": "circle"}, {"type": "square"}]}
    wide = choices.widened(Drawing, given)
    found: Any = msgspec.convert(given, wide)
    assert isinstance(found, Drawing)
    assert (found.shape.area(), [entry.area() for entry in found.others]) == (4, [1, 4])
    assert loaded() == {"outside_shapes.square"}
    assert choices.widened(Drawing, given) is wide
    assert choices.added(wide) == ("the shape 'square'",)
    assert choices.added(Drawing) == ()
    assert (wide.__name__, wide.__doc__) == ("Drawing", Drawing.__doc__)
    assert wide.__struct_fields__ == Drawing.__struct_fields__
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({**given, "x": 1}, wide)


def test_a_word_that_nobody_offers_tells_those_that_can_be_used(
    installed: Callable[..., None],
) -> None:
    installed("square", "broken", "no_area")
    wide = choices.widened(Drawing, {"shape": {"type": "sqare"}})
    assert choices.added(wide) == ("the shape 'square'",)
    installed()
    assert choices.widened(Drawing, {"shape": {"type": "sqare"}}) is Drawing


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "does not load: RuntimeError"),
        ("other_word", "the shape 'other_word' is not a Struct with"),
        ("no_struct", "the shape 'no_struct' is not a Struct with"),
        ("no_area", "the shape 'no_area' has no `area`"),
        ("abstract", "the shape 'abstract' has no `area`"),
        ("lax", "the shape 'lax' lets unknown keys pass"),
        ("no_value", "the shape 'no_value' has the field 'a', of which no file can have a complex"),
        ("no_pattern", "the shape 'no_pattern' has the field 'a', whose pattern .* a schema can"),
        ("no_schema", "the shape 'no_schema' has the field 'a', whose `extra_json_schema` is no"),
        ("no_default", "the shape 'no_default' has the field 'a', whose default no file can say"),
        ("no_type", "the shape 'no_type' has fields that cannot be"),
    ],
)
def test_what_cannot_be_used(name: str, message: str, installed: Callable[..., None]) -> None:
    installed(name)
    with pytest.raises(choices.Unusable, match=message) as raised:
        choices.widened(Drawing, {"others": [{"type": "circle"}, {"type": name}]})
    assert raised.value.path == ("others", 1, "type")
    (broken,) = choices.unusable(Drawing)
    assert re.search(message, broken.message)
    assert str(broken).startswith(f"the shape {name!r} of the package outside-shapes: ")


def test_all_that_can_be_used_leaves_the_broken_out(installed: Callable[..., None]) -> None:
    installed("broken", "square", "no_pattern")
    assert choices.added(choices.whole(Drawing)) == ("the shape 'square'",)
    assert [one.name for one in choices.unusable(Drawing)] == ["broken", "no_pattern"]


def test_what_fails_is_told_at_its_word(installed: Callable[..., None]) -> None:
    installed("square")
    given = {"shape": {"type": "circle"}, "others": [{"type": "square"}]}
    found: Any = msgspec.convert(given, choices.widened(Drawing, given))
    told = "the other 'square' fails: ValueError\\('no area'\\)"
    blaming = choices.blaming(found.others[0], "others", 0)
    with pytest.raises(choices.Unusable, match=told) as raised, blaming:
        raise ValueError("no area")
    assert raised.value.path == ("others", 0, "type")
    for passes in (KeyboardInterrupt(), FactoryError("a reason"), GeneratorExit()):
        with pytest.raises(type(passes)), choices.blaming(found.others[0], "others", 0):
            raise passes
    with pytest.raises(ValueError, match="of ours"), choices.blaming(Built(), "shape"):
        raise ValueError("of ours")


def test_a_built_in_one_wins(installed: Callable[..., None]) -> None:
    installed("circle")
    assert choices.widened(Drawing, {"shape": {"type": "circle"}}) is Drawing
    assert choices.whole(Drawing) is Drawing
    installed("circle", "square")
    assert choices.added(choices.whole(Drawing)) == ("the shape 'square'",)


def test_what_a_module_prints_is_no_output_of_ours(
    installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    installed("prints")
    choices.widened(Drawing, {"shape": {"type": "prints"}})
    assert capsys.readouterr() == ("", "hello\n")


def test_a_part_that_is_no_method_is_asked_for() -> None:
    class HasColour(Protocol):
        colour: str

    offered: Any = choices.opened("shapes", Circle, needs=HasColour, also=("radius",))
    assert offered.__metadata__[0].extra["dag_factory"].needs == ("colour", "radius")
