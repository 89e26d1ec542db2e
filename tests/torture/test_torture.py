"""The campaigns of this folder in their short forms, and that they can fail: those that ask for a rate, alone."""
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from campaign import Progress  # noqa: E402  (first: it knows where the rest is)

import calendar_day  # noqa: E402
import kill  # noqa: E402
import stalls  # noqa: E402
import stream  # noqa: E402
from agreement import check_loss_identity, check_memory  # noqa: E402
from conftest import new_folder, new_world  # noqa: E402
from harness import SANITIZED, SHORT, WAITS_LONG  # noqa: E402


@pytest.fixture
def world():
    with new_folder() as folder, new_world(folder) as made:
        yield made


def test_help_is_told():
    front = [sys.executable, str(Path(__file__).parent / "torture.py")]
    told = subprocess.run([*front, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    for name in ("kill", "stream", "power", "reload", "calendar", "month", "soak", "timescale", "sim", "fuzz"):
        assert f"\n    {name} " in told, told
    told = subprocess.run([*front, "kill", "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "--kills" in told and "default 300" in told, told


def test_kills(world):
    """Short form of `./dev torture kill`."""
    draw = random.Random(3)
    verdict = kill.kill_round(world, 3 if SHORT else 6, 1500 if SHORT else 5000, kill.WITH_BOOKS, draw, lambda n: None)
    print(kill.check_tails(verdict))
    assert verdict.counts["stored trades, refilled"] > 0, "nobody was away: nothing was tested"


@WAITS_LONG
def test_a_kill_while_catching_up(world):
    """Some connections have been read to their ends and others not for seconds: what these lose lies in the row."""
    killed = kill.KilledRun(world, kill.CHANNELS, 2000 if SHORT else 5000)
    for awake_s in (0.03, 0):  # a quick machine has caught up by then; at once none has
        killed.daemon.wait_status(lambda s: s["feeds"][0]["messages"] > 5000, "messages flow", 60)
        killed.daemon.signal(signal.SIGSTOP)
        time.sleep(2)
        killed.daemon.signal(signal.SIGCONT)
        time.sleep(awake_s)
        killed.kill_and_start()
    verdict = killed.finish()
    verdict.check()
    assert verdict.counts["cut off"] > 0, "nothing was lost: nothing was tested"


def test_a_long_tail_is_a_violation():
    verdict = type("Verdict", (), {"tails": {1: (10, 4000), 2: (100000, kill.socket_buffer_bytes() + 1)}})
    with pytest.raises(AssertionError, match="a socket buffer holds"):
        kill.check_tails(verdict)


@WAITS_LONG
def test_stream(world):
    """Short form of `./dev torture stream`: whether this machine makes the rate and keeps the latency is the long
    one's question."""
    done, verdict, memory = stream.stream(world, 10 if SHORT else 20, 3000 if SHORT else 15000, Progress("stream"))
    verdict.check()
    check_loss_identity(done)
    check_memory(done.daemon)
    assert verdict.counts["cut off"] == 0 and verdict.counts["messages"] > 1000 and memory


def test_memory_that_grows_is_a_violation():
    with pytest.raises(AssertionError, match="grew"):
        stream.check_flat(list(range(20000, 40000, 100)))
    assert "resident at most" in stream.check_flat([20000 + n % 300 for n in range(200)])


@WAITS_LONG
@pytest.mark.skipif(SANITIZED, reason="a hundred times as fast is too fast for a sanitized program")
def test_calendar(world):
    """Short form of `./dev torture calendar`: half an hour around the expiries of a quarter's last Friday."""
    begins = calendar_day.BEGINS.replace(hour=7, minute=45)
    found = calendar_day.day(world, 0.5, Progress("calendar"), begins, btc_options=114, eth_options=114)
    assert found["expired"] > 20 and found["listed"] > found["expired"], found


def test_a_machine_that_stands_still_is_told_apart():
    now, waited = [100.0], {1: 0, 2: 0}
    seen = stalls.Stalls([1, 2], lambda: now[0], lambda pid: waited[pid])

    def pass_time(seconds, **more):
        now[0] += seconds
        for pid, ns in more.items():
            waited[int(pid[1:])] += ns
        seen.look()
    for _ in range(50):  # what a busy machine always does, and a process that hangs: it does not wait for a processor
        pass_time(0.05, p1=30_000_000)
    assert seen.found == [] and not seen.within(0, 200)
    pass_time(1.02)  # we were not waked
    assert seen.within(102.5, 103.5) and not seen.within(99, 102.4) and round(seen.longest(), 2) == 1.0
    pass_time(0.02, p2=800_000_000)  # the daemon alone was not
    assert len(seen.found) == 2 and round(seen.total(), 2) == 1.02, seen.found
