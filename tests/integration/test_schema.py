"""The store in PostgreSQL: the same tables, columns and views with TimescaleDB and without, migrations, upkeep, older
queries, a database of the older collectors, the audit. Real servers, and the program as built."""
import json
import threading
from pathlib import Path

import psycopg
import pytest

import harness
import postgres
from harness import SOURCE, run, until
from timescale import PgRun

FOLDER = SOURCE / "schema" / "postgresql"
FILES = sorted(file.name for file in FOLDER.glob("0*.sql"))
CUT = ["option_quotes_base", "option_trades_base", "tickers_base", "books_base", "candles_base", "index_prices",
       "greek_snapshots_base", "lifecycle_events"]


# The short form takes what is more of the sink's own work: without the extension it makes the partitions itself.
@pytest.fixture(scope="module", **(dict(params=[False], ids=["plain"]) if harness.SHORT else
                                   dict(params=[True, False], ids=["timescaledb", "plain"])))
def server(request):
    with postgres.server(timescaledb=request.param) as made:
        made.create("store")
        yield made


@pytest.fixture
def database(server, request):
    """An empty database of this test's own: its name."""
    name = "t" + str(abs(hash(request.node.name)) % 10 ** 12)
    server.create(name)
    yield name
    server.drop(name)


def configuration(folder, server, name, **options):
    file = Path(folder) / f"{name}.yaml"
    file.write_text(json.dumps({"sinks": {"store": {"plugin": "sink_timescale", "url": server.url(name), **options}}}))
    return file


def migrate(server, name, *arguments, folder, **options):
    return run("migrate", "-c", configuration(folder, server, name, **options), "-d", folder, *arguments, seconds=120)


@pytest.fixture(scope="module")
def store(server, module_world):
    """A database with the schema, shared by tests that only look, or clean up: its name."""
    done = migrate(server, "store", folder=module_world.folder)
    assert done.returncode == 0, done
    return "store"


# ---- migrating ----

def test_migrations_are_applied_once_and_told(server, database, folder):
    done = migrate(server, database, "--dry-run", folder=folder)
    assert [f"{file}: would be applied" for file in FILES] == done.stdout.splitlines()[1:], done
    assert not server.rows("SELECT 1 FROM pg_class WHERE relname = 'feedloom_migration'", database=database)
    done = migrate(server, database, folder=folder)
    *applied, about = done.stdout.splitlines()[1:]
    assert (done.returncode, applied) == (0, [f"{file}: applied" for file in FILES]), done
    edition = "TimescaleDB" if server.timescaledb else "without TimescaleDB"
    assert edition in about and "retention by the sink" in about
    done = migrate(server, database, folder=folder)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, [about]), done
    done = migrate(server, database, "--status", folder=folder)
    assert [line.split(" ")[:2] for line in done.stdout.splitlines()[1:-1]] == [[f"{f}:", "applied"] for f in FILES]


def test_two_at_once_apply_each_migration_once(server, database, folder):
    outcomes = []

    def go():
        outcomes.append(migrate(server, database, folder=folder))
    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in outcomes] == [0] * 4, outcomes
    assert sum(done.stdout.count(": applied") for done in outcomes) == len(FILES)
    assert server.rows("SELECT name FROM feedloom_migration ORDER BY version", database=database) == \
        [(file,) for file in FILES]


def test_a_migration_that_was_changed_or_is_newer_is_refused(server, database, folder):
    migrate(server, database, folder=folder)
    server.execute("UPDATE feedloom_migration SET checksum = 'x' WHERE version = 2", database=database)
    done = migrate(server, database, folder=folder)
    assert done.returncode == 78 and f"{FILES[1]} has changed since it was applied" in done.stderr, done
    server.execute("UPDATE feedloom_migration SET checksum = (SELECT checksum FROM feedloom_migration WHERE version = 1)"
                   " WHERE version = 2", database=database)
    server.execute("INSERT INTO feedloom_migration VALUES (900, '0900_later.sql', 'x')", database=database)
    done = migrate(server, database, folder=folder)
    assert done.returncode == 78 and "schema 900 is newer than this program knows" in done.stderr, done


def test_a_migration_that_fails_leaves_nothing(server, database, folder):
    server.execute("CREATE FUNCTION feedloom_timescaledb() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'",
                   database=database)
    done = migrate(server, database, folder=folder)
    assert done.returncode != 0 and FILES[1] in done.stderr and "already exists" in done.stderr, done
    assert server.rows("SELECT name FROM feedloom_migration", database=database) == [(FILES[0],)]
    assert server.rows("SELECT relkind FROM pg_class WHERE relname = 'tickers_base'", database=database) == [("r",)]
    server.execute("DROP FUNCTION feedloom_timescaledb", database=database)
    assert migrate(server, database, folder=folder).returncode == 0


def test_a_schema_of_its_own_is_made_and_used(server, database, folder):
    server.execute("CREATE TABLE trades (mine int)", database=database)
    done = migrate(server, database, "--status", folder=folder, schema="feed loom")
    assert done.stdout.count("pending") == len(FILES), done
    done = migrate(server, database, folder=folder, schema="feed loom")
    assert done.returncode == 0, done
    assert server.value("SELECT count(*) FROM \"feed loom\".option_trades", database=database) == 0
    assert server.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
                       database=database) == [("trades",)]
    if server.timescaledb:
        assert server.value("SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_schema ="
                            " 'feed loom'", database=database) == len(CUT)


@pytest.mark.parametrize("url, code, words", [
    ("postgresql://nobody:tell-nobody@127.0.0.1:1/x", 69, "127.0.0.1:1"),
    ("postgresql://?nonsense=tell-nobody", 78, "this is no connection string"),
])
def test_what_cannot_be_reached_is_said_without_secrets(folder, url, code, words):
    file = folder / "c.yaml"
    file.write_text(json.dumps({"sinks": {"store": {"plugin": "sink_timescale", "url": url}}}))
    for verb in ("migrate", "audit"):
        done = run(verb, "-c", file, "-d", folder)
        assert done.returncode == code and words in done.stderr and "tell-nobody" not in done.stderr, done


# ---- what there is ----

def columns(server, name):
    return server.rows(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(c.oid, a.attnum)"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace"
        " AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND c.relname !~ '_(past|rest|[0-9]{8})$'"
        " AND c.relname !~ '^pg_' ORDER BY 1, a.attnum", database=name)


_columns = {}


def test_tables_and_columns_are_the_same_in_every_edition_and_commented(server, store):
    found = columns(server, store)
    assert all(comment for *_, comment in found), [row for row in found if not row[4]]
    assert len({row[0] for row in found}) == 24
    _columns[server.timescaledb] = found
    if len(_columns) == 2:
        assert _columns[True] == _columns[False]


def test_every_relation_and_function_has_a_comment(server, store):
    assert server.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p',"
                       " 'v') AND relname !~ '_(past|rest|[0-9]{8})$' AND obj_description(oid) IS NULL",
                       database=store) == []
    assert server.rows("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname ~ '^feedloom_'"
                       " AND obj_description(oid) IS NULL", database=store) == []


def test_the_adoption_knows_every_name(server, store):
    """What the migrations make, but partitions, keys and their own books, is what `older/names.sql` lists."""
    made = {name for (name,) in server.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'i', 'I')"
        " AND relname !~ '_(past|rest|[0-9]{8})(_.*)?$' AND relname !~ '_(pkey|key)$' AND relname <> 'feedloom_migration'",
        database=store)}
    with server.connect(store) as connection, connection.transaction():
        connection.execute((FOLDER / "older" / "names.sql").read_text())
        listed = {name for (name,) in connection.execute("SELECT name FROM feedloom_names").fetchall()}
    assert made == listed


def test_what_grows_is_cut_by_day(server, store):
    if server.timescaledb:
        found = server.rows("SELECT hypertable_name, time_interval::text FROM timescaledb_information.dimensions",
                            database=store)
        assert sorted(found) == sorted((name, "1 day") for name in CUT)
    else:
        found = server.rows("SELECT i.inhparent::regclass::text, count(*) FROM pg_inherits AS i JOIN pg_class AS c ON"
                            " c.oid = i.inhparent WHERE c.relkind = 'p' GROUP BY 1", database=store)
        assert sorted(found) == sorted((name, 10) for name in CUT)  # past, rest, today and seven days ahead


@pytest.mark.parametrize("table, names", [
    ("instrument_metadata", ["(currency, is_active)", "(expiration_timestamp)", "(is_active, last_seen)", "(expired_at)"]),
    ("lifecycle_events", ["(event_time)", "(event_type, event_time)", "(instrument_name, event_time)"]),
    ("option_trades_base", ["(instrument_id, event_time)", "(instrument_id, trade_seq, event_time)"])])
def test_indexes(server, store, table, names):
    found = [text for (text,) in server.rows("SELECT indexdef FROM pg_indexes WHERE tablename = %s", table, database=store)]
    for name in names:
        assert any(name in text for text in found), (name, found)


# ---- the queries of the older guides, unchanged ----

def rows_of_everything(connection):
    connection.execute(
        "INSERT INTO instrument_metadata (instrument_name, currency, kind, expiration_timestamp, is_active) VALUES"
        " ('BTC-27DEC30-100000-C', 'BTC', 'option', 1924588800000, true),"
        " ('ETH-27DEC30-5000-P', 'ETH', 'option', 1924588800000, true),"
        " ('BTC-PERPETUAL', 'BTC', 'perpetual', NULL, true)")
    connection.execute("INSERT INTO option_quotes_base SELECT instrument_id, now(), now(), 0.1, 1, 0.2, 2"
                       " FROM instrument_metadata")
    connection.execute("INSERT INTO option_trades_base (instrument_id, event_time, trade_id, trade_seq, price, amount,"
                       " direction, iv, index_price) SELECT instrument_id, now(), '7', 1, 0.15, 3, 'buy', 0.65, 60000"
                       " FROM instrument_metadata")
    connection.execute("INSERT INTO lifecycle_events (event_time, event_type, currency, success) VALUES"
                       " (now(), 'instrument_listed', 'BTC', true), (now(), 'subscription_added', 'ETH', false)")


QUERIES = {
    "SELECT currency, COUNT(*) FILTER (WHERE is_active) AS active, COUNT(*) FROM instrument_metadata GROUP BY currency"
    " ORDER BY currency": lambda rows: rows == [("BTC", 2, 2), ("ETH", 1, 1)],
    "SELECT event_type, currency, COUNT(*), SUM(CASE WHEN success THEN 1 ELSE 0 END) FROM lifecycle_events WHERE event_time >"
    " NOW() - INTERVAL '1 hour' GROUP BY event_type, currency ORDER BY 1":
        lambda rows: rows == [("instrument_listed", "BTC", 1, 1), ("subscription_added", "ETH", 1, 0)],
    "SELECT COUNT(*), MAX(timestamp) FROM btc_option_quotes WHERE timestamp > NOW() - INTERVAL '5 minutes'":
        lambda rows: rows[0][0] == 1 and rows[0][1] is not None,
    "SELECT COUNT(*), MAX(timestamp) FROM eth_option_quotes WHERE timestamp > NOW() - INTERVAL '5 minutes'":
        lambda rows: rows[0][0] == 1,
    "SELECT timestamp, instrument, instrument_name, trade_id, price, amount, direction, iv, index_price FROM"
    " btc_option_trades ORDER BY timestamp DESC LIMIT 10": lambda rows: len(rows) == 1 and rows[0][1:] == (
        "BTC-27DEC30-100000-C", "BTC-27DEC30-100000-C", "7", 0.15, 3.0, "buy", 65.0, 60000.0),
    "SELECT MAX(timestamp) FROM lifecycle_events": lambda rows: rows[0][0] is not None,
    "SELECT m.currency, COUNT(*) AS active, COUNT(q.instrument_name) AS quoted, ROUND(100.0 * COUNT(q.instrument_name) /"
    " COUNT(*), 2) AS coverage FROM instrument_metadata m LEFT JOIN (SELECT DISTINCT instrument_name FROM btc_option_quotes"
    " WHERE timestamp > NOW() - INTERVAL '1 hour' UNION SELECT DISTINCT instrument_name FROM eth_option_quotes WHERE timestamp"
    " > NOW() - INTERVAL '1 hour') q USING (instrument_name) WHERE m.is_active AND m.kind = 'option' GROUP BY m.currency"
    " ORDER BY 1": lambda rows: [(r[0], r[1], r[2], float(r[3])) for r in rows] == [("BTC", 1, 1, 100), ("ETH", 1, 1, 100)],
}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split(" FROM ")[0][:40])
def test_older_queries_run_unchanged(server, store, query):
    with server.connect(store) as connection, connection.transaction(force_rollback=True):
        rows_of_everything(connection)
        rows = connection.execute(query).fetchall()
        assert QUERIES[query](rows), rows


def test_the_older_question_for_hypertables(server, store):
    query = "SELECT * FROM timescaledb_information.hypertables WHERE hypertable_name = 'lifecycle_events'"
    if server.timescaledb:
        assert len(server.rows(query, database=store)) == 1
    else:  # without the extension there is nothing to ask, nor was there
        with pytest.raises(psycopg.errors.UndefinedTable):
            server.rows(query, database=store)


def test_greeks_of_tickers_and_of_positions_are_one_view(server, store):
    with server.connect(store) as connection, connection.transaction(force_rollback=True):
        rows_of_everything(connection)
        connection.execute("INSERT INTO tickers_base (instrument_id, event_time, delta, mark_price) SELECT instrument_id,"
                           " now(), 0.5, 0.1 FROM instrument_metadata")
        connection.execute("INSERT INTO greek_snapshots_base (instrument_id, event_time, account, position, delta) SELECT"
                           " instrument_id, now(), 'A', -2, 0.5 FROM instrument_metadata WHERE currency = 'BTC' AND kind ="
                           " 'option'")
        rows = connection.execute("SELECT broker, account, contract, position, expiry::text, mark FROM greek_snapshots ORDER"
                                  " BY contract, account NULLS FIRST").fetchall()
        assert rows == [("deribit", None, "BTC-27DEC30-100000-C", None, "2030-12-27", 0.1),
                        ("deribit", "A", "BTC-27DEC30-100000-C", -2.0, "2030-12-27", None),
                        ("deribit", None, "ETH-27DEC30-5000-P", None, "2030-12-27", 0.1)]


def test_a_trade_is_stored_once(server, store):
    with server.connect(store) as connection, connection.transaction(force_rollback=True):
        rows_of_everything(connection)
        again = "INSERT INTO option_trades_base SELECT * FROM option_trades_base ON CONFLICT DO NOTHING"
        assert connection.execute(again).rowcount == 0


# ---- upkeep ----

def upkeep(server, name, retention="{}", at="now()"):
    """Steps until none is left: what was done, what was locked."""
    done = []
    while True:
        rows = server.rows(f"SELECT step, is_done FROM feedloom_upkeep(%s, NULL, {at})", retention, database=name)
        blocked = [step for step, is_done in rows if not is_done]
        steps = [step for step, is_done in rows if is_done]
        if not steps:
            return done, blocked
        done += steps
        assert len(done) < 1000


def test_partitions_are_made_ahead_of_need(server, database, folder):
    migrate(server, database, folder=folder)
    assert upkeep(server, database) == ([], [])
    done, _ = upkeep(server, database, at="now() + interval '2 days'")
    assert len(done) == (0 if server.timescaledb else 2 * len(CUT)), done
    server.execute("INSERT INTO tickers_base (instrument_id, event_time) SELECT 1, now() + d * interval '1 day' FROM"
                   " generate_series(-400, 9) AS d", database=database)
    if not server.timescaledb:
        assert server.value("SELECT count(*) FROM tickers_base_rest", database=database) == 0
        # A row beyond them is kept too, and its day stays where it is.
        server.execute("INSERT INTO tickers_base (instrument_id, event_time) VALUES (1, now() + interval '11 days')",
                       database=database)
        assert server.value("SELECT count(*) FROM tickers_base_rest", database=database) == 1
        done, _ = upkeep(server, database, at="now() + interval '4 days'")
        assert len(done) == 2 * len(CUT) - 1, done


def test_retention_drops_what_is_older_and_nothing_else(server, database, folder):
    migrate(server, database, folder=folder)
    server.execute("INSERT INTO tickers_base (instrument_id, event_time) SELECT 1, now() - h * interval '1 hour' FROM"
                   " generate_series(0, 30 * 24) AS h", database=database)
    server.execute("INSERT INTO lifecycle_events (event_time, event_type) SELECT now() - d * interval '1 day', 'x' FROM"
                   " generate_series(0, 200) AS d", database=database)
    server.execute("INSERT INTO trades (executed_at, broker, account, execution_id) SELECT now() - d * interval '1 day', 'b',"
                   " 'a', d FROM generate_series(0, 200) AS d", database=database)
    done, _ = upkeep(server, database, '{"tickers": "7 days", "trades": "100 days"}')
    assert done
    least, rows = server.rows("SELECT now() - min(event_time), count(*) FROM tickers_base", database=database)[0]
    # Whole days go; the past before the migration is deleted to the row without the extension.
    assert rows in range(7 * 24, 8 * 24 + 25) and least.days in (7, 6, 8), (rows, least)
    assert server.value("SELECT count(*) FROM lifecycle_events", database=database) in range(90, 93)
    assert server.value("SELECT count(*) FROM trades", database=database) == 100
    done, _ = upkeep(server, database, '{"lifecycle_events": "0"}')
    assert done == []
    # Later, whole days: partitions and chunks.
    server.execute("INSERT INTO tickers_base (instrument_id, event_time) SELECT 1, now() + h * interval '1 hour' FROM"
                   " generate_series(1, 5 * 24) AS h", database=database)
    upkeep(server, database, '{"tickers": "1 day"}', at="now() + interval '4 days'")
    least, rows = server.rows("SELECT min(event_time) - now(), count(*) FROM tickers_base", database=database)[0]
    assert least.days in (1, 2) and rows > 48, (least, rows)


def test_upkeep_waits_for_no_lock(server, database, folder):
    """A reader of one table holds up neither the writers of it nor the upkeep of the others."""
    migrate(server, database, folder=folder)
    server.execute("INSERT INTO tickers_base (instrument_id, event_time) SELECT 1, now() + interval '1 hour'", database=database)
    server.execute("INSERT INTO books_base (instrument_id, event_time, is_snapshot) SELECT 1, now() + interval '1 hour',"
                   " false", database=database)
    with server.connect(database) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM tickers_base").fetchall()
        done, blocked = upkeep(server, database, '{"tickers": "1 day", "books": "1 day"}', at="now() + interval '6 days'")
        assert any("books" in step for step in done), done
        assert any("tickers_base: another session has it locked" == step for step in blocked), blocked
        server.execute("SET lock_timeout = '5s'; INSERT INTO tickers_base (instrument_id, event_time) VALUES (1, now())",
                       database=database)
    done, blocked = upkeep(server, database, '{"tickers": "1 day", "books": "1 day"}', at="now() + interval '6 days'")
    assert any("tickers" in step for step in done) and blocked == []


# ---- a database of the older collectors ----

OLDER = """
CREATE TABLE instrument_metadata (instrument_name text PRIMARY KEY, currency text NOT NULL, kind text, strike float8,
    option_type text, expiration_timestamp bigint, creation_timestamp bigint, is_active boolean DEFAULT true,
    listed_at timestamptz DEFAULT now(), last_seen timestamptz DEFAULT now(), expired_at timestamptz);
CREATE INDEX instrument_metadata_currency ON instrument_metadata (currency);
CREATE TABLE lifecycle_events (id bigserial, timestamp timestamptz NOT NULL DEFAULT now(), event_type text NOT NULL,
    currency text, instrument_name text, connection_id int, reason text, success boolean DEFAULT true, metadata text);
CREATE TABLE btc_option_quotes (timestamp timestamptz NOT NULL, instrument text NOT NULL, best_bid_price numeric,
    best_bid_amount numeric, best_ask_price numeric, best_ask_amount numeric, underlying_price numeric);
CREATE TABLE btc_option_trades (timestamp timestamptz NOT NULL, instrument text NOT NULL, trade_id text, price float8,
    amount float8, direction text);
CREATE TABLE eth_option_trades (timestamp timestamp NOT NULL, instrument text NOT NULL, trade_id text, price float8,
    amount float8, direction text, iv float8, index_price float8);
INSERT INTO instrument_metadata (instrument_name, currency, kind, strike, option_type, expiration_timestamp)
    SELECT 'BTC-27DEC30-' || i * 500 || '-C', 'BTC', 'option', i * 500, 'call', 1924588800000 FROM generate_series(1, 700) AS i;
INSERT INTO lifecycle_events (timestamp, event_type, instrument_name, metadata)
    SELECT now() - i * interval '1 minute', 'instrument_listed', 'BTC-27DEC30-500-C', '{"n": 1}' FROM generate_series(1, 100000) AS i;
INSERT INTO btc_option_quotes SELECT now() - i * interval '1 second', 'BTC-27DEC30-' || 500 + 500 * (i % 700) || '-C', 0.1, 1, 0.2, 2
    FROM generate_series(1, 600000) AS i;
INSERT INTO btc_option_trades SELECT now() - i * interval '1 second', 'BTC-27DEC30-500-C', i, 0.1, 1, 'buy'
    FROM generate_series(1, 200000) AS i;
INSERT INTO eth_option_trades SELECT now() AT TIME ZONE 'UTC' - i * interval '1 second', 'ETH-27DEC30-500-C', i, 0.1, 1, 'buy',
    65.5, 3000 FROM generate_series(1, 100000) AS i;
CREATE VIEW mine AS SELECT count(*) FROM btc_option_quotes;
"""
OLDER_NAMES = ["btc_option_quotes", "btc_option_trades", "eth_option_trades", "instrument_metadata", "lifecycle_events",
               "instrument_metadata_currency"]


def fingerprint(server, name):
    """The older tables: columns, and rows."""
    return {table: (server.rows("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid ="
                                " %s::regclass AND attnum > 0", "public." + table, database=name),
                    server.rows(f"SELECT count(*), bit_xor(hashtext(t::text)) FROM public.{table} AS t", database=name))
            for table in OLDER_NAMES[:5]}


def test_an_older_database_is_adopted_and_given_back(server, database, folder):
    server.execute(OLDER if not harness.SHORT else OLDER.replace("00000) AS i", "0000) AS i"), database=database)
    if server.timescaledb:
        server.execute("SELECT create_hypertable('btc_option_quotes', 'timestamp', migrate_data => true)",
                       database=database)
    before = fingerprint(server, database)

    for arguments in ([], ["--status"], ["--dry-run"]):
        done = migrate(server, database, *arguments, folder=folder)
        assert done.returncode == 78 and len(done.stderr.splitlines()) == 1, done
        assert ", ".join(OLDER_NAMES) in done.stderr and "feedloom migrate --adopt" in done.stderr, done
    done = migrate(server, database, "--adopt", "--dry-run", folder=folder)
    assert done.returncode == 0 and "btc_option_quotes: renamed to btc_option_quotes_older" in done.stdout, done
    assert fingerprint(server, database) == before

    done = migrate(server, database, "--adopt", folder=folder)
    assert done.returncode == 0 and done.stdout.count(": applied") == len(FILES), done
    scale = 10 if harness.SHORT else 1
    rows_of = {name: server.value(f"SELECT count(*) FROM {name}", database=database) for name in OLDER_NAMES[:5]}
    assert rows_of == {"btc_option_quotes": 600000 // scale, "btc_option_trades": 200000 // scale,
                       "eth_option_trades": 100000 // scale, "instrument_metadata": 700,
                       "lifecycle_events": 100000 // scale}
    assert server.value("SELECT count FROM mine", database=database) == 600000 // scale  # what was built upon them still works
    assert server.rows("SELECT metadata, timestamp = event_time FROM lifecycle_events LIMIT 1", database=database) == [
        ({"n": 1}, True)]

    # What feedloom adds stands beside it.
    server.execute("INSERT INTO option_trades_base (instrument_id, event_time, trade_id, trade_seq, price, amount, direction,"
                   " iv, index_price) SELECT instrument_id, now(), 'new', 1, 0.15, 3, 'sell', 0.65, 60000 FROM"
                   " instrument_metadata WHERE instrument_name = 'BTC-27DEC30-500-C'", database=database)
    rows = server.rows("SELECT instrument, instrument_name, trade_id, direction, iv, index_price FROM btc_option_trades ORDER"
                       " BY timestamp DESC LIMIT 2", database=database)
    assert rows == [("BTC-27DEC30-500-C", "BTC-27DEC30-500-C", "new", "sell", 65.0, 60000.0),
                    ("BTC-27DEC30-500-C", "BTC-27DEC30-500-C", "1", "buy", None, None)]
    newest = server.value("SELECT now() - max(timestamp) FROM eth_option_trades", database=database)
    assert 0 < newest.total_seconds() < 600, newest  # a time without zone was UTC
    assert server.value("SELECT iv FROM eth_option_trades LIMIT 1", database=database) == 65.5
    done = migrate(server, database, folder=folder)
    assert done.returncode == 0, done

    done = migrate(server, database, "--unadopt", folder=folder)
    assert done.returncode == 0, done
    assert fingerprint(server, database) == before
    assert server.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname ~"
                       " '(_older|^feedloom|_base)'", database=database) == []
    done = migrate(server, database, folder=folder, schema="feedloom")  # goes on with what it had
    assert done.returncode == 0 and ": applied" not in done.stdout, done
    assert server.rows("SELECT trade_id, iv FROM feedloom.btc_option_trades", database=database) == [("new", 65.0)]
    done = migrate(server, database, "--unadopt", folder=folder)
    assert done.returncode == 78 and "nothing was adopted" in done.stderr, done


def test_an_adoption_that_fails_changes_nothing(server, database, folder):
    server.execute("CREATE TABLE lifecycle_events (timestamp timestamptz, event_type text, metadata text);"
                   "INSERT INTO lifecycle_events VALUES (now(), 'x', 'not JSON')", database=database)
    done = migrate(server, database, "--adopt", folder=folder)
    assert done.returncode != 0 and "json" in done.stderr.lower(), done
    assert server.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p',"
                       " 'v')", database=database) == [("lifecycle_events",)]


# ---- the audit ----

def audit(server, name, *arguments, folder):
    done = run("audit", "-c", configuration(folder, server, name), "-d", folder, "--json", *arguments)
    assert done.stderr == "", done
    return done.returncode, json.loads(done.stdout)["stores"][0]["sections"]


def test_the_audit_asks_postgresql_the_same(server, database, folder):
    migrate(server, database, folder=folder)
    server.execute("INSERT INTO instrument_metadata (instrument_name, currency) VALUES ('A', 'BTC'), ('B', 'BTC')", database=database)
    server.execute("INSERT INTO option_trades_base (instrument_id, event_time, trade_id, trade_seq, price, amount, direction)"
                   " SELECT i, now() - interval '1 hour' + n * interval '1 second', n, n, 1, 1, 'buy' FROM generate_series(1, 2)"
                   " AS i, generate_series(1, 100) AS n", database=database)
    server.execute("INSERT INTO tickers_base (instrument_id, event_time) SELECT i, now() - interval '1 hour' + n * interval '5"
                   " seconds' FROM generate_series(1, 2) AS i, generate_series(1, 600) AS n", database=database)
    server.execute("INSERT INTO trades (executed_at, received_at, broker, account, execution_id, persisted_at) SELECT now(), now(),"
                   " 'b', 'a', n, now() + n * interval '1 ms' FROM generate_series(1, 100) AS n", database=database)
    code, sections = audit(server, database, "--to", "2100-01-01T00:00:00Z", folder=folder)
    assert code == 0, sections
    assert sections["trades"]["summary"] == [{"trades": 200, "instruments": 2, "missing": 0, "holes": 0}]
    (latency,) = sections["latency"]["summary"]
    assert latency == {"table": "trades", "rows": 100, "p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}

    server.execute("DELETE FROM option_trades_base WHERE instrument_id = 2 AND trade_seq BETWEEN 10 AND 12", database=database)
    server.execute("INSERT INTO option_trades_base (instrument_id, event_time, trade_id) SELECT 1, now() - n * interval '1 ms',"
                   " '50' FROM generate_series(1, 1) AS n", database=database)
    server.execute("DELETE FROM tickers_base WHERE event_time BETWEEN now() - interval '40 minutes' AND now() - interval '30"
                   " minutes'", database=database)
    code, sections = audit(server, database, folder=folder)
    assert code == 1
    (hole,) = sections["trades"]["findings"]
    assert (hole["verdict"], hole["instrument"], hole["first_seq"], hole["last_seq"]) == ("unexplained", "B", 10, 12)
    (twice,) = sections["duplicates"]["findings"]
    assert (twice["instrument"], twice["trade_id"], twice["rows"]) == ("A", "50", 2)
    silent = [f for f in sections["silence"]["findings"] if "exchange" in f]
    assert [f["verdict"] for f in silent] == ["unexplained"], silent
    assert {f["instrument"] for f in sections["silence"]["findings"] if "instrument" in f} == {"A", "B"}

    server.execute("DELETE FROM option_trades_base WHERE trade_seq IS NULL", database=database)
    server.execute("INSERT INTO stream_gaps (feed, started_at, ended_at, cause) VALUES ('deribit', now() - interval '41 minutes',"
                   " now() - interval '29 minutes', 'stopped')", database=database)
    server.execute("INSERT INTO stream_gaps (instrument_name, first_seq, last_seq, cause) VALUES ('B', 10, 12, 'trade_seq')",
                   database=database)
    code, sections = audit(server, database, folder=folder)
    assert code == 0, sections
    assert sections["trades"]["findings"][0]["cause"] == "trade_seq"
    assert {f["cause"] for f in sections["silence"]["findings"]} == {"stopped"}


# ---- the sink ----

@pytest.fixture
def sink(server, database, world):
    """A daemon with nothing but a sink on the database; start(**options) starts it."""
    class Sink:
        def start(self, **options):
            self.daemon = world.daemon(feed={"url": "ws://127.0.0.1:9/ws/api/v2"}, sink={
                "plugin": "sink_timescale", "path": None, "url": server.url(database), **options},
                log={"level": "debug"})
            config = self.daemon.config
            del config["sinks"]["store"]["path"]
            self.daemon.configure(config)
            self.daemon.start()
            return self

        def wait(self, state, words=""):
            return until(lambda: self.daemon.sink()["state"] == state and words in (self.daemon.sink()["reason"] or ""),
                         f"the sink is {state} {words}")
    return Sink()


def test_the_sink_applies_the_schema_at_its_start(server, database, sink):
    sink.start(schema="feedloom").wait("connected")
    assert [name for (name,) in server.rows("SELECT name FROM feedloom.feedloom_migration ORDER BY version",
                                            database=database)] == FILES
    assert sink.daemon.lines([f"{FILES[0]}: applied"]) and sink.daemon.lines(["never deleted: option_quotes"])
    assert server.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
                       database=database) == []


def test_the_sink_leaves_an_older_database_alone_until_it_is_adopted(server, database, sink, folder):
    server.execute("CREATE TABLE lifecycle_events (timestamp timestamptz, event_type text)", database=database)
    sink.start().wait("disconnected", "feedloom migrate --adopt")
    assert "lifecycle_events" in sink.daemon.sink()["reason"]
    assert migrate(server, database, "--adopt", folder=folder).returncode == 0
    sink.wait("connected")
    assert server.value("SELECT count(*) FROM feedloom_cursor", database=database) == 1


def test_the_sink_does_the_upkeep(server, database, sink, folder):
    migrate(server, database, folder=folder)
    server.execute("INSERT INTO tickers_base (instrument_id, event_time) SELECT 1, now() - d * interval '1 day' FROM"
                   " generate_series(0, 30) AS d", database=database)
    server.execute("INSERT INTO option_quotes_base (instrument_id, event_time) SELECT 1, now() - interval '30 days'",
                   database=database)
    if not server.timescaledb:
        server.execute("DROP TABLE books_base_" + server.value("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '7 days',"
                                                               " 'YYYYMMDD')", database=database), database=database)
    sink.start(retention={"tickers": "7d"}).wait("connected")
    until(lambda: server.value("SELECT count(*) FROM tickers_base", database=database) <= 9, "old tickers are gone")
    until(lambda: server.sessions("feedloom store upkeep") == [], "the round ends")
    assert server.value("SELECT count(*) FROM tickers_base", database=database) >= 7
    assert server.value("SELECT count(*) FROM option_quotes_base", database=database) == 1
    if not server.timescaledb:
        assert upkeep(server, database) == ([], [])
    sink.daemon.stop()


def test_the_options_name_what_the_schema_keeps(server, store, module_world):
    names = [name for (name,) in server.rows("SELECT name FROM feedloom_kept()", database=store)]
    file = module_world.folder / "retention.yaml"
    for retention, code in (({name: "1d" for name in names}, 0), ({"nothing": "1d"}, 78)):
        file.write_text(json.dumps({"sinks": {"store": {"plugin": "sink_timescale", "retention": retention}}}))
        done = run("check", "-c", file)
        assert done.returncode == code, done


# ---- the whole way ----

def test_a_real_run_passes_the_audit_with_its_ledger(server, database, world):
    """Simulator, daemon, PostgreSQL: trades, journal and ledger agree; a row that is taken out is missed by all three."""
    if not server.timescaledb:
        pytest.skip("the questions themselves are asked of both above")
    run_of = PgRun(world, server, rate=1000, database=database)
    run_of.wait_stored(300, "option_trades", 90)
    run_of.restart()
    run_of.wait_stored(300, "option_trades", 90)
    run_of.finish().check()
    ledger, folder = run_of.simulator.ledger, run_of.daemon.folder

    def audited():
        done = run("audit", "-c", run_of.daemon.config_file, "-d", folder, "--json", "--ledger", ledger)
        assert done.stderr == "", done
        return done.returncode, json.loads(done.stdout)["stores"][0]["sections"]
    code, sections = audited()
    assert code == 0, sections
    (made,), (journal,) = sections["ledger"]["summary"], sections["journal"]["summary"]
    assert made["made"] == made["stored"] > 100 and made["missing"] == made["unequal"] == 0
    assert journal["published"] == journal["accounted"] > 1000 and journal["waiting"] == 0

    gone = server.rows("DELETE FROM option_trades_base AS t USING (SELECT instrument_id, trade_seq FROM option_trades_base ORDER BY"
                       " abs(extract(epoch FROM event_time - (SELECT min(event_time) + (max(event_time) - min(event_time)) / 2"
                       " FROM option_trades_base))) LIMIT 1) AS g WHERE t.instrument_id = g.instrument_id AND t.trade_seq ="
                       " g.trade_seq RETURNING t.trade_seq", database=database)
    server.execute("UPDATE feedloom_cursor SET counts = jsonb_set(counts, '{trade,stored}', to_jsonb((counts -> 'trade' ->>"
                   " 'stored')::bigint - 1))", database=database)
    code, sections = audited()
    assert code == 1
    assert [f["trade_seq"] for f in sections["ledger"]["findings"]] == [gone[0][0]]
    assert [f["kind"] for f in sections["journal"]["findings"]] == ["trade"]


# ---- the Community edition ----

def test_policies_are_asked_for_as_the_extension_takes_them(server, store):
    """The edition here refuses them by its licence, not for how they are asked for."""
    if not server.timescaledb:
        pytest.skip("no extension in this server")
    for call in ("feedloom_set_policy('tickers_base', 'retention', interval '7 days')",
                 "feedloom_set_policy('tickers_base', 'compression', interval '7 days')",
                 "feedloom_compress('tickers_base', 'instrument_id', interval '7 days')"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="licen[sc]e"):
            server.rows(f"SELECT {call}", database=store)


def test_with_policies_each_is_set_once_and_changed_when_asked(server, database, folder):
    """What the Community edition would be asked, taken down by functions of its names; it is not at hand."""
    if server.timescaledb:
        pytest.skip("the names are taken")
    migrate(server, database, folder=folder)
    server.execute("""
        CREATE SCHEMA timescaledb_information;
        CREATE TABLE timescaledb_information.hypertables AS SELECT 'public'::text AS hypertable_schema, relation AS
            hypertable_name, true AS compression_enabled FROM feedloom_kept() WHERE is_cut;
        CREATE TABLE timescaledb_information.jobs (hypertable_schema text, hypertable_name text, proc_name text, config jsonb);
        CREATE FUNCTION add_retention_policy(relation regclass, drop_after interval) RETURNS void LANGUAGE sql AS
            $$ INSERT INTO timescaledb_information.jobs VALUES ('public', relation::text, 'policy_retention',
               jsonb_build_object('drop_after', drop_after)) $$;
        CREATE FUNCTION remove_retention_policy(relation regclass) RETURNS void LANGUAGE sql AS
            $$ DELETE FROM timescaledb_information.jobs WHERE hypertable_name = relation::text AND proc_name = 'policy_retention' $$;
        CREATE FUNCTION add_compression_policy(hypertable regclass, compress_after interval) RETURNS void LANGUAGE sql AS
            $$ INSERT INTO timescaledb_information.jobs VALUES ('public', hypertable::text, 'policy_compression',
               jsonb_build_object('compress_after', compress_after)) $$;
        CREATE OR REPLACE FUNCTION feedloom_timescaledb() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'public' $$;
        CREATE OR REPLACE FUNCTION feedloom_has_policies() RETURNS boolean STABLE LANGUAGE sql AS $$ SELECT true $$""",
                   database=database)

    def go(retention, compress_after):
        steps = []
        while True:
            rows = server.rows("SELECT step FROM feedloom_upkeep(%s, %s::interval)", retention, compress_after, database=database)
            if not rows:
                return steps
            steps += [step for (step,) in rows]
    steps = go('{"tickers": "7 days"}', "7 days")
    assert sorted(step for step in steps if "retention" in step) == [
        "lifecycle_events: retention after 90 days", "tickers_base: retention after 7 days"]
    assert len([step for step in steps if "compression" in step]) == 6, steps
    assert go('{"tickers": "7 days"}', "7 days") == []
    assert go('{"tickers": "8 days"}', "7 days") == ["tickers_base: retention after 8 days"]
    jobs = server.rows("SELECT config ->> 'drop_after' FROM timescaledb_information.jobs WHERE hypertable_name = 'tickers_base'"
                       " AND proc_name = 'policy_retention'", database=database)
    assert jobs == [("8 days",)]
