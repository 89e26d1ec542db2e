"""What takes part in the benchmark: each is a process that reads the stream the player plays.

Each has a player of its own and waits, connected (the daemon: subscribed), until it is its turn. A turn's time is
that from the first byte until the pong to a ping that was sent behind the last message; where rows are kept,
until the last one is. At the end, what it says it saw must be what was played to it.
"""
import http.client
import json
import os
import queue
import socket
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
TLS = SOURCE / "tests" / "fixtures" / "tls"
INSTRUMENTS = 1548
COUNTED = ("messages", "quotes", "tickers", "trades")
KINDS = {"quote": "quotes", "ticker": "tickers", "trade": "trades"}
WAIT_S = float(os.environ.get("FEEDLOOM_BENCH_WAIT", "60"))


class Disagreement(Exception):
    """A program did not see what was played, or did not work at all."""


def until(condition, what, every_s=0.02):
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            result = condition()
            if result:
                return result
        except (OSError, http.client.HTTPException):
            result = None
        if time.monotonic() > deadline:
            raise Disagreement(f"waited {WAIT_S:.0f} s in vain: {what}")
        time.sleep(every_s)


def cpu_s(pid):
    """What all threads of a process have used, to the nanosecond: its CPU clock (clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def waited_s(pid):
    """How long its main thread was ready to run and had no processor."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9


def field_of(pid, file, name):
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


class Watch:
    """CPU, memory and written bytes of a process while it is played to."""

    def __init__(self, pid):
        self.pid, self.rss_kib, self.is_over = pid, 0, threading.Event()
        self.waited_begun = waited_s(pid)
        self.cpu_begun, self.written_begun = cpu_s(pid), field_of(pid, "io", "write_bytes")
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()

    def _sample(self):
        while not self.is_over.wait(0.05):
            try:
                self.rss_kib = max(self.rss_kib, field_of(self.pid, "status", "VmRSS"))
            except OSError:
                return

    def end(self):
        self.cpu_s = cpu_s(self.pid) - self.cpu_begun
        self.waited_s = waited_s(self.pid) - self.waited_begun
        self.written = field_of(self.pid, "io", "write_bytes") - self.written_begun
        self.is_over.set()
        self.thread.join()
        self.rss_kib = max(self.rss_kib, field_of(self.pid, "status", "VmRSS"))


class Player:
    """The venue: bench_player."""

    def __init__(self, build, is_tls):
        files = [str(TLS / "server.pem"), str(TLS / "server-key.pem")] if is_tls else []
        self.is_tls = is_tls
        self.process = subprocess.Popen([str(build / "tests/bench/bench_player"), *files], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port = self.line()["port"]

    def _listen(self):
        for text in self.process.stdout:
            self.lines.put(text)

    def line(self):
        try:
            return json.loads(self.lines.get(timeout=WAIT_S))
        except queue.Empty:
            raise Disagreement(f"the player has said nothing for {WAIT_S:.0f} s") from None

    def wait_connected(self):
        while "connected" not in self.line():
            pass

    def play(self, count, rate=0):
        self.process.stdin.write(f"play {count} {rate}\n")
        self.process.stdin.flush()
        while "failed" not in (played := self.line()):
            pass
        if played["failed"]:
            raise Disagreement("the connection was lost while the stream was played")
        return played

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peer:
    """A reader that prints what it has seen, as one line: the bare ones, and those of others."""

    def __init__(self, name, build, folder, store=None):
        port_first = {"node": ["node", str(HERE / "peer.js")], "python": ["python3", str(HERE / "peer.py")]}
        reader = str(build / "tests/bench/bench_reader")
        self.name, self.folder = name, folder
        self.command = port_first.get(name) or [reader, {"reader": "read", "parser": "parse"}.get(name, name)]
        self.store = [] if store is None else [store]

    def start(self, player):
        environment = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
        self.process = subprocess.Popen([*self.command, str(player.port), *self.store] + ["tls"] * player.is_tls,
                                        text=True, stdout=subprocess.PIPE, env=environment)
        player.wait_connected()

    def pid(self):
        return self.process.pid

    def wait_kept(self):
        pass

    def stop(self, player):
        player.close()  # it ends with its connection
        self.seen = json.loads(self.process.stdout.read().splitlines()[-1])
        if self.process.wait() != 0:
            raise Disagreement(f"{self.name} ended with {self.process.returncode}")

    def check(self, played):
        for what in COUNTED:
            if self.name == "reader" and what != "messages":
                continue
            if self.seen[what] != played[what]:
                raise Disagreement(f"{self.name} saw {self.seen[what]} {what} of {played[what]}")

    def kill(self):
        if getattr(self, "process", None) is not None:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """feedloom with one of: no sink ("journal"), a sink that keeps nothing ("null"), "sqlite", "timescale"."""

    def __init__(self, name, build, folder, store=None):
        self.name, self.build, self.folder, self.store = name, build, folder, store

    def start(self, player):
        self.port = free_port()
        scheme = "wss" if player.is_tls else "ws"
        feed = {"url": f"{scheme}://localhost:{player.port}/ws/api/v2", "max_channels": 10000,
                "max_instruments": 10000, "max_connections": 1}
        if player.is_tls:
            feed["tls"] = {"ca_file": str(TLS / "ca.pem")}
        sinks = {"journal": {}, "null": {"store": {"plugin": "null_sink"}},
                 "sqlite": {"store": {"plugin": "sink_sqlite", "path": "store.db"}},
                 "timescale": {"store": {"plugin": "sink_timescale", "url": self.store, "lock_timeout": "10m",
                                         "statement_timeout": "10m"}}}
        config = {"journal": {"dir": "journal"}, "plugins": {"dir": str(self.build / "tests/bench")},
                  "feeds": {"deribit": feed}, "sinks": sinks[self.name],
                  "services": {"control": {"listen": f"127.0.0.1:{self.port}"}}}
        # As installed: the folder of the configuration is watched, and is not where the store is written.
        (self.folder / "etc").mkdir()
        (self.folder / "etc" / "feedloom.yaml").write_text(json.dumps(config))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(self.build / "core/feedloom"), "run", "-c", "etc/feedloom.yaml", "-d", "."],
                cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until(self._is_ready, "the daemon is connected and has subscribed")

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def status(self):
        if self.process.poll() is not None:
            raise Disagreement(f"the daemon has ended: {(self.folder / 'log').read_text()[-2000:]}")
        return json.loads(self.ask("/v1/streaming/status"))

    def _is_ready(self):
        status = self.status()
        feed = status["feeds"][0]
        return feed["state"] == "connected" and feed["instruments"] == INSTRUMENTS and \
            all(sink["state"] == "connected" for sink in status["sinks"])

    def pid(self):
        return self.process.pid

    def lag_records(self):
        return self.status()["sinks"][0]["lag_records"]

    def wait_kept(self, every_s=0.002):  # the wait for the last batch is part of the time
        if self.name != "journal":
            until(lambda: self.lag_records() == 0, "the sink has everything", every_s)

    def stop(self, player):
        self.counted = self._settled()
        self.latency_ms = self.status()["feeds"][0]["latency_ms"]
        self.process.terminate()
        if self.process.wait(WAIT_S) != 0:
            raise Disagreement(f"the daemon ended with {self.process.returncode} after SIGTERM")
        player.close()

    def _settled(self):
        """Metrics are brought up to date once a second: the counts when they stand still."""
        seen = []

        def is_settled():
            seen.append(self._counted())
            return sum(seen[-1].values()) > 0 and len(seen) > 3 and seen[-1] == seen[-4]

        until(is_settled, "the metrics stand still", every_s=0.4)
        return seen[-1]

    def _counted(self):
        """By kind: published, or what the sink has of it."""
        fate = "published" if self.name == "journal" else "stored"
        counted = {}
        for line in self.ask("/metrics").decode().splitlines():
            if line.startswith("feedloom_records_total{") and f'fate="{fate}"' in line:
                for kind in KINDS:
                    if f'kind="{kind}"' in line:
                        counted[kind] = counted.get(kind, 0) + int(float(line.rsplit(" ", 1)[1]))
        return counted

    def check(self, played):
        for kind, what in KINDS.items():
            if self.counted.get(kind, 0) != played[what]:
                raise Disagreement(f"feedloom with {self.name}: {self.counted.get(kind, 0)} {what} of "
                                   f"{played[what]}; log: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self):
        if getattr(self, "process", None) is not None:
            self.process.kill()
            self.process.wait()


class Session:
    """A contestant and its player, from the start to the comparison of what both have counted."""

    def __init__(self, name, build, folder, is_tls=False, store=None):
        kind = Daemon if name in ("journal", "null", "sqlite", "timescale") else Peer
        self.name, self.total, self.written = name, dict.fromkeys(COUNTED, 0), 0
        self.player, self.contestant = Player(build, is_tls), kind(
            name, build, folder, store)

    def start(self):
        self.contestant.start(self.player)
        return self

    def play(self, count, rate=0, waits=True):
        """One turn: figures by name. `waits`: until what was played is kept."""
        watch = Watch(self.contestant.pid())
        played = self.player.play(count, rate)
        ponged = time.monotonic()
        if waits:
            self.contestant.wait_kept()
        seconds = played["seconds"] + time.monotonic() - ponged
        watch.end()
        self.written += watch.written
        for what in COUNTED:
            self.total[what] += played[what]
        return {"rate": count / seconds, "cpu_us": watch.cpu_s / count * 1e6, "rss_mb": watch.rss_kib / 1024,
                "waited": watch.waited_s / seconds, "rows": played["quotes"] + played["tickers"] + played["trades"]}

    def stop(self):
        self.contestant.stop(self.player)
        self.contestant.check(self.total)

    def kill(self):
        self.contestant.kill()
        self.player.process.kill()
        self.player.process.wait()


def run_insert(build, store, folder, rows):
    """The bare insert loop over the rows of a store that feedloom filled."""
    schema = SOURCE / "schema" / "sqlite" / "0001_tables.sql"
    done = subprocess.run([str(build / "tests/bench/bench_insert"), str(store), str(folder / "bare.db"),
                           str(schema), str(rows)], text=True, capture_output=True)
    if done.returncode != 0:
        raise Disagreement(f"the insert loop: {done.stderr}")
    return json.loads(done.stdout)
