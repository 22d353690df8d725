from hypothesis import given
from hypothesis import strategies as st
from timm.layers import make_divisible as timms

from nas.models.rounding import make_divisible


@given(channels=st.integers(1, 10**6) | st.floats(0.1, 1e6), divisor=st.integers(1, 64))
def test_channels_are_rounded_as_timm_rounds_them(channels, divisor):
    assert make_divisible(channels, divisor) == timms(channels, divisor)
