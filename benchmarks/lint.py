"""`factory lint`, whole processes in which Airflow cannot be imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Line, Side, typical
from benchmarks.specs import write_ours

COUNT = 1000

_LINT = """
import sys
sys.modules["airflow"] = None  # as if it were not installed
from factory.cli.main import main
code = main(["lint", *sys.argv[1:]])
assert code == 0, code
"""
_READ = """
import sys
from pathlib import Path
import yaml
for file in sorted(Path(sys.argv[1]).rglob("*.yaml")):
    yaml.load(file.read_bytes(), yaml.CSafeLoader)
"""
_IMPORTS = "import yaml, msgspec, jsonschema_rs"


def lines(folder: Path) -> Iterator[Line]:
    """Two ratios."""
    root = write_ours(folder / "dag_factory_configs", COUNT)
    # the modules are compiled, as installed ones are
    env = {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    given = ("--configs", str(root))
    lint, read = typical(
        [
            Side(code=_LINT, arguments=given, env=env),
            Side(code=_READ, arguments=(str(root),), env=env),
        ],
        7,
        folder,
    )
    yield Line(
        name="lint 1,000 specs, against reading them with yaml.CSafeLoader",
        value=lint / read,
        bound=4,
        detail=f"{lint:.2f} s against {read:.2f}",
    )
    one = root / "team_0/shop_3.yaml"
    lint, imports = typical(
        [
            Side(code=_LINT, arguments=(*given, str(one)), env=env),
            Side(code=_IMPORTS, env=env),
        ],
        11,
        folder,
    )
    yield Line(
        name="lint one file, against importing yaml, msgspec, jsonschema_rs",
        value=lint / imports,
        bound=2,
        detail=f"{1000 * lint:.0f} ms against {1000 * imports:.0f}",
    )
