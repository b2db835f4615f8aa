"""Names of what the audit table records (ASVS 16.3, checklist 9.5)."""

from enum import StrEnum


class Event(StrEnum):
    """One name per thing that happened."""

    ENROLL_START = "enroll.start"
    ENROLL_CLAIM = "enroll.claim"
    ENROLL_CONFIRM = "enroll.confirm"
    ENROLL_FAIL = "enroll.fail"
    CHALLENGE_CREATE = "challenge.create"
    CHALLENGE_REFUSE = "challenge.refuse"
    CHALLENGE_PROOF = "challenge.proof"
    CHALLENGE_DENY = "challenge.deny"
    CHALLENGE_REPORT = "challenge.report"
    CHALLENGE_CANCEL = "challenge.cancel"
    CHALLENGE_PAGE = "challenge.page"
    CHALLENGE_PUSH = "challenge.push"
    AUTHENTICATOR_SUSPEND = "authenticator.suspend"
    AUTHENTICATOR_RESUME = "authenticator.resume"
    AUTHENTICATOR_REVOKE = "authenticator.revoke"
    AUTHENTICATOR_DISABLE = "authenticator.disable"
    AUTHENTICATOR_RENAME = "authenticator.rename"
    AUTHENTICATOR_REASSESS = "authenticator.reassess"
    PIN_DISABLE = "pin.disable"
    PIN_CHANGE = "pin.change"
    PIN_FAIL = "pin.fail"
    PUSH_ADDRESS = "push.address"
    USER_CODE_CHANGE = "user_code.change"
    KEY_ROTATE = "key.rotate"
    WEBAUTHN_CLONE_SUSPECTED = "webauthn.clone_suspected"
    RECOVERY_USE = "recovery.use"
    RECOVERY_REGENERATE = "recovery.regenerate"
    CLIENT_AUTH_FAIL = "client.auth_fail"
    CLIENT_TOKEN = "client.token"  # noqa: S105  # an event's name
    AUTHORIZATION_REDEEM = "authorization.redeem"
    AUTHORIZATION_REPLAY = "authorization.replay"
    ACCOUNT_LINK = "account.link"
    APPROVAL_DISPUTED = "approval.disputed"
    SESSION_BEGIN = "session.begin"
    SESSION_END = "session.end"
    ADMIN_CLIENT_ADD = "admin.client_add"
    ADMIN_CLIENT_CHANGE = "admin.client_change"
    ADMIN_CLIENT_ROTATE = "admin.client_rotate"
    ADMIN_CLIENT_DISABLE = "admin.client_disable"
    ADMIN_KEY_ROTATE = "admin.key_rotate"
    ADMIN_KEY_RETIRE = "admin.key_retire"
    ADMIN_MASTER_REWRAP = "admin.master_rewrap"
    ADMIN_OVERRIDE = "admin.override"
    ADMIN_USER_ERASE = "admin.user_erase"
    ADMIN_METADATA_IMPORT = "admin.metadata_import"


NOTIFIED = frozenset(
    {
        Event.ENROLL_CONFIRM,
        Event.AUTHENTICATOR_REVOKE,
        Event.AUTHENTICATOR_SUSPEND,
        Event.AUTHENTICATOR_RESUME,
        Event.AUTHENTICATOR_DISABLE,
        Event.PIN_DISABLE,
        Event.PIN_CHANGE,
        Event.KEY_ROTATE,
        Event.WEBAUTHN_CLONE_SUSPECTED,
        Event.RECOVERY_USE,
        Event.RECOVERY_REGENERATE,
        Event.ADMIN_OVERRIDE,
        Event.CHALLENGE_REPORT,
        Event.APPROVAL_DISPUTED,
    }
)
"""Events that the person has to hear of (SP 800-63B-4 §4.6)."""
