"""The next item is made while the one before is used."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(
    items: Generator[T, None, None], stop: Callable[[], None] = lambda: None
) -> Generator[T, None, None]:
    """The same items, each made by a thread of its own, one before it is asked for.

    What making one raises, is raised where it is asked for. Who stops early closes `items`,
    once the one is made that is being made: `stop` is called first, and may end that.
    """
    with ThreadPoolExecutor(1) as pool:
        try:
            pending = pool.submit(next, items, _END)
            while (item := pending.result()) is not _END:
                pending = pool.submit(next, items, _END)
                yield item  # type: ignore[misc]
        except BaseException:
            stop()
            raise
        finally:
            pool.submit(items.close).result()  # after what is still being made


_END = object()
