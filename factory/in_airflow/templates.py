"""Files beside a spec that Airflow reads as templates, such as `report.sql`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound
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
