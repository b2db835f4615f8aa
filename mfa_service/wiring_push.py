"""Which sender hands messages to each push provider: ours by settings, or an installed package's.

Libraries of providers, and code that is not ours, load when the first message is sent or when
`push_senders` is called, and never for what sends nothing.
"""

import functools
import importlib
import logging
import threading
from collections.abc import Iterator, Mapping

from mfa_service.domain.ports import Clock, PushSender, SenderUnusable
from mfa_service.settings import Settings
from mfa_service.settings_push import InstalledSender

logger = logging.getLogger(__name__)


class SendersUnusable(Exception):
    """A push sender cannot be made; the text is for the operator and holds no secret."""


def push_senders(settings: Settings, clock: Clock) -> dict[str, PushSender]:
    """Return the push senders that the settings name; raise `SendersUnusable`."""
    senders: dict[str, PushSender] = {}
    if settings.fcm_credentials is not None:
        adapter = importlib.import_module("mfa_service.adapters.push_fcm")
        senders["fcm"] = adapter.FcmSender(settings.fcm_credentials, clock)
    named, replaced = settings.vapid, {installed.provider for installed in settings.push_senders}
    if named is not None and "webpush" not in replaced:
        adapter = importlib.import_module("mfa_service.adapters.push_webpush")
        senders["webpush"] = adapter.WebPushSender(named.key, named.contact, clock)
    own = {installed.provider: _own(installed, clock) for installed in settings.push_senders}
    return senders | own


def _own(installed: InstalledSender, clock: Clock) -> PushSender:
    """Return the sender of an installed package, looked at before the first message needs it."""
    made: object = None
    try:
        made = installed.load()(clock)
    except SenderUnusable as exc:
        raise SendersUnusable(f"{installed}: {exc}") from exc
    except Exception as exc:
        logger.exception("a push sender cannot be made", extra={"provider": installed.provider})
        raise SendersUnusable(f"{installed} cannot be made: {type(exc).__name__}") from exc
    if getattr(made, "provider", None) != installed.provider:
        raise SendersUnusable(f"{installed} is not called {installed.provider} by itself")
    if not callable(getattr(made, "send", None)):
        raise SendersUnusable(f"{installed} has no method send")
    return made


class LazySenders(Mapping[str, PushSender]):
    """`push_senders`, made when a message is to be sent."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._making = threading.Lock()
        self._make = functools.partial(push_senders, settings, clock)
        self._made: dict[str, PushSender] | None = None

    def __getitem__(self, provider: str) -> PushSender:
        """Return the sender of a provider."""
        return self._all()[provider]

    def __iter__(self) -> Iterator[str]:
        """Return the providers that have one."""
        return iter(self._all())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all())

    def _all(self) -> dict[str, PushSender]:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made
