"""One enrolled phone talking to its service: the open connection and what is read over it."""

from dataclasses import dataclass
from typing import Any

import httpx

from mobile_stub.challenges import Challenge, checked_id, verified_challenge
from mobile_stub.device_calls import DeviceCalls
from mobile_stub.encoding import json_object
from mobile_stub.errors import ChallengeExpired, ServerNotTrusted, StateFault
from mobile_stub.server_keys import ServerKeys
from mobile_stub.state import State
from mobile_stub.wire import Wire

_DEVICE_MEMBERS = ("device_id", "sub", "issuer", "state", "label", "pin", "push")


@dataclass(frozen=True, slots=True)
class Session:
    """A phone with its device id, its connection and the service's keys."""

    state: State
    wire: Wire
    keys: ServerKeys

    @classmethod
    def over(cls, wire: Wire, state: State) -> "Session":
        """Return a session on an open connection."""
        return cls(state, wire, ServerKeys(wire))

    @property
    def device_id(self) -> str:
        """Return the device id, or `StateFault` if the claim was never answered."""
        if self.state.device_id is None:
            raise StateFault("The enrollment was not finished; use the enrollment link again.")
        return self.state.device_id

    @property
    def calls(self) -> DeviceCalls:
        """Return calls signed by the current device key."""
        return DeviceCalls(self.wire, self.device_id, self.state.device_key)

    def device(self) -> dict[str, Any]:
        """Return what the service says about this phone (`GET /v1/device`)."""
        reply = json_reply(self.calls.call("GET", "/v1/device"))
        if reply.get("device_id") != self.device_id:
            raise ServerNotTrusted("The service answered for another phone.")
        return {name: reply.get(name) for name in _DEVICE_MEMBERS}

    def challenge(self, challenge_id: str) -> Challenge:
        """Return one pending challenge, verified; `Refused` when there is none of that id."""
        reply = self.calls.call("GET", f"/v1/device/challenges/{checked_id(challenge_id)}")
        challenge = self._verified(json_reply(reply).get("challenge"))
        if challenge.id != challenge_id:
            raise ServerNotTrusted("The service sent another request than the one asked for.")
        return challenge

    def challenges(self, *, wait: int, known: frozenset[str] = frozenset()) -> list[Challenge]:
        """Return the pending challenges, verified, after at most `wait` seconds.

        Those that expired on the way are left out; one that is not genuine fails them all.
        """
        query = f"wait={wait}" + (f"&known={','.join(sorted(known))}" if known else "")
        reply = json_reply(self.calls.call("GET", "/v1/device/challenges", query=query))
        tokens = reply.get("challenges")
        if not isinstance(tokens, list):
            raise ServerNotTrusted("The service sent a list of requests that cannot be read.")
        found = []
        for token in tokens:
            try:
                found.append(self._verified(token))
            except ChallengeExpired:
                continue
        return found

    def _verified(self, token: object) -> Challenge:
        if not isinstance(token, str):
            raise ServerNotTrusted("The service sent a request that cannot be read.")
        return verified_challenge(token, state=self.state, keys=self.keys, at=self.wire.now())


def json_reply(reply: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a successful reply, else `ServerNotTrusted`."""
    try:
        return json_object(reply.content)
    except ValueError as fault:
        raise ServerNotTrusted("The service's reply cannot be read.") from fault
