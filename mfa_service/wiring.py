"""Chooses the implementations and puts the use cases together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from mfa_service import wiring_adapters
from mfa_service.adapters.clock import SystemClock
from mfa_service.adapters.master_keys import AesGcmBox, HmacHash, MasterKeys
from mfa_service.adapters.randomness import SystemRandomness
from mfa_service.adapters.signing_keys import PrivateKey, new_key
from mfa_service.adapters.wakeup_carried import CarriedWakeUp
from mfa_service.domain.ports import (
    Clock,
    LoginProvider,
    PushSender,
    Randomness,
)
from mfa_service.factors import load_factors
from mfa_service.persistence.unit_of_work import UnitOfWork
from mfa_service.services.account_links import AccountLinkService
from mfa_service.services.answers import AnswerService
from mfa_service.services.authenticators import AuthenticatorService
from mfa_service.services.authorizations import AuthorizationService
from mfa_service.services.challenges import ChallengeService
from mfa_service.services.ciba import CibaService
from mfa_service.services.ciba_grant import CibaGrant
from mfa_service.services.claiming import ClaimService
from mfa_service.services.client_authentication import ClientAuthentication
from mfa_service.services.clients import ClientService
from mfa_service.services.device_keys import DeviceKeyService
from mfa_service.services.devices import DeviceService
from mfa_service.services.disputes import DisputeService
from mfa_service.services.enrollment import EnrollmentService
from mfa_service.services.entra import EntraService
from mfa_service.services.first_steps import FirstSteps
from mfa_service.services.foundation import Foundation
from mfa_service.services.front_channel import FrontChannel
from mfa_service.services.gateway import GatewayService
from mfa_service.services.grants import GrantService
from mfa_service.services.hints import HintService
from mfa_service.services.housekeeping import HousekeepingService
from mfa_service.services.idempotency import IdempotencyService
from mfa_service.services.introspection import IntrospectionService
from mfa_service.services.keys import KeyRing
from mfa_service.services.models import ModelService
from mfa_service.services.opening import OpeningService
from mfa_service.services.outbox import OutboxService
from mfa_service.services.own_client import OwnClient
from mfa_service.services.pages import PageService
from mfa_service.services.passkeys import PasskeyService
from mfa_service.services.people import PeopleService
from mfa_service.services.phone_answers import PhoneAnswerService
from mfa_service.services.phone_challenges import PhoneChallengeService
from mfa_service.services.pings import PingService
from mfa_service.services.prompts import Prompts
from mfa_service.services.self_service import Parts, SelfService
from mfa_service.services.sessions import SessionService
from mfa_service.services.sign_in import LoginIssuer, SignInService
from mfa_service.services.timeline import TimelineService
from mfa_service.services.tokens import TokenService
from mfa_service.services.user_codes import UserCodeService
from mfa_service.services.user_tokens import UserTokenService
from mfa_service.services.users import UserService
from mfa_service.services.waiting import Watcher
from mfa_service.settings import Settings
from mfa_service.wiring_push import LazySenders

WAITING_THREADS = 16


@dataclass(frozen=True, slots=True)
class Ports:
    """What tests replace: time, chance, push providers, the login issuer, how many may wait."""

    clock: Clock
    randomness: Randomness
    senders: Mapping[str, PushSender]
    login: LoginProvider | None = None
    waiting_threads: int = WAITING_THREADS
    new_key: Callable[[str], PrivateKey] = new_key

    @classmethod
    def real(cls) -> "Ports":
        """Return the ports of a running service; its push senders are in the settings."""
        return cls(SystemClock(), SystemRandomness(), {})


@dataclass(frozen=True, slots=True)
class Account:
    """The use cases of people in self-service."""

    sessions: SessionService
    links: AccountLinkService
    sign_in: SignInService
    changes: SelfService
    timeline: TimelineService


@dataclass(frozen=True, slots=True)
class Protocols:
    """The use cases of OpenID Connect."""

    tokens: UserTokenService
    front_channel: FrontChannel
    entra: EntraService
    first_steps: FirstSteps
    authorizations: AuthorizationService
    grants: GrantService
    introspection: IntrospectionService
    ciba: CibaService
    ciba_grant: CibaGrant
    pings: PingService
    user_codes: UserCodeService


@dataclass(frozen=True, slots=True)
class Services:
    """Every use case, ready to be called."""

    settings: Settings
    foundation: Foundation
    wake_up: CarriedWakeUp
    watcher: Watcher
    clients: ClientService
    client_authentication: ClientAuthentication
    own_client: OwnClient
    tokens: TokenService
    gateway: GatewayService | None
    people: PeopleService
    opening: OpeningService
    challenges: ChallengeService
    prompts: Prompts
    passkeys: PasskeyService
    models: ModelService
    answers: AnswerService
    enrollment: EnrollmentService
    claiming: ClaimService
    authenticators: AuthenticatorService
    users: UserService
    devices: DeviceService
    device_keys: DeviceKeyService
    phone_challenges: PhoneChallengeService
    phone_answers: PhoneAnswerService
    idempotency: IdempotencyService
    outbox: OutboxService
    pages: PageService
    account: Account
    housekeeping: HousekeepingService
    protocols: Protocols

    @property
    def issuer(self) -> str:
        """Our own name in tokens and addresses."""
        return self.settings.issuer


def assemble(settings: Settings, engine: Engine, ports: Ports) -> Services:
    """Return the use cases over `engine`."""
    wake_up = wiring_adapters.wake_up(settings, ports.waiting_threads, ports.randomness)
    foundation = _foundation(settings, UnitOfWork(engine), wake_up, ports)
    (clients, tokens), devices = _clients(settings, foundation), DeviceService(foundation)
    answers, phone_challenges = AnswerService(foundation), PhoneChallengeService(foundation)
    models, own_client = ModelService(foundation), OwnClient(foundation)
    parts, login = _parts(foundation, answers, models, own_client), _login(settings, ports)
    return Services(
        settings=settings,
        foundation=foundation,
        wake_up=wake_up,
        watcher=Watcher(foundation.work, wake_up, ports.clock),
        clients=ClientService(foundation, clients),
        client_authentication=clients,
        own_client=own_client,
        tokens=tokens,
        gateway=wiring_adapters.gateway(settings, foundation, tokens),
        people=PeopleService(own_client, login),
        opening=parts.opening,
        challenges=parts.challenges,
        prompts=Prompts(foundation),
        passkeys=PasskeyService(foundation),
        models=models,
        answers=answers,
        enrollment=parts.enrollment,
        claiming=ClaimService(foundation, devices),
        authenticators=parts.authenticators,
        users=UserService(foundation),
        devices=devices,
        device_keys=DeviceKeyService(foundation, devices),
        phone_challenges=phone_challenges,
        phone_answers=PhoneAnswerService(foundation, devices, phone_challenges),
        idempotency=IdempotencyService(foundation),
        outbox=_outbox(settings, foundation, ports),
        pages=PageService(foundation, parts.challenges, answers, clients),
        account=_account(foundation, login, parts),
        housekeeping=HousekeepingService(foundation),
        protocols=_protocols(settings, foundation, clients, tokens, parts),
    )


def _protocols(
    settings: Settings,
    foundation: Foundation,
    clients: ClientAuthentication,
    client_tokens: TokenService,
    parts: Parts,
) -> Protocols:
    tokens = UserTokenService(foundation, parts.challenges)
    authorizations = AuthorizationService(
        foundation, clients, parts.opening, parts.challenges, tokens
    )
    hints = HintService(foundation, wiring_adapters.hint_issuers(settings, foundation.clock))
    grants = GrantService(foundation, authorizations, tokens)
    notifier = wiring_adapters.notifier(settings)
    return Protocols(
        tokens=tokens,
        front_channel=FrontChannel(foundation, clients, hints),
        entra=EntraService(foundation, wiring_adapters.entra_tenants(settings, foundation.clock)),
        first_steps=FirstSteps(foundation, authorizations, parts.sessions),
        authorizations=authorizations,
        grants=grants,
        introspection=IntrospectionService(foundation, client_tokens),
        ciba=CibaService(foundation, hints, authorizations),
        ciba_grant=CibaGrant(foundation, authorizations, tokens, grants),
        pings=PingService(foundation, authorizations, notifier),
        user_codes=UserCodeService(foundation),
    )


def _clients(
    settings: Settings, foundation: Foundation
) -> tuple[ClientAuthentication, TokenService]:
    directory = wiring_adapters.directory(settings, foundation.clock)
    clients = ClientAuthentication(foundation, directory)
    return clients, TokenService(foundation, clients)


def _outbox(settings: Settings, foundation: Foundation, ports: Ports) -> OutboxService:
    senders = ports.senders or LazySenders(settings, ports.clock)
    return OutboxService(foundation, senders)


def _login(settings: Settings, ports: Ports) -> LoginIssuer | None:
    return wiring_adapters.login(settings, ports.clock, ports.login)


def _parts(
    foundation: Foundation, answers: AnswerService, models: ModelService, own_client: OwnClient
) -> Parts:
    return Parts(
        OpeningService(foundation, answers),
        ChallengeService(foundation),
        EnrollmentService(foundation, models.current),
        AuthenticatorService(foundation),
        SessionService(foundation, own_client),
    )


def _account(foundation: Foundation, login: LoginIssuer | None, parts: Parts) -> Account:
    timeline = TimelineService(foundation, parts.challenges)
    return Account(
        sessions=parts.sessions,
        links=AccountLinkService(foundation, parts.sessions),
        sign_in=SignInService(foundation, login, parts.sessions),
        changes=SelfService(foundation, parts, DisputeService(foundation, timeline)),
        timeline=timeline,
    )


def _foundation(
    settings: Settings, work: UnitOfWork, wake_up: CarriedWakeUp, ports: Ports
) -> Foundation:
    keys = MasterKeys(settings.master_keys)
    box = AesGcmBox(keys, ports.randomness)
    return Foundation(
        issuer=settings.issuer,
        service_name=settings.service_name,
        rp_id=settings.rp_id,
        origins=settings.origins,
        app_origins=settings.app_origins,
        clock=ports.clock,
        randomness=ports.randomness,
        secret_box=box,
        keyed_hash=HmacHash(keys),
        keys=KeyRing(work, box, ports.clock, settings.issuer, new_key=ports.new_key),
        wake_up=wake_up,
        work=work,
        factors=load_factors(without=() if settings.webauthn else ("webauthn",)),
        levels=settings.levels,
        limits=settings.limits,
        android_roots=settings.android_roots,
        attestation=settings.attestation,
    )
