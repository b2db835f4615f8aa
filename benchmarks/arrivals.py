"""When people come: a morning's curve, and how long they take to find their phone."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

_SIGMAS = 6  # the whole time is so many standard deviations of the curve
_MEDIAN_SECONDS, _SPREAD, _LONGEST = 7.0, 0.5, 25.0


@dataclass(frozen=True, slots=True)
class Morning:
    """`users` come within `seconds`, most in the middle: a normal distribution, cut at both ends.

    Nobody waits for anybody: who comes does not know how busy the service is (an open loop).
    """

    users: int
    seconds: float

    @property
    def peak(self) -> float:
        """Arrivals per second in the middle."""
        width = self.seconds / _SIGMAS
        inside = math.erf(_SIGMAS / 2 / math.sqrt(2))
        return self.users / (width * math.sqrt(2 * math.pi) * inside)

    def times(self, chance: random.Random) -> list[float]:
        """Return the second at which each one comes, in order."""
        return sorted(next(self._inside(chance)) for _ in range(self.users))

    def _inside(self, chance: random.Random) -> Iterator[float]:
        while True:
            at = chance.gauss(self.seconds / 2, self.seconds / _SIGMAS)
            if 0 <= at <= self.seconds:
                yield at


def seconds_to_answer(chance: random.Random) -> float:
    """Return how long a person takes to read, and to type a code and a PIN: mostly some seconds."""
    return min(chance.lognormvariate(math.log(_MEDIAN_SECONDS), _SPREAD), _LONGEST)
