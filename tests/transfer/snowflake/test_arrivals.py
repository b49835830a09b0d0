"""Which files are in a table of Snowflake."""

from ..warehouse.files import FilesContract


class TestFilesOfSnowflake(FilesContract):
    """The suite."""
