"""./dev bench timescale: sink_timescale next to what its server takes, in one run.

    bench_timescale.py --build DIR [--quick] [--rounds N] [--dir DIR]

Rate: a journal is filled while the store's cursor is locked; once it is let go, the rows a second until the last
is stored, next to psql's \\copy of the same rows, in the same order, into the same tables, emptied. Latency: from
the socket to the server's own time of the commit, of every row, next to a bare loop over libpq with the same floor
between commits, both played the same stream in turns. Exit code 1: a target was missed, or rows were.
"""
import argparse
import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import contestants
from contestants import Disagreement, until

sys.path.insert(0, str(contestants.SOURCE / "tests" / "integration"))
import postgres  # noqa: E402

TABLES = ("option_quotes_base", "tickers_base", "option_trades_base")
MESSAGES = 400000
QUICK = 3000
LATENCY_RATES = (2000, 10000)
LATENCY_S = 5
RATE_LEAST, LATENCY_MOST, P99_MOST_MS = 0.85, 2.0, 100
# Durable commits, as users have them. What comes at times of its own (checkpoints, vacuum) would hit one or the other.
SETTINGS = {"fsync": "on", "shared_buffers": "256MB", "max_wal_size": "4GB", "min_wal_size": "2GB",
            "checkpoint_timeout": "1h", "autovacuum": "off", "track_commit_timestamp": "on",
            "synchronize_seqscans": "off", "max_parallel_workers_per_gather": "0",
            # Without vacuum nobody summarizes; that is logged at each request, with the whole statement until now.
            "log_min_error_statement": "fatal"}
ROWS = " UNION ALL ".join(f"SELECT xmin, received_at FROM {table}" for table in TABLES)
LATENCY = ("SELECT count(*), percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM"
           f" pg_xact_commit_timestamp(xmin) - received_at)::float8) FROM ({ROWS}) AS rows")


class Bench:
    def __init__(self, options, server):
        self.build, self.quick, self.rounds = Path(options.build).resolve(), options.quick, options.rounds
        self.dir, self.server = options.dir, server
        self.ratios = []    # of the rounds: feedloom's rate to psql's
        self.latency = {}   # (rate, name): a (p50, p99) a round

    def say(self, text):
        print(text, flush=True)

    @contextlib.contextmanager
    def session(self, name):
        """Connected and idle; at its end what it counted is compared."""
        folder = Path(tempfile.mkdtemp(prefix="feedloom-bench-", dir=self.dir))
        session = contestants.Session(name, self.build, folder, store=self.server.url())
        try:
            yield session.start()
            session.stop()
        finally:
            session.kill()
            shutil.rmtree(folder, ignore_errors=True)

    def empty(self):
        """The instruments stay, and so does the cursor."""
        self.server.execute(f"TRUNCATE {', '.join(TABLES)}")
        self.server.execute("CHECKPOINT")

    def count(self):
        return self.server.value(f"SELECT count(*) FROM ({ROWS}) AS rows")

    # ---- rate ----

    def fill_and_drain(self, session):
        """Rows, the seconds they took from the moment that the cursor's row was free, and for how much of that the
        server's process was ready and had no processor."""
        lock = self.server.connect()
        lock.execute("BEGIN; LOCK TABLE feedloom_cursor IN SHARE MODE")
        played = session.play(QUICK if self.quick else MESSAGES, waits=False)
        until(lambda: session.contestant.lag_records() >= played["rows"], "all is in the journal")
        writer = self.server.sessions("feedloom store/main")[0][0]
        waited, begun = contestants.waited_s(writer), time.monotonic()
        lock.close()
        session.contestant.wait_kept(every_s=0.01)
        seconds = time.monotonic() - begun
        return played["rows"], seconds, (contestants.waited_s(writer) - waited) / seconds

    def copy(self, number_of_rows):
        """psql's \\copy of what the tables hold, into the same tables, emptied: the seconds by its own watch."""
        files = {table: self.server.folder / f"{table}.copy" for table in TABLES}
        self.server.psql(*(f"\\copy (SELECT * FROM {table}) TO '{file}' (FORMAT binary)" for table, file in files.items()))
        self.empty()
        said = self.server.psql("\\timing on", *(f"\\copy {table} FROM '{file}' (FORMAT binary)"
                                                 for table, file in files.items()))
        if self.count() != number_of_rows:
            raise Disagreement(f"psql copied {self.count()} rows of {number_of_rows}")
        return sum(float(ms) for ms in re.findall(r"^Time: ([0-9.]+) ms", said, re.MULTILINE)) / 1000

    def measure_rate(self):
        with self.session("timescale") as session:
            for number in range(self.rounds + (not self.quick)):  # the first one warms up
                self.empty()
                rows, ours, waited = self.fill_and_drain(session)
                if self.count() != rows:
                    raise Disagreement(f"{self.count()} rows are stored of {rows}")
                theirs = self.copy(rows)
                self.say(f"round {number}: feedloom {rows / ours:,.0f} rows/s (its server waited {waited:.0%} of the"
                         f" time), psql {rows / theirs:,.0f}, {theirs / ours:.2f}")
                if number > 0 or self.quick:
                    self.ratios.append(theirs / ours)

    # ---- latency ----

    def play_paced(self, name, rate):
        self.empty()
        with self.session(name) as session:
            rows = session.play(QUICK if self.quick else rate * LATENCY_S, rate)["rows"]
        count, percentiles = self.server.rows(LATENCY)[0]
        if count != rows:
            raise Disagreement(f"{name} stored {count} rows of {rows}")
        return percentiles

    def measure_latency(self):
        for rate in LATENCY_RATES[:1] if self.quick else LATENCY_RATES:
            for _ in range(self.rounds):
                for name in ("timescale", "store"):
                    self.latency.setdefault((rate, name), []).append(self.play_paced(name, rate))

    # ---- what came out ----

    def latency_of(self, rate, name, i):
        return statistics.median(found[i] for found in self.latency[rate, name])

    def latency_ratio(self, rate, i):
        pairs = zip(self.latency[rate, "timescale"], self.latency[rate, "store"])
        return statistics.median(ours[i] / bare[i] for ours, bare in pairs)

    def verdicts(self):
        ratio = statistics.median(self.ratios)
        yield "rows a second, to psql's \\copy", f"{ratio:.2f}", f">= {RATE_LEAST:.2f}", ratio >= RATE_LEAST
        for rate in LATENCY_RATES:
            for i, name in enumerate(("p50", "p99")):
                ratio = self.latency_ratio(rate, i)
                yield (f"{name} at {rate:,} a second, to a bare loop", f"{ratio:.2f}", f"<= {LATENCY_MOST:.2f}",
                       ratio <= LATENCY_MOST)
            p99 = self.latency_of(rate, "timescale", 1)
            yield f"p99 at {rate:,} a second, ms", f"{p99:.1f}", f"< {P99_MOST_MS}", p99 < P99_MOST_MS

    def print_verdicts(self):
        for rate in LATENCY_RATES:
            self.say(f"received to committed at {rate:,} a second, ms: " + "; ".join(
                f"{title} p50 {self.latency_of(rate, name, 0):.1f} p99 {self.latency_of(rate, name, 1):.1f}"
                for name, title in (("timescale", "feedloom"), ("store", "bare loop"))))
        missed = 0
        for what, found, wanted, is_met in self.verdicts():
            missed += not is_met
            self.say(f"{what:<42}{found:>8}   {wanted:<9}{'pass' if is_met else 'MISSED'}")
        return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--quick", action="store_true", help="do the programs work, do their counts agree")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default="/var/tmp", help="where the daemon writes; on a real disk")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    with postgres.server(settings=SETTINGS) as server:
        server.create()
        bench = Bench(options, server)
        try:
            bench.measure_rate()
            bench.measure_latency()
        except (Disagreement, subprocess.SubprocessError) as error:
            bench.say(f"bench: {error}")
            return 1
        return 0 if options.quick or not bench.print_verdicts() else 1


if __name__ == "__main__":
    sys.exit(main())
