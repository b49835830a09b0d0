"""What tests ask of processes that may end between two questions."""

import psutil


def runs(pid: int) -> bool:
    """Whether it still works: a zombie, which a container without an init keeps, does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def name_of(process: psutil.Process) -> str:
    """Its name, empty when it has ended."""
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""
