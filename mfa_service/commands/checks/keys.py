"""Findings about the keys that sign."""

from collections.abc import Iterator

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.master_keys import AesGcmBox, MasterKeys, key_of_sealed
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.adapters.signing_keys import ALGORITHMS
from mfa_service.domain.errors import MfaError
from mfa_service.persistence import signing_key_rows
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.services.keys import KeyInfo, KeyRing, KeysUnreadable
from mfa_service.settings import Settings

from .finding import Finding, error, ok, warning

_DAY = 86_400
_OLD, _LEFT_OVER = 400 * _DAY, 30 * _DAY


def findings(settings: Settings, work: UnitOfWork) -> Iterator[Finding]:
    """Look at each algorithm's key, and under which master key they are sealed."""
    keys, clock = MasterKeys(settings.master_keys), SystemClock()
    ring = KeyRing(work, AesGcmBox(keys, SystemRandomness()), clock, settings.issuer)
    try:
        infos = [info for info in ring.infos() if info.retired_at is None]
        for alg in ALGORITHMS:
            ring.signer_for(alg)
    except (KeysUnreadable, MfaError) as exc:
        yield error("signing keys", str(exc), "nothing can be signed", "see MFA_MASTER_KEYS")
        return
    for info in infos:
        yield _key(info, clock.now())
    yield _sealing(work, keys)


def _key(info: KeyInfo, at: int) -> Finding:
    check, days = f"signing key {info.alg}", (at - max(info.active_at, info.created_at)) // _DAY
    if info.waits:
        return ok(check, f"the next, {info.kid}, is published and signs in {-days} days")
    if not info.signs and days * _DAY > _LEFT_OVER:
        return warning(
            check,
            f"{info.kid} is still published and signs no more",
            "whoever gets hold of an old key can still sign with it",
            f"run `mfa keys retire {info.kid}`",
        )
    if info.signs and days * _DAY > _OLD:
        return warning(
            check,
            f"{info.kid} signs since {days} days",
            "a key that is never changed is the one that leaks unseen",
            f"run `mfa keys rotate --alg {info.alg}`",
        )
    return ok(check, f"{info.kid} opens and {'signs' if info.signs else 'is published'}")


def _sealing(work: UnitOfWork, keys: MasterKeys) -> Finding:
    with work.reading() as tx:
        found = {key_of_sealed(bytes(row.sealed)) for row in signing_key_rows.every(tx)}
    old = sorted(str(kid) for kid in found - {keys.current})
    if not old:
        return ok("master keys", f"{keys.current} seals; {len(keys.ids())} are given")
    return warning(
        "master keys",
        f"signing keys are still sealed under {', '.join(old)}",
        "while anything is, that key cannot be removed",
        "run `mfa keys master list`, then `mfa keys master rewrap`",
    )
