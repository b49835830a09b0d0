"""`factory demo`: run the whole thing here, from sample data to rows, on a real Airflow."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from factory import extras
from factory.errors import FactoryError


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--with",
        dest="example",
        choices=["lake-files", "web-files", "bigquery", "snowflake", "nifi"],
        default="taxi",
        help="instead of the taxi trips: lake-files: tables of PostgreSQL and MariaDB into an S3 "
        "server as Parquet, and from there into PostgreSQL (downloads 149 MB the first time); "
        "web-files: the trips' CSV files into a GCS server as Parquet; bigquery: from there into "
        "what stands in for BigQuery (downloads 200 MB the first time); snowflake: files of an S3 "
        "server into what stands in for Snowflake, and back (downloads 120 MB the first time); "
        "nifi: a table through Apache NiFi into an S3 server (downloads 206 MB the first time)",
    )
    parser.add_argument(
        "--exit", action="store_true", help="end after the runs, also on a terminal"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        metavar="N",
        help="port of Airflow's UI (default: a free one)",
    )
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="folder for the database, Airflow and logs (default: .demo in the project)",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="go on with the last demo's Airflow and its history instead of a fresh one",
    )


def run(args: Namespace) -> int:
    """Run the demo; 0 when every run succeeded and the counts hold."""
    import sys

    try:
        from factory_embedded.demo.run import Options, find_project
        from factory_embedded.demo.run import run as run_demo
    except ModuleNotFoundError as error:
        if error.name == "factory_embedded":
            raise FactoryError(
                "the demo's services are not in the package",
                "in a checkout of this project: `make demo`",
            ) from error
        raise FactoryError(
            f"the demo needs {error.name}, which is not installed here",
            f"run `make demo`, or {extras.services_hint('all')}",
        ) from error

    project = find_project(Path.cwd())
    home: Path = args.home or project / ".demo"
    return run_demo(
        Options(
            project=project,
            home=home.absolute(),
            port=args.port,
            stay=sys.stdout.isatty() and not args.exit,
            keep=args.keep,
            example=args.example,
        )
    )
