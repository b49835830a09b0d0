"""Reports for people and for programs, one module each; it is imported when it is chosen."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from factory.lint.report import Report

FORMATS = ("text", "github", "sarif", "junit", "json")

Paint = Callable[[str, str], str]
"""(style, text) → the text in that style: `error`, `warning`, `strong`, `faint` or `good`."""

Reporter = Callable[[Report, Path, Paint], Iterator[str]]
"""(report, the folder that file names count from, paint) → lines."""


def reporter(name: str) -> Reporter:
    """The reporter of a name, that of its module in this package."""
    module = importlib.import_module(f"factory.lint.reporters.{name}")
    return cast("Reporter", module.report)


def plain(style: str, text: str) -> str:
    """A paint without colours."""
    return text


__all__ = ["FORMATS", "Paint", "Reporter", "plain", "reporter"]
