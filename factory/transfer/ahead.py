"""The next items are made while the one before is used."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(
    items: Generator[T, None, None],
    stop: Callable[[], None] = lambda: None,
    *,
    most: int = 1,
) -> Generator[T, None, None]:
    """The same items, made by a thread of its own, at most so many before they are asked for.

    What making one raises, is raised where it is asked for. Who stops early closes `items`,
    once the one is made that is being made: `stop` is called first, and may end that.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = deque(pool.submit(next, items, _END) for _ in range(most))
        try:
            while (item := coming.popleft().result()) is not _END:
                coming.append(pool.submit(next, items, _END))
                yield item  # type: ignore[misc]
        except BaseException:
            for each in coming:
                each.cancel()
            stop()
            raise
        finally:
            pool.submit(items.close).result()  # after what is still being made


_END = object()
