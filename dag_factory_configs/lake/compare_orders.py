"""Used by orders_to_s3.yaml: is a day of the table in the lake, whole and only once?"""

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any, NamedTuple

import boto3
import pymysql
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Connection


class Day(NamedTuple):
    """What two copies of a day have in common when they are the same."""

    rows: int
    orders: int
    amount: Decimal


def compare(day: str, conn_id: str, table: str, bucket: str, prefix: str) -> None:
    """Fail unless the objects hold the table's rows of the day."""
    there = in_table(day, conn_id, table)
    objects, arrived = in_lake(bucket, prefix)
    if not there.rows:
        raise ValueError(f"{table} has no orders of {day}: there is nothing to compare")
    if arrived != there:
        raise ValueError(f"{table} has {there} of {day}, {bucket}/{prefix} has {arrived}")
    print(f"{bucket}/{prefix} has all {there.rows:,} rows of {table}, in {objects} objects")


def in_table(day: str, conn_id: str, table: str) -> Day:
    """The day in the shop."""
    query = f"""
        SELECT count(*), count(DISTINCT order_id), coalesce(sum(amount), 0)
        FROM {table} WHERE ordered_on = %s
    """
    with closing(opened(conn_id)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(query, (day,))
        return Day(*cursor.fetchone())


def opened(conn_id: str) -> Any:
    """A connection to the shop, of PostgreSQL or MariaDB."""
    shop = Connection.get(conn_id)
    if shop.conn_type != "mysql":
        return PostgresHook(conn_id).get_conn()
    login = {"user": shop.login, "password": shop.password or ""}
    return pymysql.connect(host=shop.host, port=shop.port, connect_timeout=10, **login)


def in_lake(bucket: str, prefix: str) -> tuple[int, Day]:
    """The number of objects, and the day in them."""
    client, objects, orders = s3(), 0, list[tuple[str, Decimal]]()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", ()):
            objects += 1
            body = client.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            orders += rows(body.decode("utf-8"))
    ids = {order_id for order_id, _ in orders}
    return objects, Day(len(orders), len(ids), sum((amount for _, amount in orders), Decimal(0)))


def rows(text: str) -> Iterator[tuple[str, Decimal]]:
    """Each order's id and amount."""
    for row in csv.DictReader(io.StringIO(text, newline="")):
        yield row["order_id"], Decimal(row["amount"])


def s3() -> Any:
    """A client for the connection `lake`: its login is the access key, `endpoint_url` an extra."""
    lake = Connection.get("lake")
    return boto3.client(
        "s3",
        endpoint_url=lake.extra_dejson.get("endpoint_url"),
        region_name=lake.extra_dejson.get("region_name"),
        aws_access_key_id=lake.login,
        aws_secret_access_key=lake.password,
    )
