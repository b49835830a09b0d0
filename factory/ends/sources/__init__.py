"""The sources that come with the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory import choices
from factory.ends.source import Source
from factory.ends.sources.bigquery import BigQuery
from factory.ends.sources.file import File
from factory.ends.sources.http import Http
from factory.ends.sources.mysql import Mysql
from factory.ends.sources.postgres import Postgres
from factory.ends.sources.snowflake import Snowflake
from factory.ends.sources.sql import Sql

BUILT_IN = (File, Http, Mysql, Postgres, Sql, BigQuery, Snowflake)

if TYPE_CHECKING:
    AnySource = Source
else:
    AnySource = choices.opened("sources", *BUILT_IN, needs=Source)
"""The type of a field for a source: `type` tells which."""

__all__ = ["BUILT_IN", "AnySource"]
