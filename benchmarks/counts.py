"""Counts what each flow tells the database, in this process and without load: it is exact."""

from flask import Flask

from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.app import create_app, services_of
from mfa_service.wiring import Ports
from tests.support.ports import FakeSender

from . import bare
from .flows import Bare, Push, Session, flows_of
from .people import People, Sizes, enroll_people
from .places import Place, yardstick_engine
from .statements import Inside, Told, told_by

NOTIFIED = "phone and PIN, notified"
# A phone is notified three times in five minutes: each flow gets one that was never notified.
_NOTIFIED = Sizes(phones=15)
_SOME = Sizes(totp=15, phones=1, passkeys=1, sets=2)


def count(place: Place) -> dict[str, Told]:
    """Return what each flow tells, the yardstick's first."""
    yardstick = yardstick_engine(place.url)
    with place.trace(yardstick) as take:
        told = {Bare.name: told_by(Bare(), bare.create_app(yardstick), take)}
    yardstick.dispose()
    ports = Ports(SystemClock(), SystemRandomness(), {"fcm": FakeSender("fcm")})
    app = create_app(place.settings, ports)
    services = services_of(app)
    with place.trace(services.foundation.work.engine) as take:
        people = enroll_people(place.settings, _SOME)
        for flow in flows_of(people, _session(people, app)):
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
