"""./dev bench: feedloom next to what it is measured by, in one run.

    bench.py --build DIR [--quick] [--rounds N] [--only NAME,...] [--dir DIR]

All contestants wait, connected, and have their turns in rounds, of less than a second each, so that what else the machine
does meets all of them; a ratio is the median of the rounds' ratios. Absolute figures are this machine's at this moment and mean little. Exit code
1: a target was missed, or a program did not see what was played. --quick plays little, shows that the programs
work and that their counts agree, and says nothing of speed.
"""
import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import contestants
from contestants import Disagreement

MIB = 1 << 20
WRITES_MAX = 2048 * MIB  # of one process; beyond it the disk is measured
BATCH_ROWS = 10000  # as sink_sqlite's

# name: messages of a turn; what takes half a second to a second
PLAIN = {"reader": 2000000, "parser": 800000, "journal": 800000, "null": 800000, "node": 150000,
         "python": 100000}
SECURE = {"reader": 200000, "parser": 200000, "journal": 200000, "null": 200000, "node": 80000,
          "python": 60000}
SQLITE = 300000  # anew in each round, with the insert loop of its rows right behind it
QUICK = 3000
LATENCY_RATES = (2000, 10000)
LATENCY_S = 10

TITLES = {"reader": "bare reader", "parser": "bare parser", "journal": "feedloom, journal only",
          "null": "feedloom, null sink", "sqlite": "feedloom, SQLite", "node": "Node ws + JSON.parse",
          "python": "Python websockets + orjson + uvloop", "insert": "bare insert loop"}

# what, numerator, denominator, at least
RATIOS = (
    ("null sink to bare parser, plain", ("null", "plain"), ("parser", "plain"), 0.70),
    ("journal only to bare parser, plain", ("journal", "plain"), ("parser", "plain"), 0.70),
    ("null sink to bare parser, TLS", ("null", "tls"), ("parser", "tls"), 0.80),
    ("journal only to bare parser, TLS", ("journal", "tls"), ("parser", "tls"), 0.80),
    ("SQLite to bare insert loop, rows", ("sqlite", "plain"), ("insert", "plain"), 0.75),
    ("null sink to Node, plain", ("null", "plain"), ("node", "plain"), 4.0),
    ("null sink to Python, plain", ("null", "plain"), ("python", "plain"), 5.5),
    ("null sink to Node, TLS", ("null", "tls"), ("node", "tls"), 2.0),
    ("null sink to Python, TLS", ("null", "tls"), ("python", "tls"), 2.0),
)
RSS_MAX_MB = 48
P99_MAX_MS = 100


class Bench:
    def __init__(self, options):
        self.build, self.quick, self.rounds = Path(options.build).resolve(), options.quick, options.rounds
        self.dir, self.only = options.dir, options.only
        self.runs = {}  # (name, line): one result a round
        self.latency = {}  # rate: {"p50": ...}

    def say(self, text):
        print(text, flush=True)

    def folder(self):
        return Path(tempfile.mkdtemp(prefix="feedloom-bench-", dir=self.dir))

    def takes_part(self, name):
        if self.only:
            return name in self.only
        if name == "node":
            return shutil.which("node") is not None and Path("/usr/share/nodejs/ws").exists()
        if name == "python":
            try:
                import orjson, uvloop, websockets.asyncio  # noqa: F401, E401
            except ImportError:
                return False
        return True

    def note(self, name, line, result):
        self.runs.setdefault((name, line), []).append(result)

    def session(self, stack, name, line):
        """A contestant in a folder of its own; both are gone when the stack unwinds."""
        folder = self.folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        session = contestants.Session(name, self.build, folder, line == "tls")
        stack.callback(session.kill)
        session.folder = folder
        return session.start()

    def check(self, session):
        session.stop()
        if session.written > WRITES_MAX:
            raise Disagreement(f"{session.name} wrote {session.written // MIB} MiB: more than the cache takes")

    def rounds_of(self, line, parts):
        with contextlib.ExitStack() as stack:
            parts = [(name, count) for name, count in parts.items() if self.takes_part(name)]
            sessions = {name: self.session(stack, name, line) for name, _ in parts}
            for _ in range(self.rounds):
                for name, count in parts:
                    self.note(name, line, sessions[name].play(QUICK if self.quick else count))
            for session in sessions.values():
                self.check(session)

    def rounds_of_sqlite(self):
        for _ in range(self.rounds if self.takes_part("sqlite") else 0):
            with contextlib.ExitStack() as stack:
                session = self.session(stack, "sqlite", "plain")
                result = session.play(QUICK if self.quick else SQLITE)
                self.check(session)
                done = contestants.run_insert(self.build, session.folder / "store.db", session.folder, BATCH_ROWS)
                if done["rows"] != result["rows"]:
                    raise Disagreement(f"the store has {done['rows']} rows of {result['rows']}")
                result["rate"] *= result["rows"] / (QUICK if self.quick else SQLITE)  # rows
                self.note("sqlite", "plain", result)
                self.note("insert", "plain", {"rate": done["rows"] / done["seconds"],
                                              "cpu_us": done["cpu_s"] / done["rows"] * 1e6, "rss_mb": 0, "waited": 0})

    def all_rounds(self):
        self.rounds_of("plain", PLAIN)
        self.rounds_of("tls", SECURE)
        self.rounds_of_sqlite()

    def measure_latency(self):
        for rate in LATENCY_RATES:
            with contextlib.ExitStack() as stack:
                session = self.session(stack, "sqlite", "plain")
                session.play(rate * LATENCY_S, rate)
                self.check(session)
                self.latency[rate] = session.contestant.latency_ms

    # -- what came out --

    def median(self, key, figure):
        return statistics.median(run[figure] for run in self.runs[key])

    def ratio(self, over, under):
        pairs = zip(self.runs.get(over, []), self.runs.get(under, []))
        ratios = [one["rate"] / other["rate"] for one, other in pairs]
        return statistics.median(ratios) if ratios else None

    def print_table(self):
        self.say(f"\n{'':<36}{'per second':>12}{'of parser':>11}{'CPU us':>8}{'RSS MB':>8}{'waited':>8}")
        for line in ("plain", "tls"):
            for name, title in TITLES.items():
                key = (name, line)
                if key not in self.runs:
                    continue
                share = self.ratio(key, ("parser", line)) if name != "insert" else None
                self.say(f"{title + (', TLS' if line == 'tls' else ''):<40}{self.median(key, 'rate'):>8.0f}"
                         f"{'' if share is None else format(share, '.2f'):>11}{self.median(key, 'cpu_us'):>8.2f}"
                         f"{self.median(key, 'rss_mb'):>8.1f}{self.median(key, 'waited'):>8.0%}")
        self.say("SQLite and the insert loop: rows a second; all else messages. CPU is of all threads of the "
                 "process, for one message. Waited: of its time, how long its main thread was ready and had no "
                 "processor; on a machine that does nothing else that is next to nothing.")
        for rate, latency in self.latency.items():
            self.say(f"received to stored in SQLite at {rate} messages a second, ms: " + ", ".join(
                f"{name} {latency[name]:.1f}" for name in ("p50", "p95", "p99")))

    def verdicts(self):
        for what, over, under, least in RATIOS:
            ratio = self.ratio(over, under)
            if ratio is not None:
                yield what, f"{ratio:.2f}", f">= {least:.2f}", ratio >= least
        rss = [self.median(key, "rss_mb") for key in self.runs if key[0] in ("journal", "null", "sqlite")]
        if rss:
            yield "resident memory of feedloom, MB", f"{max(rss):.1f}", f"< {RSS_MAX_MB}", max(rss) < RSS_MAX_MB
        if 10000 in self.latency:
            p99 = self.latency[10000]["p99"]
            yield "latency p99 at 10,000 a second, ms", f"{p99:.1f}", f"< {P99_MAX_MS}", p99 < P99_MAX_MS

    def print_verdicts(self):
        missed = 0
        self.say("")
        for what, found, wanted, is_met in self.verdicts():
            missed += not is_met
            self.say(f"{what:<42}{found:>8}   {wanted:<9}{'pass' if is_met else 'MISSED'}")
        return missed


def disk_rate(folder):
    """What the disk sustains: MB a second of 256 MiB, synced."""
    data, path = os.urandom(MIB), Path(folder) / "disk"
    begun = time.monotonic()
    with open(path, "wb", buffering=0) as file:
        for _ in range(256):
            file.write(data)
        os.fsync(file.fileno())
    seconds = time.monotonic() - begun
    path.unlink()
    return 256 * MIB / seconds / 1e6


def compare(bench):
    folder = bench.folder()
    try:
        bench.say(f"this disk takes {disk_rate(folder):.0f} MB/s, synced ({folder.parent}); "
                  f"{os.getloadavg()[0]:.1f} others at work")
    finally:
        shutil.rmtree(folder)
    bench.all_rounds()
    if not bench.only or "sqlite" in bench.only:
        bench.measure_latency()
    bench.print_table()
    return 1 if bench.print_verdicts() else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--quick", action="store_true", help="do the programs work, do their counts agree")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", type=lambda text: text.split(","), help="names: sqlite, " + ", ".join(PLAIN))
    parser.add_argument("--dir", default="/var/tmp", help="where the daemon writes; on a real disk")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    bench = Bench(options)
    try:
        if not bench.quick:
            return compare(bench)
        bench.all_rounds()
        for name in ("node", "python"):
            if not bench.takes_part(name):
                bench.say(f"{TITLES[name]} is not installed: left out")
        bench.say(f"{len(bench.runs)} programs saw what was played to them")
        return 0
    except Disagreement as error:
        bench.say(f"bench: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
