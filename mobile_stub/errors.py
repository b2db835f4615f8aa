"""What can go wrong on the phone, each said in one plain sentence without secrets."""


class PhoneError(Exception):
    """A fault whose text may be shown to the person; `facts` are its machine-readable parts."""

    kind = "error"

    def __init__(self, sentence: str, **facts: str | int | None) -> None:
        super().__init__(sentence)
        self.facts = facts


class BadInput(PhoneError):
    """What was typed cannot be right, so nothing was sent."""

    kind = "bad-input"


class MissingInput(PhoneError):
    """The request asks for more than was given, so nothing was sent."""

    kind = "missing-input"


class NotVerified(PhoneError):
    """The person was not recognised by the phone, so nothing was sent."""

    kind = "not-verified"


class PinRefused(PhoneError):
    """The chosen PIN is too easy to guess (S 3.5.6)."""

    kind = "pin-refused"


class StateFault(PhoneError):
    """The state file is missing, damaged, or open to other people."""

    kind = "state"


class Unreachable(PhoneError):
    """No reply arrived; `lost_reply` says that the request may have been carried out."""

    kind = "unreachable"

    def __init__(self, sentence: str, *, lost_reply: bool) -> None:
        super().__init__(sentence)
        self.lost_reply = lost_reply


class ServerNotTrusted(PhoneError):
    """What the server sent is not what the contract and its signature promise."""

    kind = "server-not-trusted"


class ChallengeExpired(ServerNotTrusted):
    """The request was genuine and its time is over."""

    kind = "expired"


class Refused(PhoneError):
    """The server answered with an error; `status_code` and `slug` are its own words."""

    kind = "refused"

    def __init__(
        self,
        sentence: str,
        *,
        status_code: int,
        slug: str,
        retry_after: int | None = None,
        **facts: str | int | None,
    ) -> None:
        super().__init__(sentence, http_status=status_code, slug=slug, **facts)
        self.status_code = status_code
        self.slug = slug
        self.retry_after = retry_after
