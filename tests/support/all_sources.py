"""The sources of the contract suite, by the name of their engine."""

from collections.abc import Mapping

from tests.support.engine_sources import HomeSource, PostgresSource, Source, TreeSource
from tests.support.h2_source import H2Source
from tests.support.mariadb_source import MariaDBSource
from tests.support.sqlite_source import SQLiteSource

SOURCES: Mapping[str, type[Source]] = {
    "h2": H2Source,
    "home": HomeSource,
    "mariadb": MariaDBSource,
    "postgres": PostgresSource,
    "sqlite": SQLiteSource,
    "tree": TreeSource,
}
