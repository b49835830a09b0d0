"""Values as YAML that a person would have written."""

from __future__ import annotations

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Dates without quotes, as the reader takes them; list entries indented."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # a class attribute of PyYAML's
        first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:timestamp"]
        for first, entries in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never without an indent."""
        del indentless
        super().increase_indent(flow, False)


def flow(value: Any) -> str:
    """On one line."""
    return _dump(value, flow=True).removesuffix("\n").removesuffix("\n...")


def block(value: Any) -> str:
    """On several lines."""
    return _dump(value, flow=False)


def _dump(value: Any, flow: bool) -> str:
    width = 10_000 if flow else 96
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=width,
    )
    return text
