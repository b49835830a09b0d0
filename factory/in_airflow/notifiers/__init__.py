"""Alerts in Airflow: callbacks that import their notifier only when something happened."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


class Notify:
    """A callback: `notifier` is a module with `send(event, context, **arguments)`."""

    def __init__(self, notifier: str, arguments: dict[str, Any], event: str) -> None:
        self.notifier = notifier
        self.arguments = arguments
        self.event = event

    def __call__(self, context: Mapping[str, Any]) -> None:
        """Send; Airflow logs what goes wrong and goes on."""
        importlib.import_module(self.notifier).send(self.event, context, **self.arguments)
