"""The real daemon and the exchange simulator as two processes: started, asked, stopped, killed.

Nothing is mocked: both are BUILD/core/feedloom as built (FEEDLOOM_BUILD), with the plugins beside it, over
real sockets, a real journal and a real SQLite file. No test waits a fixed time: it waits for a condition.
"""
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
FIXTURES = SOURCE / "tests" / "fixtures"
BUILD = Path(os.environ.get("FEEDLOOM_BUILD", SOURCE / "build"))
PROGRAM = BUILD / "core" / "feedloom"
SHORT = os.environ.get("FEEDLOOM_SHORT", "") not in ("", "0")
INSTRUMENTS = 1548  # 728 BTC, 820 ETH
SECRET = "tell-nobody-4711"


def _sanitizer():
    try:
        options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    except OSError:
        return False
    return any(o["name"] == "b_sanitize" and o["value"] not in ("none", [], "") for o in options)


SANITIZED = _sanitizer()
PATIENCE = 4 if SANITIZED else 1
# What takes minutes of waiting: another compiler alone is no reason to wait for it once more.
WAITS_LONG = pytest.mark.skipif(SHORT and not SANITIZED, reason="gcc's run has it, and the sanitizers'")


def until(condition, what, seconds=30):
    """Waits until `condition()` is true and returns what it returned; an OSError counts as not yet."""
    deadline = time.monotonic() + seconds * PATIENCE
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        except sqlite3.OperationalError as error:  # the store is not there yet
            last = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds * PATIENCE} s in vain: {what}; last: {last!r}")
        time.sleep(0.05)


_given = set()


def free_port():
    """A port nobody listens on, below those the system gives to clients."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def hours_apart():
    """An interval, as options have it, of whole multiples none of which is near: nothing becomes due within a test."""
    def until_next(hours):
        return hours * 3600 - time.time() % (hours * 3600)
    return f"{max(range(12, 25), key=until_next)}h"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def ask(port, method, path, body=None, headers=None, seconds=20, is_tls=False):
    """One HTTP request; `body` is bytes, text, or what becomes JSON."""
    if is_tls:  # whatever its certificate says: a test steers the simulator
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=seconds * PATIENCE,
                                                 context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds * PATIENCE)
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def exchange(port, data, seconds=10, count=None):
    """Raw bytes out, raw bytes in: until the peer closes, or `count` answers have begun."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds * PATIENCE) as peer:
        peer.sendall(data)
        while True:
            try:
                piece = peer.recv(65536)
            except TimeoutError:
                return received
            received += piece
            if not piece or (count is not None and received.count(b"HTTP/1.1 ") >= count and
                             received.endswith((b"}", b"\n"))):
                return received


def run(*arguments, env=None, cwd=None, seconds=60):
    """A verb of the program, to its end: returncode, stdout, stderr."""
    return subprocess.run([str(PROGRAM), *map(str, arguments)], text=True, capture_output=True,
                          cwd=cwd, env={**os.environ, **(env or {})}, timeout=seconds * PATIENCE)


class Process:
    """`feedloom run` with one configuration, in one folder."""

    def __init__(self, name, folder, config, env=None):
        self.name, self.folder = name, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file = self.folder / f"{name}.yaml"
        self.log_file = self.folder / f"{name}.log"
        self.env = {**os.environ, **(env or {})}
        self.popen = None
        self.program = PROGRAM
        self.arguments = []  # of `run`, besides -c and -d
        self.rss_kib = []  # one figure a second, over all its lives
        self.configure(config)

    def configure(self, config):
        """JSON is YAML; a text is taken as it is."""
        self.config = config
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        self.config_file.write_text(text + "\n")

    def start(self):
        assert self.popen is None, f"{self.name} runs already"
        self.begun = self.log_size()
        with open(self.log_file, "ab") as log:
            self.popen = subprocess.Popen(
                [str(self.program), "run", "-c", str(self.config_file), "-d", str(self.folder),
                 *self.arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env, cwd=self.folder)
        threading.Thread(target=self._sample, args=(self.popen,), daemon=True).start()
        return self

    def _sample(self, popen):
        while popen.poll() is None:
            try:
                for line in Path(f"/proc/{popen.pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        self.rss_kib.append(int(line.split()[1]))
            except OSError:
                return
            time.sleep(1)

    def log_size(self):
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def log(self, whole=True):
        """What it has printed, since it was started last if not `whole`."""
        if not self.log_file.exists():
            return ""
        return self.log_file.read_bytes()[0 if whole else self.begun:].decode(errors="replace")

    def lines(self, words):
        """The lines since its last start that contain all of the words."""
        words = [words] if isinstance(words, str) else words
        return [line for line in self.log(whole=False).splitlines() if all(w in line for w in words)]

    def is_running(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait_exit(self, seconds=30):
        """Waits until it has ended by itself; its exit code."""
        popen, self.popen = self.popen, None
        try:
            return popen.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen = popen
            raise AssertionError(f"{self.name} has not ended within {seconds * PATIENCE} s")

    def stop(self, seconds=30):
        """SIGTERM; an orderly stop ends with exit code 0."""
        assert self.is_running(), f"{self.name} has died: {self.popen and self.popen.returncode}"
        self.signal(signal.SIGTERM)
        code = self.wait_exit(seconds)
        assert code == 0, f"{self.name}: exit {code} after SIGTERM"

    def kill(self):
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
            self.popen = None


class Simulator(Process):
    """An exchange in a process of its own."""

    def __init__(self, folder, **options):
        self.port = options.pop("port", None) or free_port()
        self.ledger = Path(folder) / "ledger.db"
        self.is_tls = "cert_file" in options
        # One address of a fast test asks more than one client of the real venue may: `credits` off.
        settings = {"listen": f"127.0.0.1:{self.port}", "ledger": str(self.ledger), "credits": "off",
                    "message_rate": 500, **options}
        if not settings.get("calendar"):  # at 08:00, as at the venue, a test would lose instruments it counts on
            settings.setdefault("expiry_hour", (time.gmtime().tm_hour + 12) % 24)
        super().__init__("simulator", folder, {
            "journal": {"dir": "simulator-journal"},
            "services": {"simulator": settings}})

    def url(self, host="127.0.0.1"):
        return f"{'wss' if self.is_tls else 'ws'}://{host}:{self.port}/ws/api/v2"

    def start(self):
        super().start()
        until(lambda: self.lines("simulating Deribit on"), "the simulator listens")
        return self

    def ask(self, method, path, body=None, seconds=60):
        answer = ask(self.port, method, path, body, seconds=seconds, is_tls=self.is_tls)
        assert answer.status == 200, f"{method} {path}: {answer}"
        return answer.json

    def status(self):
        return self.ask("GET", "/sim/status")

    def connections(self):
        return [c["connection"] for c in self.status()["connections"]]

    def rate(self, messages_per_second):
        self.ask("POST", "/sim/rate", {"messages_per_second": messages_per_second})

    def drop(self, connection="all"):
        return self.ask("POST", "/sim/drop", {"connection": connection})["dropped"]

    def quiesce(self):
        return self.ask("POST", "/sim/quiesce")

    def resume(self):
        self.ask("POST", "/sim/resume")

    def sql(self, query, *parameters):
        return sql(self.ledger, query, *parameters)


class Daemon(Process):
    """Feed, store and control service, against a simulator or nothing."""

    def __init__(self, folder, simulator=None, feed=None, sink=None, control=None, env=None, **sections):
        self.port = free_port()
        self.store = Path(folder) / "feedloom.db"
        config = {
            "journal": {"dir": "journal"},
            "feeds": {"deribit": {"url": simulator.url() if simulator else "ws://127.0.0.1:9/ws/api/v2",
                                  **(feed or {})}},
            "sinks": {"store": {"plugin": "sink_sqlite", "path": "feedloom.db", **(sink or {})}},
            "services": {"control": {"listen": f"127.0.0.1:{self.port}", **(control or {})}},
            **sections}
        super().__init__("daemon", folder, {k: v for k, v in config.items() if v is not None}, env)

    def ask(self, method, path, body=None, headers=None, seconds=20):
        return ask(self.port, method, path, body, headers, seconds)

    def status(self):
        answer = self.ask("GET", "/v1/streaming/status")
        assert answer.status == 200, answer
        return answer.json

    def feed(self):
        return self.status()["feeds"][0]

    def sink(self):
        return self.status()["sinks"][0]

    def wait_status(self, condition, what, seconds=30):
        def look():
            assert self.is_running(), f"{self.name} has died: {self.popen.returncode}"
            status = self.status()
            return status if condition(status) else None
        return until(look, what, seconds)

    def wait_connected(self, instruments=INSTRUMENTS, seconds=30):
        return self.wait_status(
            lambda s: s["feeds"][0]["state"] == "connected" and
            s["feeds"][0]["instruments"] == instruments and s["sinks"][0]["state"] == "connected",
            f"connected with {instruments} instruments", seconds)

    def wait_drained(self, seconds=60):
        """All that was published is stored."""
        return self.wait_status(lambda s: s["sinks"][0]["lag_records"] == 0, "the store has everything",
                                seconds)

    def sql(self, query, *parameters):
        return sql(self.store, query, *parameters)

    def edit(self, query, *parameters):
        """What somebody does to the store by hand."""
        with closing(sqlite3.connect(self.store, timeout=30)) as connection, connection:
            connection.execute(query, parameters)

    def count(self, table):
        return self.sql(f"SELECT count(*) FROM {table}")[0][0]

    def metric(self, start):
        """The sum of the samples whose line begins so."""
        answer = self.ask("GET", "/metrics")
        assert answer.status == 200, answer
        found = [float(line.rsplit(" ", 1)[1]) for line in answer.body.decode().splitlines()
                 if line.startswith(start)]
        assert found, f"no metric {start}"
        return sum(found)


def sql(path, query, *parameters):
    if not Path(path).exists():
        raise sqlite3.OperationalError(f"{path} is not there")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query, parameters).fetchall()
    finally:
        connection.close()
