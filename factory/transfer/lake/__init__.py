"""A folder of files that others query: rows are written into it, load by load.

What is in it::

    [country=DE/]part-<load>-<attempt>-00000.parquet   rows
    _manifests/<stamp>-<mode>-<load>-<attempt>.json    the files of one load; it is written last
    _manifests/<load>-<attempt>.begun                  an attempt that has not ended
    _SUCCESS                                           what was published last
"""
