"""Ledger and store agree, after minutes at full rate with dropped connections, restarts and a kill.

FEEDLOOM_AGREEMENT_SECONDS=300 is the full form (5 minutes at 5,000 messages a second); FEEDLOOM_SHORT=1 the
short one.
"""
import json
import os
import signal
import time

from compare import compare
from harness import SANITIZED, SHORT, until

SECONDS = int(os.environ.get("FEEDLOOM_AGREEMENT_SECONDS", "20" if SHORT else "60"))
RATE = 2000 if SHORT else 5000
TIMES = 1 if SHORT else 3  # connections dropped, and orderly restarts
MEMORY_KIB = 64 * 1024


class Run:
    """A simulator at full rate, a daemon, and what was done to them."""

    def __init__(self, world, channels, rate):
        self.rate = rate
        self.simulator = world.simulator(message_rate=rate)
        self.daemon = world.daemon(self.simulator, feed={"channels": channels})
        self.cut = set()  # connections that were cut, or whose client was killed
        self.begin()

    def begin(self):
        self.daemon.start()
        self.daemon.wait_connected(seconds=60)

    def drop(self, index):
        connection = self.simulator.connections()[index]
        self.cut.add(connection)
        assert self.simulator.drop(connection) == 1
        until(lambda: connection not in self.simulator.connections(), "it is gone")
        self.daemon.wait_connected(seconds=60)

    def cut_off(self, index):
        """A drop that must lose messages: the daemon does not read until they pile up at the venue."""
        connection = self.simulator.connections()[index]
        self.daemon.signal(signal.SIGSTOP)
        try:
            self.simulator.rate(10 * self.rate)  # what the kernel's buffers take would last for a minute else
            until(lambda: self.queued(connection) > 50000, "messages that cannot be sent", 60)
            self.simulator.rate(self.rate)
            self.cut.add(connection)
            assert self.simulator.drop(connection) == 1
        finally:
            self.daemon.signal(signal.SIGCONT)
        until(lambda: connection not in self.simulator.connections(), "it is gone")
        self.daemon.wait_status(lambda s: s["feeds"][0]["reconnects"] > 0, "noticed")
        self.daemon.wait_connected(seconds=60)

    def queued(self, connection):
        return {c["connection"]: c["queued_bytes"] for c in self.simulator.status()["connections"]}[connection]

    def restart(self):
        self.daemon.stop(60)
        self.begin()

    def kill(self):
        # Connections at the moment of the kill: those open before it, and none new until the next start.
        self.cut.update(self.simulator.connections())
        self.daemon.kill()
        self.begin()

    def finish(self):
        """Silence at the venue, everything refilled and stored, both stopped in order; the verdict."""
        self.daemon.wait_connected(seconds=60)
        assert self.simulator.quiesce()["lost_rows"] == 0
        self.daemon.wait_drained(120)
        query = ("SELECT count(*), max(event_us) FROM {} WHERE instrument_name LIKE '%-C' OR"
                 " instrument_name LIKE '%-P'")
        try:  # trades of the time away are asked for: they have their time, the verdict says what is missing
            newest = self.simulator.sql(query.format("market_trades"))[0][1]
            until(lambda: self.daemon.sql(query.format("option_trades"))[0][1] == newest, "refilled", 10)
        except AssertionError:
            pass
        self.published = until(self.settled, "nothing is published any more")
        self.counts = json.loads(self.daemon.sql("SELECT counts FROM feedloom_cursor")[0][0])
        self.daemon.stop(60)
        self.simulator.stop(60)
        verdict = compare(self.simulator.ledger, self.daemon.store, self.cut)
        print(verdict)
        return verdict

    def settled(self):
        before = self.daemon.wait_drained()["journal"]["published"]
        time.sleep(0.5)  # a pause to see whether anything still moves; what is waited for is the equality
        status = self.daemon.status()
        after = status["journal"]["published"]
        return after if after == before and status["sinks"][0]["lag_records"] == 0 else None


def check_loss_identity(run):
    """published = stored + repeated + rejected + dropped, for each kind, with nothing waiting."""
    fates = {}
    for kind, counts in run.counts.items():
        fates[kind] = sum(counts.values())
        assert counts.get("rejected", 0) == counts.get("dropped", 0) == 0, run.counts
    assert {kind: fates.get(kind, 0) for kind in run.published} == run.published


def check_memory(daemon):
    assert daemon.rss_kib, "memory was not sampled"
    most = max(daemon.rss_kib)
    print(f"resident at most {most} KiB in {len(daemon.rss_kib)} samples")
    if not SANITIZED:
        assert most < MEMORY_KIB, daemon.rss_kib


def test_they_agree_after_drops_and_restarts_at_full_rate(world):
    run = Run(world, ["ticker.agg2", "trades.100ms", "quote"], RATE)
    assert len(run.simulator.connections()) == 7
    begun = time.monotonic()
    for step in range(2 * TIMES):
        due = begun + SECONDS * (step + 1) / (2 * TIMES + 1)
        time.sleep(max(0.0, due - time.monotonic()))
        if step % 2 == 0:
            run.cut_off(step % 7)
        else:
            run.restart()
    time.sleep(max(0.0, begun + SECONDS - time.monotonic()))
    sent = run.simulator.status()["sent"]
    verdict = run.finish()
    if not SANITIZED:
        assert sent > 0.7 * RATE * SECONDS, f"the load was not what it should be: {sent} messages"
    verdict.check()
    assert verdict.counts["messages"] >= sent
    assert verdict.counts["stored quote rows"] > 0 and verdict.counts["stored trades"] > 0
    assert verdict.counts["cut off"] > 0, "nothing was lost with a dropped connection: nothing was tested"
    assert verdict.counts["stored trades, refilled"] > 0, "a restart under load must have refilled something"
    assert run.daemon.sql("SELECT count(*) FROM rejected_records") == [(0,)]
    check_loss_identity(run)
    check_memory(run.daemon)


def test_they_agree_after_kill_9_with_books(world):
    """Three channels an instrument, more connections; the process dies without a word, twice."""
    run = Run(world, ["ticker.agg2", "trades.100ms", "quote", "book.agg2", "index"], 1500 if SHORT else 3000)
    seen = run.daemon.feed()["messages"]
    for _ in range(2):
        until(lambda: run.daemon.feed()["messages"] > seen + 4000, "some thousand messages", 60)
        run.kill()
        seen = run.daemon.feed()["messages"]
    until(lambda: run.daemon.feed()["messages"] > seen + 4000, "some thousand messages", 60)
    run.drop(1)
    until(lambda: run.daemon.feed()["messages"] > seen + 8000, "some thousand messages", 60)
    verdict = run.finish()
    verdict.check()
    assert verdict.counts["stored book rows"] > 0 and verdict.counts["stored index rows"] > 0
    assert run.daemon.sql("SELECT count(*) FROM stream_gaps WHERE cause = 'process' AND ended_us IS NOT NULL")[0][0] > 0
    assert run.daemon.sql("SELECT count(*) FROM tickers WHERE instrument_name NOT IN"
                          " (SELECT instrument_name FROM instrument_metadata)") == [(0,)]


def test_the_comparison_can_find_fault(world):
    """What the verdict rests on: rows that are changed, missing or doubled in the store are found."""
    run = Run(world, ["ticker.agg2", "trades.100ms", "quote"], 500)
    until(lambda: run.daemon.count("option_trades") > 20, "trades", 60)
    run.finish().check()
    import sqlite3

    def spoilt(statement):
        db = sqlite3.connect(run.daemon.store)
        try:
            db.execute("BEGIN")
            assert db.execute(statement).rowcount == 1, statement
            db.execute("COMMIT")
        finally:
            db.close()
        return compare(run.simulator.ledger, run.daemon.store, ()).counts

    middle = "(SELECT rowid FROM {0} ORDER BY rowid LIMIT 1 OFFSET (SELECT count(*) / 2 FROM {0}))"
    quote, ticker, trade = (middle.format(t) for t in ("option_quotes_base", "tickers_base", "option_trades_base"))
    assert spoilt(f"UPDATE tickers_base SET vega = vega + 1e-9 WHERE rowid = {ticker}")["unequal"] >= 1
    counts = spoilt(f"DELETE FROM option_quotes_base WHERE rowid = {quote}")
    assert counts["hole"] + counts["missing"] >= 1
    assert spoilt("INSERT INTO option_quotes_base SELECT * FROM option_quotes_base ORDER BY rowid LIMIT 1")["repeated"] == 1
    assert spoilt(f"DELETE FROM option_trades_base WHERE rowid = {trade}")["missing trade"] == 1
