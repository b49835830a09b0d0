"""What Airflow reads as templates: files beside a spec, and values that keep their type."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound, Undefined, nodes
from jinja2.compiler import CodeGenerator
from jinja2.loaders import split_template_path

from factory.spec import links


class TemplateFiles(BaseLoader):
    """As `FileSystemLoader`, but a link that leads out of the project is no template."""

    def __init__(self, folder: str, root: Path) -> None:
        self.folder = folder
        self.root = root

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Text, path, and whether it is still the same."""
        path = Path(self.folder, *split_template_path(template))
        try:
            with links.reading(path, self.root) as file:
                text, changed = file.read().decode(), os.fstat(file.fileno()).st_mtime
        except links.Outside:
            raise TemplateNotFound(template, f"{template}: {links.MESSAGE}") from None
        except OSError:
            raise TemplateNotFound(template, f"{template!r} not found in {self.folder}") from None
        return text, str(path), lambda: path.is_file() and path.stat().st_mtime == changed


def keys_first(environment: Environment) -> None:
    """Let a mapping's own keys come before Python's methods, as `{{ params.update }}` is meant.

    Jinja gives the method: true to an `if`, and within a text `<built-in method …>`. So it does for
    `x['update']` where there is no such key. What is called is the method: `x.items()`.
    """
    by_attribute, by_item = environment.getattr, environment.getitem
    generator: Any = environment.code_generator_class
    environment.code_generator_class = _telling_calls(generator)

    def getattr_(obj: Any, attribute: str) -> Any:
        if attribute.endswith(_CALLED):
            return by_attribute(obj, attribute.removesuffix(_CALLED))
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return by_attribute(obj, attribute)

    def getitem(obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict) and isinstance(argument, str) and argument not in obj:
            return environment.undefined(obj=obj, name=argument)
        return by_item(obj, argument)

    environment.getattr = getattr_  # type: ignore[method-assign]
    environment.getitem = getitem  # type: ignore[method-assign]


_CALLED = "()"
"""Stands behind an attribute that is called; no name has it."""


@cache
def _telling_calls(generator: Any) -> type[CodeGenerator]:
    class TellingCalls(generator):  # type: ignore[misc]
        def visit_Call(self, node: nodes.Call, *args: Any, **kwargs: Any) -> None:  # noqa: N802
            of = node.node
            if isinstance(of, nodes.Getattr) and hasattr(dict, of.attr):
                of.attr += _CALLED
            super().visit_Call(node, *args, **kwargs)

    return TellingCalls


_LONE = re.compile(r"\s*\{\{[-+]?(?P<inside>.*?)[-+]?\}\}\s*", re.DOTALL)


def lone_expression(text: str, env: Environment) -> str:
    """The expression of a text that is nothing but one `{{ … }}`, or an empty string.

    :raises jinja2.TemplateSyntaxError: it is no template.
    """
    match = _LONE.fullmatch(text)
    if match is None:
        return ""
    body = env.parse(text.strip()).body
    is_lone = len(body) == 1 and isinstance(body[0], nodes.Output) and len(body[0].nodes) == 1
    return match["inside"] if is_lone else ""


def evaluated(expression: str, env: Environment, context: Mapping[str, Any]) -> Any:
    """What an expression gives, as it is.

    :raises jinja2.UndefinedError: a name in it has no value.
    """
    value = env.compile_expression(expression, undefined_to_none=False)(**context)
    if isinstance(value, Undefined):
        return str(value)  # raises where Airflow would
    return value


class Expression:
    """A template in an operator's argument that keeps its type when it is nothing but `{{ … }}`.

    Airflow asks what has a `resolve` for its value, and stores and shows it as `serialize` says.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """What it gives in a running task."""
        env = context["dag"].get_template_env()
        if expression := lone_expression(self.text, env):
            return evaluated(expression, env, context)
        return env.from_string(self.text).render(context)

    def serialize(self) -> str:
        """What Airflow stores."""
        return self.text

    __repr__ = serialize
