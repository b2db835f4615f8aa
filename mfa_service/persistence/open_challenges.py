"""What the database needs to be told to find the few challenges that are open among many.

`IS_OPEN` is the condition of the indexes of open challenges, word for word: a parameter in its
place would hide that they fit. And a lower bound of ids leaves out every old partition.
"""

from sqlalchemy import bindparam, literal_column

from mfa_service.domain.ids import challenge_ids_from

from .models import Challenge

LONGEST_OPEN = 3600
"""No challenge is open for so long: they live for 600 s, and the clocks of hosts may differ."""
IS_OPEN = Challenge.status == literal_column("'pending'")
IS_RECENT = Challenge.id >= bindparam("oldest")


def oldest(at: int, *, seconds: int = LONGEST_OPEN) -> dict[str, str]:
    """Return the parameter of `IS_RECENT`: not opened more than `seconds` before `at`."""
    return {"oldest": challenge_ids_from(at - seconds)}
