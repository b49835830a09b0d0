"""`factory services`: a real PostgreSQL, and other servers, here, to try pipelines on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from factory import extras
from factory.cli import options
from factory.errors import FactoryError, UsageError

HELP = """\
Each runs on 127.0.0.1 alone, without root. For another shell it writes a file with Airflow's
connections to them, which `factory run` takes: `. .services/connections.sh`.
They are not for production: PostgreSQL trusts everybody on this machine.

for example:
  factory services warehouse=postgres            the connection `warehouse`, until Ctrl-C
  factory services warehouse=postgres airflow    and an Airflow that runs this project on it
  factory services up warehouse=postgres lake=s3    in the background; returns when they are ready
  factory services status                        what runs, and the connections to it
  factory services down                          end all of them; the data stays
"""
_EXAMPLE = "such as `factory services up warehouse=postgres lake=s3`"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.usage = "%(prog)s [--home DIR] {[up] [CONN_ID=]SERVICE … | status | down}"
    parser.add_argument(
        "services",
        nargs="+",
        metavar="SERVICE",
        help="postgres, mariadb, s3, gcs, bigquery, snowflake, nifi, files, airflow; before it the "
        "id of its connection",
    )
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="the folder for their data (default: .services in the project)",
    )


def run(args: Namespace) -> int:
    """Run them until Ctrl-C, or start, show or end those in the background."""
    verb, words = _verb(args.services)
    chosen = dict(map(_named, words))
    try:
        from factory_embedded import background
        from factory_embedded.serve import serve

        project = _project()
        home = options.absolute(args.home) if args.home else project / ".services"
        if verb == "down":
            return background.down(home)
        if verb == "status":
            return background.status(home)
        return (background.up if verb == "up" else serve)(home, chosen, project / "dags")
    except ModuleNotFoundError as error:
        if error.name == "factory_embedded":
            raise FactoryError(
                "the servers are a package of their own, which is not installed here",
                extras.services_hint(),
            ) from error
        raise FactoryError(
            f"the server needs {error.name}, which is not installed here",
            extras.services_hint("all"),
        ) from error


def _verb(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    first, *others = words
    if first not in ("up", "down", "status"):
        return "", words
    if first == "up" and not others:
        raise UsageError("`factory services up` needs the services to start", _EXAMPLE)
    if first != "up" and others:
        raise UsageError(f"`factory services {first}` is of all of them: no name follows it")
    return first, others


def _named(text: str) -> tuple[str, str]:
    conn_id, _, service = text.rpartition("=")
    conn_id = conn_id or service
    if not conn_id.isidentifier():  # it becomes AIRFLOW_CONN_…
        raise UsageError(f"{conn_id!r} cannot be the id of a connection", "such as warehouse")
    return conn_id, service


def _project() -> Path:
    """The folder of the project, else this one."""
    from factory.project import find_root

    try:
        return find_root().parent
    except FactoryError:
        return Path.cwd()
