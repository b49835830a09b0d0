raise RuntimeError("lint has run what it should only read")


def run(ds: str) -> None: ...
