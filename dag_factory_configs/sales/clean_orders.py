"""Used by orders_daily.yaml: loaded by the task that runs it, never while Airflow parses DAGs."""

import csv
from pathlib import Path


def clean(folder: str) -> None:
    """Drop the shop's test orders; the result stands beside the file that it was made from."""
    source = Path(folder.removeprefix("file://")) / "orders.csv"
    target = source.with_name("orders.clean.csv")
    unfinished = source.with_name("orders.clean.csv.part")
    with source.open(newline="") as file, unfinished.open("w", newline="") as out:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(out, rows.fieldnames or [])
        writer.writeheader()
        writer.writerows(row for row in rows if row["customer_id"] != "test")
    unfinished.replace(target)
