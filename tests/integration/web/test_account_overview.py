"""What self-service shows: each authenticator in plain words, warnings, and nothing too large."""

import json

import pytest

from tests.support.authenticator import SoftAuthenticator
from tests.support.browsing import Browser
from tests.support.database import execute
from tests.support.people import WatchedLogin, by_link, by_login
from tests.support.phone import PinKey
from tests.support.world import World

MOST_BYTES = 60_000
