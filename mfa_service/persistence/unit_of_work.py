"""Short transactions: one for a use case that writes, none for a single read."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mfa_service.domain.errors import Unavailable

from .reaching import is_read_only
from .turns import Turns


class UnitOfWork:
    """Opens connections; a store that does not answer becomes `Unavailable`, never a success."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # Our SQLite connections begin nothing by themselves: single reads need no more than that.
        level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        self._reading = engine.execution_options(immediate=False, **level)
        is_sqlite = engine.dialect.name == "sqlite"  # it has one writer
        self._turns = Turns(engine.url.database) if is_sqlite else None

    @contextmanager
    def transaction(self) -> Generator[Connection, None, None]:
        """Commit on return, roll back on any exception. READ COMMITTED suffices everywhere."""
        with self._turn(), _unavailable_when_down(self.engine), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """Run single statements, each for itself, without a transaction."""
        with _unavailable_when_down(self.engine), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Generator[None, None, None]:
        if self._turns is None:
            yield
            return
        with self._turns.turn():
            yield


@contextmanager
def _unavailable_when_down(engine: Engine) -> Generator[None, None, None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as exc:
        raise Unavailable("The database does not answer.", retry_after=1) from exc
    except DBAPIError as exc:
        if is_read_only(exc.orig):
            engine.dispose()  # all that the pool has lead to what is the primary no more
        elif not exc.connection_invalidated:
            raise
        raise Unavailable("The database does not answer.", retry_after=1) from exc
