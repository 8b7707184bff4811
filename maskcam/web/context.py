"""What every request may need."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import Depends, Request

from maskcam.config_file import ConfigFile
from maskcam.config_serve import ServeConfig
from maskcam.service import Service
from maskcam.store.store import EventStore
from maskcam.web.accounts import Accounts


class Context:
    """The rest of the program, as far as the web may see it.

    Args:
        service: that runs.
        config_file: of the service.
        accounts: who may log in.
        serve: where it listens.
        port: on which it really does.
        key: of the link that was printed; None where one logs in with a password.
    """

    def __init__(
        self,
        service: Service,
        config_file: ConfigFile,
        accounts: Accounts,
        *,
        serve: ServeConfig,
        port: int,
        key: str | None,
    ) -> None:
        self.service = service
        self.config_file = config_file
        self.accounts = accounts
        self.serve = serve
        self.key = key
        self.cookie = f"maskcam-session-{port}"  # browsers do not tell ports apart
        self._opened = service.config.store
        self._store = self._opened.open(environ=os.environ)

    @property
    def store(self) -> EventStore:
        """The event store of the present configuration.

        Raises:
            StoreError: it cannot be opened.
        """
        wanted = self.service.config.store
        if wanted != self._opened:
            self._store, before = wanted.open(environ=os.environ), self._store
            self._opened = wanted
            before.close()
        return self._store

    def close(self) -> None:
        """Lets go of the store."""
        self._store.close()


def context_of(request: Request) -> Context:
    """The context of the application that a request is for."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


Ctx = Annotated[Context, Depends(context_of)]
