def rows(tables: list[str]) -> None:
    print(tables)
