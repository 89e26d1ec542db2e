"""The soak in its short form, and that it can fail: it mostly waits, and others may run beside it."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from campaign import Progress  # noqa: E402  (first: it knows where the rest is)

import soak  # noqa: E402
from conftest import new_folder, new_world  # noqa: E402
from harness import WAITS_LONG  # noqa: E402


@pytest.fixture
def world():
    with new_folder() as folder, new_world(folder) as made:
        yield made


@WAITS_LONG
def test_soak(world):
    """Short form of `./dev torture soak`."""
    lines = soak.soak(world, 25, Progress("soak"), 10, btc_options=114, eth_options=114, message_rate=200)
    assert lines[0].endswith("1.00000 on average"), lines


def test_what_is_not_flat_is_a_violation():
    with pytest.raises(AssertionError, match="descriptors grew"):
        soak.flat("descriptors", list(range(100)), 2)
