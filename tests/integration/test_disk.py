"""Disks that are full, broken, slow or locked while records stream: the state says so with its reason, it recovers
without help, and in the end ledger and store agree to the last message.
"""
import errno
import json
import sqlite3
import time

import pytest

from compare import compare
from faulty_disk import ALLOCATIONS, PAGES, SYNCS, WRITES, FaultyDisk
from harness import SANITIZED, SHORT, until

RATE = 500 if SHORT else 2000


class Pair:
    def __init__(self, world):
        self.disk = FaultyDisk(world.folder)
        self.simulator = world.simulator(message_rate=RATE)
        self.daemon = world.daemon(self.simulator, env=self.disk.env, journal={"dir": "journal", "sync": "200ms"})
        self.daemon.start()
        self.daemon.wait_connected()

    def wait_sink(self, states, words, seconds=40):
        return self.daemon.wait_status(
            lambda s: s["sinks"][0]["state"] in states and any(w in (s["sinks"][0]["reason"] or "") for w in words),
            f"the sink is {states} because of {words}", seconds)

    def wait_well(self):
        """It takes and stores again, and no connection was touched."""
        self.daemon.wait_status(lambda s: s["sinks"][0]["state"] == "connected", "the sink recovers", 90)
        seen = self.daemon.sink()["rows"]
        self.daemon.wait_status(lambda s: s["sinks"][0]["rows"] > seen and s["sinks"][0]["lag_seconds"] < 5 and
                                s["journal"]["state"] == "ok", "rows land again", 90)
        assert self.daemon.feed()["reconnects"] == 0


@pytest.fixture(scope="module")
def pair(module_world):
    return Pair(module_world)


@pytest.mark.parametrize("what, number, words", [
    (WRITES, errno.ENOSPC, ["database or disk is full"]),
    (WRITES, errno.EIO, ["disk I/O error (input/output error)"]),
    (SYNCS, errno.EIO, ["disk I/O error (input/output error)"]),
    (WRITES, errno.EROFS, ["disk I/O error (read-only file system)"]),
])
def test_a_store_whose_disk_fails(pair, what, number, words):
    with pair.disk.fault("feedloom.db", what, number) as disk:
        status = pair.wait_sink(("disconnected", "degraded"), words)
        assert status["journal"]["state"] == "ok" and status["feeds"][0]["state"] == "connected"
        until(lambda: pair.daemon.sink()["lag_records"] > 200, "the journal holds what comes")
        assert disk.failed() > 0
    pair.wait_well()


def test_a_store_whose_disk_is_slow(pair):
    with pair.disk.fault("feedloom.db", SYNCS, delay_ms=400) as disk:
        rows = pair.daemon.sink()["rows"]
        until(lambda: pair.daemon.sink()["rows"] > rows + 3 * RATE, "it stores all the same", 60)
        assert disk.seen(SYNCS) > 1
        assert pair.daemon.sink()["state"] == "connected"
    pair.wait_well()


def test_a_store_that_is_locked_by_another(pair):
    other = sqlite3.connect(pair.daemon.store, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        pair.wait_sink(("degraded",), ["locked"])
        other.execute("ROLLBACK")
    finally:
        other.close()
    pair.wait_well()


def test_a_journal_that_cannot_be_synced(pair):
    with pair.disk.fault("journal", SYNCS, errno.EIO) as disk:
        until(lambda: disk.failed() > 2, "it is tried again")
        until(lambda: pair.daemon.lines(["journal", "cannot sync: input/output error"]), "it is said")
    pair.wait_well()


def test_a_journal_without_room_for_the_next_segment(pair):
    with pair.disk.fault("journal", ALLOCATIONS, errno.ENOSPC) as disk:
        pair.simulator.rate(10 * RATE)  # until it needs one
        until(lambda: disk.failed() > 0, "it looks for room", 120)
        pair.simulator.rate(RATE)
        until(lambda: pair.daemon.lines(["cannot make room ahead", "no space"]), "it is said")
    pair.wait_well()


def test_a_journal_whose_disk_stalls(pair):
    """Pages come late: the sockets are held back rather than records lost."""
    holds = pair.daemon.metric("feedloom_journal_holds_total")
    with pair.disk.fault("journal", PAGES, delay_ms=1500):
        pair.simulator.rate(10 * RATE)
        until(lambda: pair.daemon.metric("feedloom_journal_holds_total") > holds, "it holds back", 120)
        pair.simulator.rate(RATE)
    pair.wait_well()


def test_nothing_was_lost(pair):
    pair.wait_well()
    assert pair.simulator.quiesce()["lost_rows"] == 0
    pair.daemon.wait_drained(120)
    counts = json.loads(pair.daemon.sql("SELECT counts FROM feedloom_cursor")[0][0])
    assert not any(fates.get(fate) for fates in counts.values() for fate in ("dropped", "rejected")), counts
    pair.daemon.stop(60)
    pair.simulator.stop(60)
    verdict = compare(pair.simulator.ledger, pair.daemon.store)
    print(verdict)
    verdict.check()
    assert pair.daemon.sql("SELECT * FROM stream_gaps") == []


@pytest.mark.parametrize("sync, least, most", [("100ms", 12, 60), ("1s", 1, 8), ("0", 0, 0)])
def test_the_journal_is_synced_as_often_as_it_is_told(world, sync, least, most):
    """Over three seconds of a stream that flows; the ends of segments are synced besides."""
    disk = FaultyDisk(world.folder)
    simulator = world.simulator(message_rate=200)
    daemon = world.daemon(simulator, env=disk.env, journal={"dir": "journal", "sync": sync}).start()
    daemon.wait_connected()
    with disk.watch("/journal/"):
        begun = time.monotonic()
        time.sleep(3)
        count, gone = disk.seen(SYNCS), time.monotonic() - begun
    print(f"{count} syncs in {gone:.1f} s with sync {sync}")
    assert count <= most * gone / 3
    if not SANITIZED:
        assert count >= least
    daemon.stop()
    simulator.stop()
