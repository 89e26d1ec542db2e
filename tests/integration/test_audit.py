"""`feedloom audit`: what the store holds against what should be there. Each fault is made in the store or between
the processes, and the audit must name it; a store without one must pass."""
import json
import os
import shutil
import sqlite3

import pytest

from harness import run, until


@pytest.fixture(scope="module")
def stopped(module_world):
    """A few thousand trades, a dropped connection, a restart, an orderly end: simulator and daemon."""
    simulator = module_world.simulator(message_rate=2000)
    daemon = module_world.daemon(simulator).start()
    daemon.wait_connected()
    until(lambda: daemon.count("option_trades") > 300, "trades are stored")
    simulator.drop()
    daemon.wait_connected()
    daemon.stop()
    daemon.start()
    daemon.wait_connected()
    before = daemon.count("option_trades")
    until(lambda: daemon.count("option_trades") > before + 300, "more trades are stored")
    running = audit(daemon)
    simulator.quiesce()
    daemon.wait_drained()
    daemon.stop()
    simulator.stop()
    daemon.running_audit = running
    return simulator, daemon


@pytest.fixture
def spoilt(stopped, folder):
    """A copy of the store to spoil: run(sql...) changes it, audit() audits it."""
    class Spoilt:
        def __init__(self):
            self.path = folder / "feedloom.db"
            shutil.copy(stopped[1].store, self.path)
            self.daemon = stopped[1]

        def run(self, *statements):
            with sqlite3.connect(self.path) as connection:
                return [connection.execute(statement).fetchall() for statement in statements]

        def audit(self, *arguments):
            return audit(self.daemon, *arguments, store=self.path)
    return Spoilt()


def audit(daemon, *arguments, store=None):
    """The exit code and what it says of the one store, as JSON."""
    config = json.loads(json.dumps(daemon.config))
    if store is not None:
        config["sinks"]["store"]["path"] = str(store)
    file = (store.parent if store else daemon.folder) / "audit.yaml"
    file.write_text(json.dumps(config))
    done = run("audit", "-c", file, "-d", daemon.folder, "--json", *arguments)
    assert done.stderr == "", done.stderr
    (answer,) = json.loads(done.stdout)["stores"]
    return done.returncode, answer


def findings(answer, section, verdict="unexplained"):
    return [f for f in answer["sections"][section]["findings"] if f["verdict"] == verdict]


def test_a_store_without_fault_passes(stopped):
    simulator, daemon = stopped
    code, answer = audit(daemon, "--ledger", str(simulator.ledger))
    assert (code, answer["unexplained"]) == (0, 0), answer
    sections = answer["sections"]
    (trades,) = sections["trades"]["summary"]
    assert trades["trades"] == daemon.count("option_trades") > 600 and trades["missing"] == 0
    (ledger,) = sections["ledger"]["summary"]
    assert ledger["made"] == ledger["stored"] > 100
    (journal,) = sections["journal"]["summary"]
    assert journal["published"] == journal["accounted"] > 1000 and journal["waiting"] == 0
    causes = {f["cause"] for f in findings(answer, "gaps", "explained")}
    assert "process" in causes and len(causes) > 1, causes


def test_while_the_daemon_runs_it_passes_too_and_knows_the_latency(stopped):
    code, answer = stopped[1].running_audit
    assert (code, answer["unexplained"]) == (0, 0), answer
    (latency,) = answer["sections"]["latency"]["summary"]
    assert latency["feed"] == "deribit" and 0 < latency["p50_ms"] <= latency["p99_ms"]
    assert answer["sections"]["journal"]["summary"][0]["published"] > 1000


def test_text_says_the_same(stopped):
    daemon = stopped[1]
    done = run("audit", "-c", daemon.config_file, "-d", daemon.folder)
    assert done.returncode == 0, done
    assert "0 missing in 0 holes" in done.stdout and "store: 0 unexplained" in done.stdout, done.stdout


# The trade in the middle of the time.
MIDDLE = ("WHERE rowid = (SELECT rowid FROM option_trades_base ORDER BY abs(event_us -"
          " (SELECT (min(event_us) + max(event_us)) / 2 FROM option_trades_base)) LIMIT 1)")


def hole(spoilt):
    """Takes a trade out of the middle: its instrument and trade_seq."""
    ((identity, seq, name),) = spoilt.run(
        "SELECT t.instrument_id, t.trade_seq, m.instrument_name FROM option_trades_base AS t JOIN instrument_metadata AS m"
        " USING (instrument_id) JOIN option_trades_base AS a ON a.instrument_id = t.instrument_id AND a.trade_seq ="
        " t.trade_seq + 1 JOIN option_trades_base AS b ON b.instrument_id = t.instrument_id AND b.trade_seq = t.trade_seq - 1"
        " ORDER BY abs(t.event_us - (SELECT (min(event_us) + max(event_us)) / 2 FROM option_trades_base)) LIMIT 1")[0]
    spoilt.run(f"DELETE FROM option_trades_base WHERE instrument_id = {identity} AND trade_seq = {seq}")
    return name, seq


def test_a_missing_trade_is_named(spoilt, stopped):
    name, seq = hole(spoilt)
    code, answer = spoilt.audit("--ledger", str(stopped[0].ledger))
    assert code == 1
    (found,) = findings(answer, "trades")
    assert (found["instrument"], found["first_seq"], found["last_seq"]) == (name, seq, seq)
    (found,) = findings(answer, "ledger")
    assert (found["instrument"], found["trade_seq"]) == (name, seq)


def test_a_missing_trade_that_stream_gaps_names_is_explained(spoilt):
    name, seq = hole(spoilt)
    spoilt.run("INSERT INTO stream_gaps(feed, instrument_name, started_us, ended_us, first_seq, last_seq, cause)"
               f" VALUES('deribit', '{name}', 1, 2, {seq}, {seq}, 'trade_seq')")
    code, answer = spoilt.audit()
    assert code == 0, answer
    (found,) = findings(answer, "trades", "explained")
    assert found["cause"] == "trade_seq"


@pytest.mark.parametrize("cause, channel, code", [
    ("stopped", "NULL", 0), ("expiry_buffer", "NULL", 0), ("journal_full", "NULL", 0),
    ("process", "NULL", 1), ("hung_up", "'connection 1'", 1)])
def test_the_time_of_a_gap_explains_what_its_cause_can(spoilt, cause, channel, code):
    """Trades of a dropped connection are asked for again: that it was dropped is no reason to lack one."""
    name, seq = hole(spoilt)
    spoilt.run(f"DELETE FROM stream_gaps", "INSERT INTO stream_gaps(feed, channel, started_us, ended_us, cause) SELECT"
               f" 'deribit', {channel}, min(event_us), max(event_us), '{cause}' FROM option_trades_base")
    got, answer = spoilt.audit()
    assert got == code, answer
    (found,) = findings(answer, "trades", "unexplained" if code else "explained")
    assert found["cause"] == (None if code else cause)


def test_a_trade_that_is_there_twice_is_named(spoilt, stopped):
    spoilt.run("DROP INDEX option_trades_seq", f"INSERT INTO option_trades_base SELECT * FROM option_trades_base {MIDDLE}")
    code, answer = spoilt.audit("--ledger", str(stopped[0].ledger))
    assert code == 1
    (found,) = findings(answer, "duplicates")
    assert found["rows"] == 2
    assert len(findings(answer, "ledger")) == 1


def test_a_changed_trade_is_seen_by_the_ledger(spoilt, stopped):
    spoilt.run(f"UPDATE option_trades_base SET price = price + 0.0001 {MIDDLE}")
    code, answer = spoilt.audit("--ledger", str(stopped[0].ledger))
    assert code == 1 and len(findings(answer, "ledger")) == 1, answer["sections"]["ledger"]


def silence(spoilt):
    """The second half of everything comes ten minutes later."""
    ((middle,),) = spoilt.run("SELECT (min(event_us) + max(event_us)) / 2 FROM tickers_base")[0]
    for table in ("tickers_base", "option_quotes_base"):
        spoilt.run(f"UPDATE {table} SET event_us = event_us + 600000000 WHERE event_us >= {middle}")
    return middle


def test_a_silent_venue_is_named_and_explained_by_a_gap(spoilt):
    middle = silence(spoilt)
    spoilt.run("DELETE FROM stream_gaps")
    code, answer = spoilt.audit("--to", "2100-01-01T00:00:00Z")
    assert code == 1
    (found,) = findings(answer, "silence")
    assert found["exchange"] == "deribit"
    spoilt.run("INSERT INTO stream_gaps(feed, started_us, ended_us, cause) VALUES"
               f"('deribit', {middle}, {middle} + 600000000, 'stopped')")
    code, answer = spoilt.audit("--to", "2100-01-01T00:00:00Z")
    assert code == 0, answer["sections"]["silence"]
    assert any(f["cause"] == "stopped" for f in findings(answer, "silence", "explained"))


def test_an_instrument_much_quieter_than_usual_is_a_note(spoilt):
    ((identity, name, last),) = spoilt.run("SELECT instrument_id, instrument_name, max(event_us) FROM tickers_base"
                                           " JOIN instrument_metadata USING (instrument_id)")[0]
    spoilt.run("DELETE FROM stream_gaps", "INSERT INTO tickers_base(instrument_id, event_us) WITH RECURSIVE n(i) AS"
               f" (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT {identity}, {last} + i * 1000 +"
               " iif(i > 25, 3600000000, 0) FROM n")
    code, answer = spoilt.audit("--to", "2100-01-01T00:00:00Z", "--silence", "3000s")
    assert [f["instrument"] for f in findings(answer, "silence", "note")] == [name], answer["sections"]["silence"]


def test_records_the_store_never_got_are_seen_by_the_journal(spoilt):
    spoilt.run("UPDATE feedloom_cursor SET counts = json_set(counts, '$.quote.stored', counts ->> '$.quote.stored' - 3)")
    code, answer = spoilt.audit()
    assert code == 1
    (found,) = findings(answer, "journal")
    assert found["kind"] == "quote" and found["published"] == found["accounted"] + 3


def test_latency_of_fills_is_read_from_their_times(spoilt):
    spoilt.run(*(f"INSERT INTO trades(executed_us, received_us, broker, account, execution_id, persisted_us) SELECT"
                 f" max(event_us), max(event_us), 'b', 'a', '{i}', max(event_us) + {i} * 1000 FROM tickers_base"
                 for i in range(1, 101)))
    code, answer = spoilt.audit()
    assert code == 0
    (found,) = answer["sections"]["latency"]["summary"]
    assert found == {"table": "trades", "rows": 100, "p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}


@pytest.mark.parametrize("arguments, code, words", [
    (["--from", "yesterday"], 64, "--from yesterday: a time as"),
    (["--from", "10s"], 64, "the period is shorter than --silence"),
    (["--silence", "1"], 64, "--silence 1: a duration"),
    (["--ledger", "/nowhere"], 69, "/nowhere"),
])
def test_mistakes_are_said(spoilt, stopped, arguments, code, words):
    done = run("audit", "-c", stopped[1].config_file, "-d", stopped[1].folder, *arguments)
    assert done.returncode == code and words in done.stderr, done


def test_a_store_that_is_not_there_is_said(spoilt, stopped):
    os.remove(spoilt.path)
    config = spoilt.path.parent / "audit.yaml"
    config.write_text(json.dumps({"sinks": {"store": {"plugin": "sink_sqlite", "path": str(spoilt.path)}}}))
    done = run("audit", "-c", config)
    assert done.returncode == 69 and f"{spoilt.path}: there is no such store" in done.stderr, done
