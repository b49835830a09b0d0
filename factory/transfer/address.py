"""Addresses, without what may be secret in them."""

import hashlib
import re
from urllib.parse import unquote, urlsplit

_ODD = re.compile(r"[^\w.=+-]", re.ASCII)
_LONGEST = 120


def shown(url: str) -> str:
    """The address without user, password and query."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a password with a `/` in it reads as a port and a path
        return "the address"
    if port is None and parts.netloc.endswith(":"):
        return "the address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def digest(url: str) -> str:
    """What tells this address from others, and does not give it away."""
    return hashlib.sha256(url.encode()).hexdigest()


def file_name(url: str) -> str:
    """The file's name in an address, safe on a disk and in patterns; its suffixes stay.

    `https://host/a%20b.csv.gz?token=x` gives `a_b.csv.gz`; without a name it is `file`.
    """
    last = urlsplit(url).path.rpartition("/")[2]
    name = _ODD.sub("_", unquote(last)).lstrip(".")
    return name[-_LONGEST:].lstrip(".") or "file"
