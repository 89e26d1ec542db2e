"""A simulator under load, a daemon with sink_timescale, a real PostgreSQL: what the faults are done to."""
import json
import re

import psycopg

from agreement import Run
from compare import compare
from export import export
from harness import until

CHANNELS = ["ticker.agg2", "trades.100ms", "quote"]

TIMES = {"event_us": "event_time", "expired_us": "expired_at", "last_seen_us": "last_seen", "listed_us": "listed_at"}


def as_postgres(query):
    """A query written for sink_sqlite's tables: microseconds and `?`. Rows of a test's one chunk keep their order."""
    for name, column in TIMES.items():
        query = re.sub(rf"\b{name}\b", f"(extract(epoch FROM {column}) * 1000000)::bigint", query)
    return query.replace("%", "%%").replace("?", "%s").replace("rowid", "ctid")


def store_in(daemon, server, database="feedloom"):
    """sink_timescale instead of sink_sqlite, asked by the same words. For `daemon.configure`, before its start."""
    daemon.config["sinks"]["store"] = {"plugin": "sink_timescale", "url": server.url(database)}

    def sql(query, *parameters):
        try:
            return server.rows(as_postgres(query), *parameters, database=database)
        except psycopg.errors.UndefinedTable as error:
            raise OSError("not made yet") from error  # until() goes on
    daemon.sql = sql
    daemon.edit = lambda query, *parameters: server.execute(as_postgres(query), *parameters, database=database)


class PgRun(Run):
    def __init__(self, world, server, channels=None, rate=500, sink=None, database="feedloom", url=None):
        self.rate = rate
        self.server, self.database = server, database
        self.simulator = world.simulator(message_rate=rate)
        self.daemon = world.daemon(self.simulator, feed={"channels": channels or CHANNELS})
        self.daemon.config["sinks"]["store"] = {
            "plugin": "sink_timescale", "url": url or server.url(database), **(sink or {})}
        self.daemon.configure(self.daemon.config)
        self.cut = set()
        self.begin()

    # ---- what is seen ----

    def value(self, query, *parameters):
        return self.server.value(query, *parameters, database=self.database)

    def count(self, table):
        return self.value(f"SELECT count(*) FROM {table}")

    def wait_stored(self, more, table="option_quotes", seconds=60):
        """Until so many more rows have come."""
        before = self.count(table)
        until(lambda: self.count(table) >= before + more, f"{more} more rows of {table}", seconds)

    def wait_state(self, state, words="", seconds=60):
        return self.daemon.wait_status(
            lambda s: s["sinks"][0]["state"] == state and words in (s["sinks"][0]["reason"] or ""),
            f"the sink is {state}, because of {words!r}", seconds)

    def wait_lag(self, records, seconds=60):
        """Until so many wait in the journal."""
        return self.daemon.wait_status(lambda s: s["sinks"][0]["lag_records"] >= records,
                                       f"{records} records wait", seconds)

    def wait_healthy(self, seconds=60):
        return self.wait_state("connected", "", seconds)

    # ---- the end ----

    def finish(self, path=None):
        self.daemon.wait_connected(seconds=60)
        assert self.simulator.quiesce()["lost_rows"] == 0
        self.daemon.wait_drained(120)
        newest = self.simulator.sql("SELECT max(event_us) FROM market_trades WHERE instrument_name LIKE '%-C' OR"
                                    " instrument_name LIKE '%-P'")[0][0]
        try:  # trades of the time away are asked for: the verdict says what is missing
            until(lambda: self.value("SELECT (extract(epoch FROM max(event_time)) * 1000000)::bigint"
                                     " FROM option_trades") == newest, "refilled", 10)
        except AssertionError:
            pass
        self.published = until(self.settled, "nothing is published any more")
        self.counts = {}
        for (counts,) in self.server.rows("SELECT counts FROM feedloom_cursor WHERE sink = 'store'",
                                          database=self.database):
            counts = json.loads(counts) if isinstance(counts, str) else counts
            for kind, fates in counts.items():
                for fate, number in fates.items():
                    mine = self.counts.setdefault(kind, {})
                    mine[fate] = mine.get(fate, 0) + number
        self.daemon.stop(60)
        self.simulator.stop(60)
        stored = export(self.server, self.daemon.folder / "exported.db", self.database)
        verdict = compare(self.simulator.ledger, stored, self.cut)
        print(verdict)
        return verdict
