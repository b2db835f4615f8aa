"""Identifiers: a prefix, where the row belongs, and 130 random bits in Crockford base32.

What belongs to a user begins with the same three characters as the user's own id, its *slot*: so
a store that is spread over several servers by user finds every row by its id alone. A challenge's
id begins with the second in which it was opened: so ids are in the order of time, and a store can
keep challenges by time. Neither is a secret, and nothing is believed because of them.
"""

from typing import NewType

from .crockford import encode_bits
from .ports import Randomness

ChallengeId = NewType("ChallengeId", str)
EnrollmentId = NewType("EnrollmentId", str)
AuthenticatorId = NewType("AuthenticatorId", str)
UserId = NewType("UserId", str)
ClientId = NewType("ClientId", str)
SessionId = NewType("SessionId", str)
AuthorizationId = NewType("AuthorizationId", str)
_PREFIX = 4
_SLOT = 3
_TIME = 11


def slot_of(owner_id: str) -> str:
    """Return the slot of a user, or of an authenticator or enrollment: one of 32,768."""
    return owner_id[_PREFIX : _PREFIX + _SLOT]


def challenge_ids_from(at: int) -> str:
    """Return what no id of a challenge that is opened at `at` or later is below."""
    return f"chl_{at:0{_TIME}d}"


def new_challenge_id(randomness: Randomness, user_id: str, *, at: int) -> ChallengeId:
    """Return `chl_…`, unguessable; `user_id` is empty for a subject that there is not."""
    return ChallengeId(f"{challenge_ids_from(at)}{slot_of(user_id)}{random_part(randomness)}")


def new_enrollment_id(randomness: Randomness, user_id: str) -> EnrollmentId:
    """Return `enr_…`, unguessable."""
    return EnrollmentId(f"enr_{slot_of(user_id)}{random_part(randomness)}")


def new_authenticator_id(randomness: Randomness, owner_id: str) -> AuthenticatorId:
    """Return `aut_…`, unguessable."""
    return AuthenticatorId(f"aut_{slot_of(owner_id)}{random_part(randomness)}")


def new_user_id(randomness: Randomness) -> UserId:
    """Return `usr_…`, unguessable; also the pseudonym in the audit table."""
    return UserId(f"usr_{random_part(randomness)}")


def new_client_id(randomness: Randomness) -> ClientId:
    """Return `cli_…`, unguessable."""
    return ClientId(f"cli_{random_part(randomness)}")


def new_session_id(randomness: Randomness, user_id: str) -> SessionId:
    """Return `ses_…`: a name in lists, which opens nothing."""
    return SessionId(f"ses_{slot_of(user_id)}{random_part(randomness)}")


def new_authorization_id(randomness: Randomness) -> AuthorizationId:
    """Return `azn_…`: an authorization on its way, and the `jti` of what it yields."""
    return AuthorizationId(f"azn_{random_part(randomness)}")


def random_part(randomness: Randomness) -> str:
    """Return 130 random bits as 26 characters."""
    return encode_bits(randomness.bytes(17), 26).lower()
