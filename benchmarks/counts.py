"""Counts what each flow tells the database, in this process and without load: it is exact."""

from flask import Flask

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.wiring import Ports
from tests.support.ports import FakeSender

from . import bare
from .flows import Bare, Push, Recovery, Session, Totp
from .people import People, Sizes, enroll_people
from .places import Place, yardstick_engine
from .statements import Inside, Told, told_by

NOTIFIED = "phone and PIN, notified"
# A phone is notified three times in five minutes: each flow gets one that was never notified.
_NOTIFIED = Sizes(totp=0, phones=15, sets=0)
_SOME = Sizes(totp=15, phones=1, sets=2)


def count(place: Place) -> dict[str, Told]:
    """Return what each flow tells, the yardstick's first."""
    yardstick = yardstick_engine(place.url)
    told = {Bare.name: told_by(Bare(), bare.create_app(yardstick), place.trace(yardstick))}
    yardstick.dispose()
    ports = Ports(SystemClock(), SystemRandomness(), {"fcm": FakeSender("fcm")})
    app = create_app(place.settings, ports)
    services = services_of(app)
    take = place.trace(services.foundation.work.engine)
    people = enroll_people(place.settings, _SOME)
    session = _session(people, app)
    for flow in (Totp(people, session), Push(people, session), Recovery(people, session)):
        told[flow.name] = told_by(flow, app, take)
    notified = enroll_people(place.settings, _NOTIFIED, push="fcm")
    deliver = ("outbox", services.outbox.deliver)
    told[NOTIFIED] = told_by(Push(notified, _session(notified, app)), app, take, [deliver])
    services.foundation.work.engine.dispose()
    return told


def _session(people: People, app: Flask) -> Session:
    session = Session(people)
    session.renew(Inside(app, tuple))
    return session
