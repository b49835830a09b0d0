"""Where data comes from and where it goes: sources and targets, each a module with one Struct.

Other packages add theirs by the entry points `dag_factory.sources` and `dag_factory.targets`.
"""
