"""How often something may go wrong or be asked (contract section 7)."""

from dataclasses import dataclass

CEILING = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults of the contract; times in seconds, and an audit kept for 0 is kept for ever.

    Counts of wrong proofs never exceed `CEILING` (S 3.1.1).
    """

    challenge_attempts: int = 5
    pin_failures: int = 10
    code_failures: int = 20
    enrollment_attempts: int = 5
    pending_pushed: int = 1
    pushes_in_five_minutes: int = 3
    pushes_in_a_day: int = 10
    authenticators: int = 20
    fraud_pause: int = 1800
    step_up_fresh: int = 600
    enrollment_lifetime: int = 600
    readable_after_end: int = 86_400
    prompt_lifetime: int = 300
    kept_after_end: int = 30 * 86_400
    audit_kept: int = 0
    account_link_lifetime: int = 600
    session_idle: int = 900
    session_lifetime: int = 3600
    recovery_codes_low: int = 3
