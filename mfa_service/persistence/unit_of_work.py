"""Short transactions: one for a use case that writes, none for a single read."""

import logging
from contextlib import AbstractContextManager
from typing import NoReturn

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mfa_service.domain.errors import Unavailable
from mfa_service.observability.spans import count_commit

from .lending import Lending
from .prepared import Lent
from .reaching import READ_ONLY, is_read_only
from .turns import Turns

logger = logging.getLogger(__name__)


class UnitOfWork:
    """Lends connections; a store that does not answer becomes `Unavailable`, never a success."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lending = Lending(engine)
        is_sqlite = engine.dialect.name == "sqlite"  # it has one writer
        self._turns = Turns(engine.url.database) if is_sqlite else None

    def transaction(self) -> AbstractContextManager[Connection]:
        """Commit on return, roll back on any exception. READ COMMITTED suffices everywhere."""
        return _Transaction(self.lending, self._turns)

    def reading(self) -> AbstractContextManager[Connection]:
        """Run single statements, each for itself, without a transaction."""
        return _Reading(self.lending)

    def give_up_server(self) -> NoReturn:
        """Raise `Unavailable` since the server takes no writes: the next connection may find one.

        All that the pool has lead to what is the primary no more.
        """
        self.engine.dispose()
        raise _away(READ_ONLY)


class _Reading:
    """A connection for a `with` block. A class: this is entered several times in each request."""

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._connection: Lent

    def __enter__(self) -> Connection:
        try:
            self._connection = self._lending.take()
        except Exception as exc:
            _tell_if_down(exc, self._lending.engine)
            raise
        return self._connection

    def __exit__(self, _: object, exc: BaseException | None, __: object) -> None:
        try:
            self._lending.give_back(self._connection, sound=exc is None)
        except Exception as end:
            _tell_if_down(end, self._lending.engine)
            raise
        if exc is not None:
            _tell_if_down(exc, self._lending.engine)


class _Transaction:
    """A connection in a transaction for a `with` block; on SQLite when its turn has come."""

    def __init__(self, lending: Lending, turns: Turns | None) -> None:
        self._lending = lending
        self._turns = turns
        self._connection: Lent

    def __enter__(self) -> Connection:
        if self._turns is not None:
            self._turns.take()
        try:
            self._begin()
        except BaseException as exc:
            self._pass_on()
            _tell_if_down(exc, self._lending.engine)
            raise
        return self._connection

    def __exit__(self, _: object, exc: BaseException | None, __: object) -> None:
        try:
            self._end(commit=exc is None)
        except Exception as end:
            _tell_if_down(end, self._lending.engine)
            raise
        finally:
            self._pass_on()
        if exc is not None:
            _tell_if_down(exc, self._lending.engine)

    def _begin(self) -> None:
        """Begin, on another connection if the first one turns out to be dead: nothing was done."""
        try:
            self._begin_once()
        except DBAPIError as exc:
            if not exc.connection_invalidated:
                raise
            self._begin_once()

    def _begin_once(self) -> None:
        self._connection = self._lending.take()
        try:
            self._connection.start()
        except BaseException:
            self._lending.give_back(self._connection, sound=False)
            raise

    def _end(self, *, commit: bool) -> None:
        try:
            if commit:
                self._connection.finish()
                count_commit()
        finally:
            self._lending.give_back(self._connection, sound=not self._connection.begun)

    def _pass_on(self) -> None:
        if self._turns is not None:
            self._turns.pass_on()


def _tell_if_down(exc: BaseException, engine: Engine) -> None:
    """Raise `Unavailable` if the store did not answer; what else it was is the caller's."""
    gone = isinstance(exc, OperationalError | InterfaceError | PoolTimeout)
    if isinstance(exc, DBAPIError):
        gone = gone or exc.connection_invalidated
        if is_read_only(exc.orig):
            engine.dispose()  # all that the pool has lead to what is the primary no more
            gone = True
    if gone:
        why = getattr(getattr(exc, "orig", None), "sqlstate", None) or type(exc).__name__
        raise _away(why) from exc


def _away(why: str) -> Unavailable:
    logger.warning("the database does not answer", extra={"event": "database", "reason": why})
    return Unavailable("The database does not answer.", retry_after=1)
