"""Who loads the pipelines: the Dag files in Airflow's bundles, and what Airflow knows of us."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import msgspec

from factory.errors import words
from factory.extras import NAME
from factory.in_airflow.doctor.finding import Finding, error, names, ok, warning
from factory.in_airflow.doctor.installation import Installation
from factory.spec import discover

_LOADS = ("load(__file__",)
_REPORTS = ("problems(__file__", "report(__file__")  # the second: of an older version
Bundle = tuple[str, Path]
"""The name of a bundle, and its folder."""
_SKIPPED = {".git", ".venv", "__pycache__", "node_modules"}


class Loader(msgspec.Struct, frozen=True):
    """A Dag file that loads pipelines; `hidden` when Airflow does not see it."""

    bundle: str
    path: Path
    hidden: bool

    @property
    def root(self) -> Path:
        """The configuration folder that it reads."""
        from factory.in_airflow.loader import configs_beside

        return configs_beside(str(self.path))


def check_files(found: Installation) -> Iterator[Finding]:
    """The Dag files of all bundles."""
    loaders: list[Loader] = []
    reports: list[Loader] = []
    try:
        bundles = _bundles()
    except Exception as wrong:
        yield error(f"Airflow's bundles cannot be told: {words(wrong, 200)}", "mend its settings")
        return
    for name, path in bundles:
        if not path.is_dir():
            yield warning(
                f"the bundle {name!r} is not here yet: {path}",
                "its Dag processor makes it; look again on that machine",
            )
        loaders += _loaders(name, path, _LOADS)
        reports += _loaders(name, path, _REPORTS)
    yield from (_hidden(one) for one in (*loaders, *reports) if one.hidden)
    yield from _seen(found, [one for one in loaders if not one.hidden], reports, bundles)
    yield from _taken_for_dags(found, bundles)
    yield from _dag_factory()


def _seen(
    found: Installation,
    loaders: list[Loader],
    reports: list[Loader],
    bundles: list[Bundle],
) -> Iterator[Finding]:
    ours = [one for one in loaders if found.root and _same(one.root, found.root)]
    if not ours:
        yield error(
            f"no Dag file of Airflow's loads {found.root}: looked in "
            f"{names(str(path) for _, path in bundles)}",
            "put dags/pipelines.py and dags/pipeline_errors.py there (`factory init` writes them), "
            "with dag_factory_configs/ beside dags/, or set FACTORY_CONFIGS",
        )
        return
    yield ok(f"{ours[0].path} loads them, in the bundle {ours[0].bundle!r}")
    if not any(not one.hidden and _same(one.root, ours[0].root) for one in reports):
        yield warning(
            "no Dag file shows broken pipelines in Airflow's UI",
            f"put pipeline_errors.py beside {ours[0].path}",
        )
    yield from _twice(ours[0], [one for one in loaders if one != ours[0]])


def _twice(ours: Loader, others: list[Loader]) -> Iterator[Finding]:
    """Pipelines that two Dag files make: Airflow then takes now the one, now the other."""
    known = {path.stem for path in discover.discover(ours.root).files}
    for other in others:
        same = known & {path.stem for path in discover.discover(other.root).files}
        if same:
            yield error(
                f"{other.path} makes the same DAGs as {ours.path}: {names(same)}",
                "take one of the two files out of Airflow's bundles",
            )


def _taken_for_dags(found: Installation, bundles: list[Bundle]) -> Iterator[Finding]:
    """Python files beside the specs that Airflow imports to look for DAGs."""
    root = os.path.realpath(found.root) if found.root else ""
    for name, folder in bundles:
        within = os.path.relpath(root, os.path.realpath(folder)) if root else os.pardir
        if within.split(os.sep)[0] == os.pardir:
            continue
        if files := [path for path in sorted(_python(folder)) if path.startswith(root + os.sep)]:
            yield warning(
                f"Airflow runs what stands beside specs, looking for DAGs: {names(files)}",
                f"write `{within}/` into .airflowignore of the bundle {name!r}",
            )


def _python(folder: Path) -> set[str]:
    """The files below a folder that Airflow takes for Dag files."""
    from airflow.utils.file import list_py_file_paths

    return {os.path.realpath(path) for path in list_py_file_paths(str(folder))}


def _hidden(one: Loader) -> Finding:
    return error(
        f"Airflow does not see {one.path}: an .airflowignore leaves it out",
        "take the line that matches it out of .airflowignore",
    )


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _bundles() -> list[Bundle]:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    manager = DagBundlesManager()  # type: ignore[no-untyped-call]
    found = [(bundle.name, Path(bundle.path)) for bundle in manager.get_all_dag_bundles()]
    return [one for one in found if "site-packages" not in one[1].parts]  # Airflow's examples


def _loaders(bundle: str, folder: Path, calls: tuple[str, ...]) -> list[Loader]:
    """Dag files below a folder that use our loader."""
    seen, found = _python(folder), []
    for above, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for path in (Path(above, name) for name in sorted(files) if name.endswith(".py")):
            text = path.read_text("utf-8", errors="replace")
            if "factory.in_airflow.loader" in text and any(call in text for call in calls):
                found.append(Loader(bundle, path, os.path.realpath(path) not in seen))
    return found


def _dag_factory() -> Iterator[Finding]:
    try:
        version = distribution("dag-factory").version
    except PackageNotFoundError:
        return
    yield warning(
        f"dag-factory {version} is installed, too: it reads YAML of its own, and is loaded as a "
        "plugin into every process of Airflow",
        "uninstall it where nothing uses it, or let no two files make DAGs of one id",
    )


def check_registered(found: Installation) -> Iterator[Finding]:
    """What Airflow takes from this package at its start: connection types and plugins."""
    from airflow import plugins_manager
    from airflow.providers_manager import ProvidersManager

    from factory.in_airflow.timetable import PipelinePlugin

    if NAME in ProvidersManager().providers:  # type: ignore[no-untyped-call]
        yield ok("Airflow knows the connection types of this package")
    else:
        yield error(
            "Airflow does not know the connection types of this package",
            f"install {NAME} again, into the environment of Airflow, and restart it",
        )
    plugins_manager.ensure_plugins_loaded()
    known = {str(info.get("name")) for info in plugins_manager.get_plugin_info()}
    yield _plugin(PipelinePlugin.name, known, _import_errors())


def _plugin(name: str | None, known: set[str], errors: dict[str, str]) -> Finding:
    if name in known:
        return ok(f"Airflow has loaded the plugin {name!r}")
    why = "; ".join(errors.values())
    return error(
        f"Airflow has not loaded the plugin {name!r}: {why[:200] or 'it gives no reason'}",
        f"install {NAME} again, into the environment of Airflow, and restart it: pipelines with a "
        "schedule are not built without it (`airflow plugins` lists those that are loaded)",
    )


def _import_errors() -> dict[str, str]:
    """Why plugins were not loaded; before 3.2 a variable told."""
    from airflow import plugins_manager

    tell = getattr(plugins_manager, "get_import_errors", None)
    return dict(tell() if tell else getattr(plugins_manager, "import_errors", {}))
