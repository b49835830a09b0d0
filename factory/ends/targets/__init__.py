"""The targets that come with the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory import choices
from factory.ends.target import Target
from factory.ends.targets.bigquery import BigQuery, BigQueryExternal
from factory.ends.targets.file import FileSet
from factory.ends.targets.mysql import Mysql
from factory.ends.targets.postgres import Postgres
from factory.ends.targets.snowflake import Snowflake

BUILT_IN = (Postgres, Mysql, BigQuery, BigQueryExternal, Snowflake, FileSet)

if TYPE_CHECKING:
    AnyTarget = Target
else:
    AnyTarget = choices.opened("targets", *BUILT_IN, needs=Target)
"""The type of a field for a target: `type` tells which."""

__all__ = ["BUILT_IN", "AnyTarget"]
