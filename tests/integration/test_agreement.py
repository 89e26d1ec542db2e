"""Ledger and store agree, after minutes at full rate with dropped connections, restarts and a kill.

FEEDLOOM_AGREEMENT_SECONDS=300 is the full form (5 minutes at 5,000 messages a second); FEEDLOOM_SHORT=1 the
short one.
"""
import os
import time

from agreement import Run, check_loss_identity, check_memory
from compare import compare
from harness import SANITIZED, SHORT, until

SECONDS = int(os.environ.get("FEEDLOOM_AGREEMENT_SECONDS", "20" if SHORT else "60"))
RATE = 2000 if SHORT else 5000
TIMES = 1 if SHORT else 3  # connections dropped, and orderly restarts


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
