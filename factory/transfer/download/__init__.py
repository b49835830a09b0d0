"""HTTP → a file, whole and verified."""

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import fsspec
import requests
import urllib3

from factory.transfer.errors import Missing, TransferError
from factory.transfer.staged import whole

log = logging.getLogger(__name__)

CHUNK = 1 << 20
LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Downloaded:
    """A file as it was served."""

    path: str
    bytes: int
    etag: str | None


class _Again(Exception):
    """Worth another attempt; `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def download(
    session: requests.Session,
    url: str,
    fs: fsspec.AbstractFileSystem,
    path: str,
    *,
    timeout: tuple[float, float] = (10, 60),
    attempts: int = 5,
    backoff: float = 1.0,
    sha256: str | None = None,
) -> Downloaded:
    """Stream `url` into `path`. `timeout` is (connect, silence between bytes), in seconds.

    Broken connections, time-outs, short bodies, 5xx and 429 are tried again, `attempts` in all,
    after `backoff`, 2 × `backoff`, … seconds. Raises `Missing` for 404 and 410, else
    `TransferError`; no file is left behind then.
    """
    started = time.monotonic()
    for attempt in range(1, attempts + 1):
        try:
            done = _once(session, url, fs, path, timeout, sha256)
        except _Again as failure:
            if attempt == attempts:
                raise TransferError(
                    f"{_shown(url)} failed {attempts} times, last: {failure}"
                ) from failure
            wait = backoff * 2 ** (attempt - 1) if failure.wait is None else failure.wait
            wait = min(wait, LONGEST_WAIT)
            log.warning("%s: %s; trying again in %.1f s", _shown(url), failure, wait)
            time.sleep(wait)
        else:
            seconds = time.monotonic() - started
            log.info("downloaded %s: %d bytes in %.2f s", _shown(url), done.bytes, seconds)
            return done
    raise TransferError(f"attempts must be at least 1, not {attempts}")


def _once(
    session: requests.Session,
    url: str,
    fs: fsspec.AbstractFileSystem,
    path: str,
    timeout: tuple[float, float],
    sha256: str | None,
) -> Downloaded:
    # Without `identity`, servers compress on the fly, and the length can't be verified.
    headers = {"Accept-Encoding": "identity"}
    try:
        with session.get(url, stream=True, timeout=timeout, headers=headers) as answer:
            _check_status(answer, url)
            digest = hashlib.sha256()
            size = 0
            with whole(fs, path) as temporary:
                with fs.open(temporary, "wb") as out:
                    for chunk in _chunks(answer, path):
                        digest.update(chunk)
                        size += len(chunk)
                        out.write(chunk)
                _check_length(answer)
                if sha256 is not None and digest.hexdigest() != sha256.lower():
                    raise TransferError(
                        f"{_shown(url)} has sha256 {digest.hexdigest()}, expected {sha256}"
                    )
            return Downloaded(path, size, answer.headers.get("ETag"))
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        urllib3.exceptions.HTTPError,
    ) as error:
        raise _Again(_reason(error)) from error
    except requests.RequestException as error:
        raise TransferError(f"{_shown(url)}: {type(error).__name__}") from error


def _chunks(answer: requests.Response, path: str) -> Iterator[bytes]:
    # A stored `.gz` is often served with `Content-Encoding: gzip`: its bytes are the file.
    # Anything else so encoded, though `identity` was asked for, must be decoded.
    decode = not path.endswith(".gz")
    stream: Iterator[bytes] = answer.raw.stream(CHUNK, decode_content=decode)
    return stream


def _check_status(answer: requests.Response, url: str) -> None:
    status = answer.status_code
    if status in (404, 410):
        raise Missing(f"{_shown(url)} does not exist (HTTP {status})")
    if status >= 500 or status == 429:
        asked = answer.headers.get("Retry-After", "")
        raise _Again(f"HTTP {status}", float(asked) if asked.isdecimal() else None)
    if status != 200:
        raise TransferError(f"{_shown(url)} answered HTTP {status} {answer.reason}")


def _check_length(answer: requests.Response) -> None:
    declared = answer.headers.get("Content-Length", "")
    received = answer.raw.tell()
    if declared.isdecimal() and int(declared) != received:
        raise _Again(f"got {received} of {declared} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "timed out"
    cause = error.args[0] if error.args else error
    return f"{type(cause).__name__ if isinstance(cause, Exception) else cause}"


def _shown(url: str) -> str:
    """The address without what may be secret: user, password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
