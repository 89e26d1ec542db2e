"""sink_timescale on a real PostgreSQL with TimescaleDB, and on one without: rows, ids, cursor, restarts."""
import json

import pytest

import harness
import postgres
from agreement import check_loss_identity, check_memory
from reloading import VERSIONS, DropIn, reload, wait_version
from timescale import PgRun


@pytest.fixture(scope="module", **(dict(params=[True], ids=["timescaledb"]) if harness.SHORT else
                                   dict(params=[True, False], ids=["timescaledb", "plain"])))
def server(request):
    with postgres.server(timescaledb=request.param) as made:
        yield made


@pytest.fixture
def database(server):
    server.create()
    yield server
    server.drop()


def swap(run):
    """Another build of the sink takes over while it stores, then this one again."""
    drop_in = DropIn(run.daemon.folder / "var" / "plugins")
    for build in (1, 0):
        drop_in.put("sink_timescale", build)
        answer = reload(run.daemon, "sink_timescale")
        assert answer.status == 200 or "being reloaded" in answer.json["detail"], answer  # the watcher was first
        assert wait_version(run.daemon, "sink_timescale", VERSIONS[build])["last_error"] is None
        run.wait_stored(500)
    run.wait_healthy()


def pages(run, path, limit):
    """All rows of a question, page by page."""
    rows, cursor = [], ""
    while cursor is not None:
        answer = run.daemon.ask("GET", f"{path}&limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer
        (page,) = [value for value in answer.json.values() if isinstance(value, list)]
        assert len(page) <= limit
        rows += page
        cursor = answer.json["next"]
    return rows


def test_questions_are_answered_in_pages(world, database):
    run = PgRun(world, database, rate=500)
    run.wait_stored(500, "tickers")
    name = run.value("SELECT contract FROM greek_snapshots GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    run.simulator.quiesce()
    run.daemon.wait_drained()
    instruments = pages(run, "/v1/instruments?active=true", 1000)
    assert len({row["instrument_name"] for row in instruments}) == len(instruments) == run.value(
        "SELECT count(*) FROM instrument_metadata WHERE is_active")
    assert all(row["is_active"] is True and row["listed_at"].endswith("Z") for row in instruments)
    whole = pages(run, f"/v1/greeks/snapshots?contract={name}", 10000)
    assert len(whole) == run.value("SELECT count(*) FROM greek_snapshots WHERE contract = %s", name) > 1
    assert pages(run, f"/v1/greeks/snapshots?contract={name}", 1) == whole
    assert whole[0]["delta"] == run.value("SELECT delta FROM greek_snapshots WHERE contract = %s ORDER BY event_time"
                                          " LIMIT 1", name)
    everything = pages(run, "/v1/greeks/snapshots?broker=deribit", 700)
    assert len(everything) == run.value("SELECT count(*) FROM greek_snapshots")
    assert pages(run, "/v1/trades?broker=deribit", 10) == []
    run.simulator.resume()
    run.finish().check()


def test_check_connect_says_what_is_there_and_no_secret(folder, database):
    config = folder / "check.yaml"
    secret = "tell-nobody-4712"

    def check(url):
        config.write_text(json.dumps({"sinks": {"store": {"plugin": "sink_timescale", "url": url}}}))
        done = harness.run("check", "--connect", "-c", config, "-d", folder)
        assert secret not in done.stdout + done.stderr
        return done
    done = check(database.url().replace("postgres@", f"postgres:{secret}@"))
    assert done.returncode == 0 and "every table and column is there" in done.stdout, done
    done = check(f"postgresql://nobody:{secret}@127.0.0.1:{database.port}/feedloom")
    assert done.returncode == 69 and "nobody" in done.stdout + done.stderr, done
    done = check(f"postgresql://postgres:{secret}@127.0.0.1:{harness.free_port()}/feedloom")
    assert done.returncode == 69 and "refused" in done.stdout + done.stderr, done
    done = check(f"postgresql://postgres:{secret}%zz@127.0.0.1/feedloom")
    assert done.returncode == 69 and "no connection string" in done.stdout + done.stderr, done


def test_ledger_and_tables_agree_over_restarts_and_a_kill(world, database):
    run = PgRun(world, database, ["ticker.agg2", "trades.100ms", "quote", "book.agg2", "index"], rate=1000)
    run.wait_stored(3000)
    run.restart()
    run.wait_stored(2000)
    run.kill()
    run.wait_stored(2000)
    swap(run)
    verdict = run.finish()
    verdict.check()
    for what in ("quote rows", "ticker rows", "book rows", "index rows", "trades"):
        assert verdict.counts[f"stored {what}"] > 0, verdict
    check_loss_identity(run)
    check_memory(run.daemon)
    assert run.count("rejected_records") == 0
    assert run.value("SELECT count(*) FROM feedloom_cursor") == 1
