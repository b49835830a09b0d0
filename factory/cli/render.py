"""`factory render`: the plan of a pipeline, as a tree or as JSON. No Airflow."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from factory.cli import options, terminal

HELP = """\
for example:
  factory render yellow_taxi_ingest
  factory render yellow_taxi_ingest --format json --env prod
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.add_dag(parser)
    options.add_root(parser)
    options.add_environment(parser)
    options.add_format(parser, "tree")


def run(args: Namespace) -> int:
    """Print the plan."""
    from factory.spec.secrets import blanked, without

    project = options.project(args)
    plans = options.plans(project, args.dag)
    secrets = project.secrets(project.root / plans[0].source)
    if args.format == "json":
        import msgspec

        document = blanked(msgspec.to_builtins(plans[0] if len(plans) == 1 else plans), secrets)
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return 0
    from factory.review.tree import tree

    paint = terminal.painter("auto", sys.stdout)
    for number, plan in enumerate(plans):
        print("\n" * bool(number), end="")
        for line in tree(plan, project.root.name, paint):
            print(without(line, secrets))
    return 0
