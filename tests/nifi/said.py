"""What the log of a failed task ends with: what a person reads."""

import re

_ERROR = re.compile(r"^airflow\.(?:sdk\.)?exceptions\.\w+: ")
_NEXT = re.compile(r"\d{4}-\d\d-\d\dT|[A-Z]+ +[\w.]+:|$")


def tells(log: str, *says: str) -> None:
    """The last line of the first task that failed says all of that."""
    line = last_line(log)
    assert [each for each in says if each not in line] == [], line


def last_line(log: str) -> str:
    """What Airflow adds after the error is left out."""
    lines = log.splitlines()
    begin = next(number for number, line in enumerate(lines) if _ERROR.match(line))
    end = next(number for number in range(begin + 1, len(lines)) if _NEXT.match(lines[number]))
    return _ERROR.sub("", lines[end - 1])
