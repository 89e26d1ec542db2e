"""sink_timescale on a real PostgreSQL with TimescaleDB, and on one without: rows, ids, cursor, restarts."""
import pytest

import postgres
from agreement import check_loss_identity, check_memory
from timescale import PgRun


@pytest.fixture(scope="module", params=[True, False], ids=["timescaledb", "plain"])
def server(request):
    with postgres.server(timescaledb=request.param) as made:
        yield made


@pytest.fixture
def database(server):
    server.create()
    yield server
    server.drop()


def test_ledger_and_tables_agree_over_restarts_and_a_kill(world, database):
    run = PgRun(world, database, ["ticker.agg2", "trades.100ms", "quote", "book.agg2", "index"], rate=1000)
    run.wait_stored(3000)
    run.restart()
    run.wait_stored(2000)
    run.kill()
    run.wait_stored(2000)
    verdict = run.finish()
    verdict.check()
    for what in ("quote rows", "ticker rows", "book rows", "index rows", "trades"):
        assert verdict.counts[f"stored {what}"] > 0, verdict
    check_loss_identity(run)
    check_memory(run.daemon)
    assert run.count("rejected_records") == 0
    assert run.value("SELECT count(*) FROM feedloom_cursor") == 1
