"""The default stage: a folder of the user's own, or none."""

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.storage import step_folder

CONTEXT = {"task_instance": SimpleNamespace(task_id="in.load", dag_id="d", run_id="r")}


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FACTORY_STAGE", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    return tmp_path / f"factory-stage-{os.getuid()}"


@pytest.mark.parametrize("umask", [0, 0o22, 0o77])
def test_it_is_for_this_user_alone(default: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        for _ in range(2):
            assert Path(step_folder(None, CONTEXT).path).parents[2] == default
    finally:
        os.umask(before)
    assert stat.S_IMODE(default.stat().st_mode) & 0o077 == 0


def refused(why: str) -> None:
    with pytest.raises(AirflowException, match=why) as raised:
        step_folder(None, CONTEXT)
    assert "FACTORY_STAGE" in str(raised.value)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o750, 0o702])
def test_one_that_others_may_use_is_refused(default: Path, mode: int) -> None:
    default.mkdir()
    default.chmod(mode)
    refused("others may read or write it")


def test_a_link_is_refused(default: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    default.symlink_to(tmp_path / "mine")
    refused("it is a link")


def test_a_file_is_refused(default: Path) -> None:
    default.write_text("")
    refused("it is a link or a file")


def test_another_user_s_is_refused(default: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default.mkdir(mode=0o700)
    own = os.getuid()
    if own == 0:
        os.chown(default, 12345, -1)
    else:  # nobody may give a folder away, so this process becomes somebody else
        monkeypatch.setattr("os.getuid", lambda: own + 1)
        default.rename(default.with_name(f"factory-stage-{own + 1}"))
    refused("it belongs to somebody else")


def test_a_stage_that_is_named_is_taken_as_it_is(
    default: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_STAGE", (tmp_path / "shared").as_uri())
    assert Path(step_folder(None, CONTEXT).path).parents[2] == tmp_path / "shared"
    assert Path(step_folder("file:///data", CONTEXT).path).parents[2] == Path("/data")
    assert not default.exists()
