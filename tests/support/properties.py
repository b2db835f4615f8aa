"""Hypothesis as this suite runs it: the same examples each time, no clock, no folder of its own."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

REPEATABLE = settings(derandomize=True, deadline=None, database=None)
FEW = settings(
    REPEATABLE,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**54), 2**54)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
json_objects = st.dictionaries(st.text(max_size=10), json_values, max_size=5)
