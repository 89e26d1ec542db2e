"""What can happen to a PostgreSQL server while records come: each fault on the real thing.

For each: what waits stays in the journal, memory stays flat, status says why, and afterwards ledger and tables agree.
"""
import contextlib
import os
import subprocess

import psycopg
import pytest

import postgres
from agreement import check_loss_identity, check_memory
from harness import SHORT, until
from timescale import PgRun

ROLE = "feedloom"
CONNECTIONS = 12
RESERVED = 3  # for superusers, as PostgreSQL presets it
LONG = pytest.mark.skipif(SHORT, reason="takes long, and has nothing that sanitizers see elsewhere")
QUICK = {"lock_timeout": "1s", "statement_timeout": "5s", "connect_timeout": "3s"}


@pytest.fixture(scope="module")
def server():
    """Without the extension: what is tested here is the server's."""
    with postgres.server(timescaledb=False, settings={"max_connections": str(CONNECTIONS)}) as made:
        yield made


@pytest.fixture
def database(server):
    server.create(owner=ROLE)
    yield server
    server.drop()


def run_on(world, server, **more):
    options = {**QUICK, **more.pop("sink", {})}
    return PgRun(world, server, rate=more.pop("rate", 400), sink=options,
                 url=more.pop("url", server.url(user=ROLE)), **more)


def end(run):
    verdict = run.finish()
    verdict.check()
    assert verdict.counts["stored quote rows"] > 0 and verdict.counts["stored ticker rows"] > 0
    check_loss_identity(run)
    check_memory(run.daemon)
    assert run.value("SELECT count(*) FROM feedloom_cursor WHERE sink = 'store'") == 1
    return verdict


def own_session(server):
    """Waits for the writer's backend and returns its pid."""
    def look():
        found = [pid for pid, _, _ in server.sessions("feedloom store/main")]
        return found[-1] if found else None
    return until(look, "the sink's session")


def test_a_server_that_goes_and_comes_back(world, database):
    run = run_on(world, database)
    run.wait_stored(500)

    database.stop()
    run.wait_state("disconnected", "onnection")
    run.wait_lag(1000)
    database.start()
    run.wait_healthy()
    run.daemon.wait_drained()

    # One of its sessions is ended, by somebody with the right to.
    # What it says in parting is told, whether or not it meets what we are sending.
    words = "store: disconnected: terminating connection due to administrator command"
    for _ in range(3):
        told = len(run.daemon.lines(words))
        database.execute("SELECT pg_terminate_backend(%s)", own_session(database))
        until(lambda: len(run.daemon.lines(words)) > told, "the reason is told")
        run.wait_healthy()

    # In the middle of a transaction, which waits for a lock: the server is restarted as in a crash.
    with lock(database, "tickers_base"):
        until(lambda: waiting(database), "a batch waits for the lock")
        database.stop("immediate")
    database.start()
    run.wait_healthy()
    run.wait_stored(300, "tickers")
    end(run)


@contextlib.contextmanager
def lock(server, table):
    connection = psycopg.connect(server.url())
    connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        connection.close()


def waiting(server):
    return server.rows("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'feedloom store/%%'"
                       " AND wait_event_type = 'Lock'", database="postgres")


@LONG
def test_a_lock_that_is_held_for_long_and_no_room_for_a_session(world, database):
    run = run_on(world, database)
    run.wait_stored(300)
    with lock(database, "tickers_base"):
        run.wait_state("degraded", "lock timeout")
        run.wait_lag(500)
    run.wait_healthy()
    run.wait_stored(300, "tickers")

    with contextlib.ExitStack() as others:
        until(lambda: takes_slots(database, others), "every slot is taken by others")
        run.wait_state("disconnected", "connection slots")
        run.wait_lag(500)
    run.wait_healthy()
    end(run)


def test_a_network_that_goes_silent_in_the_middle_of_a_copy(world, database):
    proxy = postgres.Proxy(database.port)
    try:
        run = run_on(world, database, url=database.url(user=ROLE, port=proxy.port))
        run.wait_stored(300)
        before = own_session(database)
        proxy.hold_behind = b"PGCOPY\n"
        until(proxy.is_silent.is_set, "the network is silent")
        # The server waits for the rest, and holds the cursor's row.
        until(lambda: database.rows("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
                                    " AND wait_event = 'ClientRead'", before, database="postgres"),
              "the server is within the COPY")
        run.wait_state("degraded", "has not answered")
        run.wait_lag(1000)
        run.wait_state("disconnected", "", 60)
        proxy.speak(lose=True)
        run.wait_healthy(60)
        run.wait_stored(300, "tickers")
        assert run.daemon.lines(f"process {before} of the server, is at an end"), "it was not ended by the next one"
        assert before not in [pid for pid, _, _ in database.sessions()]
        end(run)
    finally:
        proxy.close()


def takes_slots(server, others):
    """Ends the sink's sessions and takes what is free. True: there is none left that the sink could get."""
    for pid, _, _ in server.sessions():
        server.execute("SELECT pg_terminate_backend(%s)", pid, database="postgres")
    with contextlib.suppress(psycopg.OperationalError):  # it was back sooner, or has not quite gone
        while True:
            others.enter_context(psycopg.connect(server.url(user=ROLE), autocommit=True))
    mine = server.rows("SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
                       " AND application_name NOT LIKE 'feedloom%%'", ROLE, database="postgres")[0][0]
    return mine == CONNECTIONS - RESERVED


@LONG
def test_a_standby_that_is_behind_takes_over(world):
    """The cursor that is found there is the truth: the journal still has what that server never got."""
    with postgres.server(timescaledb=False, settings={"wal_level": "replica"}) as primary:
        primary.create(owner=ROLE)
        standby = primary.standby()
        try:
            standby.start()
            url = (f"postgresql://{ROLE}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/feedloom")
            run = run_on(world, primary, url=url)
            run.wait_stored(500)
            standby.stop()
            run.wait_stored(1000)
            position = "SELECT position FROM feedloom_cursor WHERE sink = 'store'"
            reached = run.value(position)
            primary.kill()
            run.wait_state("disconnected")
            standby.start()
            behind = standby.value(position)
            assert behind < reached, "the standby is not behind: nothing is tested"
            run.wait_lag(500)
            standby.promote()
            run.server = standby
            run.wait_healthy()
            run.wait_stored(500)
            end(run)
        finally:
            standby.remove()


def cursors(run):
    return {stream for (stream,) in run.server.rows("SELECT stream FROM feedloom_cursor WHERE sink = 'store'")}


def test_a_table_that_cannot_be_written_waits_while_the_others_go_on(world, database):
    run = run_on(world, database)
    run.wait_stored(300)

    database.execute(f"REVOKE INSERT ON tickers_base FROM {ROLE}")
    run.wait_state("degraded", "tickers waits: permission denied")
    assert cursors(run) == {"main", "tickers"}
    tickers = run.count("tickers")
    run.wait_stored(500, "option_quotes")
    assert run.count("tickers") == tickers
    # What it waits for is kept over a restart too, and over the loss of the process.
    run.cut.update(run.simulator.connections())
    run.daemon.kill()
    run.daemon.start()
    run.wait_state("degraded", "tickers waits")
    run.wait_stored(300, "option_quotes")
    database.execute(f"GRANT INSERT ON tickers_base TO {ROLE}")
    run.wait_healthy()
    until(lambda: cursors(run) == {"main"}, "the streams are one again")
    assert run.count("tickers") > tickers

    run.daemon.stop()
    database.execute("ALTER TABLE option_quotes_base RENAME COLUMN bid_amount TO bid_quantity")
    run.daemon.start()
    run.wait_state("degraded", "option_quotes_base has no column bid_amount")
    quotes = run.count("option_quotes_base")
    run.wait_stored(300, "tickers")
    assert cursors(run) == {"main", "option_quotes"} and run.count("option_quotes_base") == quotes
    database.execute("ALTER TABLE option_quotes_base RENAME COLUMN bid_quantity TO bid_amount")
    run.wait_healthy()
    until(lambda: cursors(run) == {"main"}, "the streams are one again")
    end(run)


def test_a_value_that_a_table_refuses_is_set_aside_and_the_rest_lands(world, database):
    run = run_on(world, database)
    run.wait_stored(300)
    database.execute("ALTER TABLE option_quotes_base ADD CONSTRAINT odd CHECK"
                     " (ask_amount IS NULL OR (ask_amount * 10)::bigint % 101 <> 0) NOT VALID")
    until(lambda: run.count("rejected_records") >= 3, "some are refused", 90)
    until(lambda: run.daemon.lines("were refused"), "it is told")
    database.execute("ALTER TABLE option_quotes_base DROP CONSTRAINT odd")
    verdict = run.finish()
    rejected = run.count("rejected_records")
    assert run.counts["quote"]["rejected"] == rejected
    assert sum(fates["rejected"] for fates in run.counts.values()) == rejected
    reasons = run.server.rows("SELECT DISTINCT kind, table_name FROM rejected_records WHERE reason LIKE '%%odd%%'")
    assert reasons == [("quote", "option_quotes")]
    numbers = run.value("SELECT count(DISTINCT (journal_id, generation, position)) FROM rejected_records")
    assert numbers == rejected
    # Just the refused ones are missing, nothing else is. One that was its connection's last message leaves
    # no hole, but is missing at the connection's end.
    faults = {kind: count for kind, count in verdict.counts.items()
              if kind in ("hole", "missing", "unequal", "repeated", "missing trade", "uncovered", "torn")}
    refused = faults.pop("hole", 0) + faults.pop("missing", 0)
    assert refused == rejected and not faults, (verdict.counts, rejected)
    check_memory(run.daemon)


@contextlib.contextmanager
def small_disk(megabytes):
    folder = postgres.new_folder()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)],
                          capture_output=True, text=True)
    if made.returncode != 0:
        os.rmdir(folder)
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    try:
        place = folder / "space"
        subprocess.run(postgres.as_postgres("mkdir", "-m", "0700", place), check=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        os.rmdir(folder)


@LONG
def test_a_disk_that_is_full_on_the_server(world, server):
    with small_disk(80) as place:
        server.execute(f"CREATE TABLESPACE small LOCATION '{place}'", database="postgres")
        server.create(owner=ROLE)
        try:
            server.execute("ALTER DATABASE feedloom SET TABLESPACE small", database="postgres")
            run = run_on(world, server)
            run.wait_stored(300)
            with server.connect("feedloom") as filler:  # a new session could not be had: it writes there itself
                filler.execute("CREATE TABLE filler (data text)")
                filler.execute("ALTER TABLE filler ALTER data SET STORAGE EXTERNAL")  # md5 after md5 would be compressed
                piece = "INSERT INTO filler SELECT repeat(md5(i::text), 250) FROM generate_series(1, {}) AS i"
                for count in (500, 50, 5, 1):
                    with contextlib.suppress(psycopg.errors.DiskFull):
                        while True:
                            filler.execute(piece.format(count))
                run.wait_state("disconnected", "No space left")
                run.wait_lag(500)
                filler.execute("DROP TABLE filler")
            run.wait_healthy()
            end(run)
        finally:
            server.drop()
            server.execute("DROP TABLESPACE small", database="postgres")
