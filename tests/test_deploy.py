"""What docs/deploy shows: the layouts load, the values fit, and the lock of the image holds."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from factory.project import FOLDER
from tests.test_packages import brought

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "docs/deploy"
IN_THE_IMAGE = ("http", "nifi", "postgres", "smtp")
# Another file beside a spec, in which Airflow would see a DAG of its own.
BESIDE = "import airflow\n\n\ndef dag() -> None: ...\n\n\nraise RuntimeError\n"
SPEC = "version: 1\ntasks: [{id: say, run: echo here}]\n"
PARSED = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
folder = sys.argv[1]
bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="b")
print("FOUND" + json.dumps([sorted(bag.dags), bag.import_errors]))
"""


def loaded(dags: Path) -> tuple[list[str], dict[str, str]]:
    """The DAGs and the import errors that a fresh Airflow finds in a folder."""
    command = [sys.executable, "-c", PARSED, str(dags)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found, errors = json.loads(answer.stdout.rpartition("FOUND")[2])
    return found, errors


@pytest.mark.slow
@pytest.mark.parametrize("configs", ["dag_factory_configs", "dags/dag_factory_configs"])
def test_specs_beside_the_loaders_and_below_them_are_found(tmp_path: Path, configs: str) -> None:
    dags = tmp_path / "dags"
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    (dags / ".airflowignore").write_text(f"{FOLDER}/\n")
    (tmp_path / configs).mkdir()
    (tmp_path / configs / "first.yaml").write_text(SPEC)
    (tmp_path / configs / "beside.py").write_text(BESIDE)
    assert loaded(dags) == (["first"], {})


def test_the_values_of_the_chart_agree_with_each_other() -> None:
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
    env = {one["name"]: one["value"] for one in values["env"]}
    (volume,), (mount,) = values["volumes"], values["volumeMounts"]
    assert volume["name"] == mount["name"]
    assert env["FACTORY_STAGE"] == f"file://{mount['mountPath']}"
    assert (ROOT / FOLDER / f"environments/{env['FACTORY_ENV']}.yaml").exists()
    (bundle,) = values["dagProcessor"]["dagBundleConfigList"]
    assert (ROOT / bundle["kwargs"]["subdir"] / "pipelines.py").exists()


def pins(lock: str) -> dict[tuple[str, str], frozenset[str]]:
    """Name and version of what a lock holds, and the hashes of each."""
    parts = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
    found = {}
    for part in filter(None, parts):
        requirement = Requirement(part.partition(" \\")[0])
        hashes = frozenset(re.findall(r"--hash=(\S+)", part))
        found[requirement.name, str(requirement.specifier)] = hashes
    return found


def test_the_lock_of_the_image_is_a_part_of_the_lock() -> None:
    whole, part = pins("requirements.lock"), pins("requirements-run.lock")
    assert part.items() <= whole.items()
    assert all(part.values())
    assert brought(*IN_THE_IMAGE) <= {name for name, _ in part}
    wanted = f"extras `{'`, `'.join(IN_THE_IMAGE[:-1])}` and `{IN_THE_IMAGE[-1]}`"
    for page in ("docs/dependencies.md", "docs/deploy/docker.md"):
        assert wanted in " ".join((ROOT / page).read_text().split())


def test_all_pages_are_in_the_overview() -> None:
    overview = (DEPLOY / "README.md").read_text()
    pages = {path.name for path in DEPLOY.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"^\| .* \| \[(\S+\.md)\]", overview, re.MULTILINE)) == pages
