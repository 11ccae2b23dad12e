"""The catalog's database as its parts share it: opened once, each use in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.orm import Session

from lifeboat.catalog.database import explained, migrate, open_engine


class Sessions:
    """Opens the database, brings its tables up to date, and gives sessions."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = open_engine(url)
        with explained(url):
            migrate(self._engine)

    @contextmanager
    def _session(self, *, writing: bool = False) -> Iterator[Session]:
        """Yield a session in one transaction; what it has read can be looked at afterwards."""
        engine = self._engine.execution_options(writing=True) if writing else self._engine
        with explained(self._url), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
