"""Bronze files, one a year, and the silver ones that are made of them."""

from pathlib import Path


def pending_years(lake: str) -> list[int]:
    """The years whose bronze file is newer than their silver one."""
    silver = Path(lake) / "silver"
    years = []
    for bronze in sorted((Path(lake) / "bronze").glob("*.csv")):
        made = silver / bronze.name
        if not made.exists() or made.stat().st_mtime < bronze.stat().st_mtime:
            years.append(int(bronze.stem))
    return years


def transform(lake: str, year: int) -> None:
    """Make the silver file of one year."""
    rows = (Path(lake) / "bronze" / f"{year}.csv").read_text().splitlines()
    silver = Path(lake) / "silver" / f"{year}.csv"
    silver.parent.mkdir(parents=True, exist_ok=True)
    silver.write_text("\n".join(row.lower() for row in rows))


def audit(lake: str, years: list[int]) -> None:
    """Write down which years were made, whatever became of them."""
    with (Path(lake) / "audit.txt").open("a") as log:
        log.write(f"{years}\n")
