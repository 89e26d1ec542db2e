"""Real PostgreSQL servers for tests: started, stopped, killed, with a standby, with TimescaleDB or without.

A server lives in a folder of its own on a free port and belongs to the system's user postgres, since PostgreSQL
does not run as root. fsync is off: what is killed here are processes, whose files the kernel keeps.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg

import harness

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
SETTINGS = {"fsync": "off", "max_connections": "40", "shared_buffers": "64MB", "max_wal_size": "512MB",
            "log_min_messages": "warning", "log_checkpoints": "off", "autovacuum_naptime": "10s",
            "unix_socket_directories": "", "listen_addresses": "127.0.0.1", "max_worker_processes": "8",
            "timescaledb.max_background_workers": "2", "timescaledb.telemetry_level": "off"}


def as_postgres(*command):
    """What to run so that a command is the user postgres's; as it is for who is not root."""
    if os.getuid() != 0:
        return list(map(str, command))
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env", *map(str, command)]


def new_folder(parent="/var/tmp"):
    path = Path(tempfile.mkdtemp(prefix="feedloom-pg-", dir=parent))
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


class Postgres:
    """One server. `folder` is made where it is not given, and removed by remove()."""

    def __init__(self, timescaledb=True, folder=None, port=None, settings=None):
        assert PROGRAMS, "no PostgreSQL here: install postgresql-17 and postgresql-17-timescaledb"
        self.bin = PROGRAMS[-1]
        self.timescaledb = timescaledb
        self.folder = Path(folder) if folder else new_folder()
        self.data = self.folder / "data"
        self.log_file = self.folder / "server.log"
        self.port = port or harness.free_port()
        self.settings = {**SETTINGS, "port": str(self.port), **(settings or {})}
        if timescaledb:
            self.settings["shared_preload_libraries"] = "timescaledb"
        else:
            self.settings = {k: v for k, v in self.settings.items() if not k.startswith("timescaledb.")}
        self.popen = None

    # ---- its life ----

    def _run(self, program, *arguments, seconds=120):
        done = subprocess.run(as_postgres(self.bin / program, *arguments), text=True, capture_output=True,
                              timeout=seconds * harness.PATIENCE, cwd=self.folder)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def make(self):
        self._run("initdb", "-D", self.data, "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                  "--locale=C.UTF-8")
        return self.configure()

    def configure(self, **settings):
        """For the next start; names with `__` for a dot."""
        self.settings.update({name.replace("__", "."): str(value) for name, value in settings.items()})
        with open(self.data / "postgresql.auto.conf", "w") as out:
            for name, value in self.settings.items():
                out.write(f"{name} = '{value}'\n")
        return self

    def start(self, wait=True):
        assert self.popen is None, "the server runs already"
        if not self.data.exists():
            self.make()
        with open(self.log_file, "ab") as log:
            self.popen = subprocess.Popen(as_postgres(self.bin / "postgres", "-D", self.data), stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def is_ready(self):
        assert self.popen.poll() is None, f"the server has ended: {self.log()[-2000:]}"
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5):
                return True
        except psycopg.OperationalError as error:
            return "too many clients" in str(error)

    def wait_ready(self, seconds=60):
        harness.until(self.is_ready, "PostgreSQL takes connections", seconds)

    def _signal(self, number):
        """setpriv becomes the server: its pid is the postmaster's."""
        self.popen.send_signal(number)

    def stop(self, mode="fast", seconds=60):
        """fast: sessions are ended; immediate: as in a crash, but for the processes it leaves."""
        self._signal({"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self.popen.wait(seconds * harness.PATIENCE)
        self.popen = None

    def kill(self):
        """SIGKILL to all of its processes at once: nothing is said to anybody."""
        if self.popen is None:
            return
        group = self.popen.pid
        for pid in [group, *self.children()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.popen.wait()
        self.popen = None
        # The memory it shared outlives it, and the next start looks whether anybody still uses it.
        harness.until(lambda: not self._living(group), "the server's processes are gone")

    def children(self):
        return [int(pid) for pid in
                Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()]

    def _living(self, group):
        try:
            os.killpg(group, 0)
            return True
        except ProcessLookupError:
            return False

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def remove(self):
        self.kill()
        if not os.environ.get("FEEDLOOM_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return self.log_file.read_bytes().decode(errors="replace") if self.log_file.exists() else ""

    # ---- a standby ----

    def standby(self, **settings):
        """A copy that follows this one; not started."""
        other = Postgres(self.timescaledb, settings={**self.settings, "port": str(harness.free_port()), **settings})
        other.port = int(other.settings["port"])
        self._run("pg_basebackup", "-D", other.data, "-R", "-X", "stream", "-c", "fast", "-d",
                  self.url("postgres"))
        follow = [line for line in (other.data / "postgresql.auto.conf").read_text().splitlines()
                  if line.startswith("primary_conninfo")]
        other.configure()
        with open(other.data / "postgresql.auto.conf", "a") as out:
            out.write(follow[-1] + "\n")
        return other

    def promote(self):
        self.execute("SELECT pg_promote()", database="postgres")

    # ---- what is in it ----

    def url(self, database="feedloom", user="postgres", port=None, **more):
        query = "&".join(f"{name}={value}" for name, value in more.items())
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}" + (f"?{query}" if query else "")

    def connect(self, database="feedloom", user="postgres"):
        return psycopg.connect(self.url(database, user), autocommit=True)

    def execute(self, query, *parameters, database="feedloom", user="postgres"):
        with self.connect(database, user) as connection:
            connection.execute(query, parameters or None)

    def rows(self, query, *parameters, database="feedloom", user="postgres"):
        with self.connect(database, user) as connection:
            return connection.execute(query, parameters or None).fetchall()

    def value(self, query, *parameters, database="feedloom", user="postgres"):
        return self.rows(query, *parameters, database=database, user=user)[0][0]

    def create(self, database="feedloom", owner=None):
        """A database with the extension where this server has it."""
        if owner:
            self.execute(f"DO $$ BEGIN CREATE ROLE {owner} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
                         database="postgres")
        self.execute(f"CREATE DATABASE {database}" + (f" OWNER {owner}" if owner else ""), database="postgres")
        if self.timescaledb:
            self.execute("CREATE EXTENSION IF NOT EXISTS timescaledb", database=database)
        return self

    def drop(self, database="feedloom"):
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", database="postgres")

    def psql(self, *commands, database="feedloom"):
        """What it prints; each command is one of its own, as a line typed in."""
        arguments = [part for command in commands for part in ("-c", command)]
        return self._run("psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), *arguments)

    def sessions(self, application="feedloom%"):
        return self.rows("SELECT pid, state, query FROM pg_stat_activity WHERE application_name LIKE %s"
                         " ORDER BY backend_start", application, database="postgres")


@contextmanager
def server(**parts):
    made = Postgres(**parts)
    try:
        yield made.start()
    finally:
        made.remove()


class Proxy:
    """Between a client and a server: passes bytes on, until it is told to hold its peace or to cut."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", harness.free_port()))
        self.port = self.listener.getsockname()[1]
        self.is_silent, self.is_closed = threading.Event(), threading.Event()
        self.hold_behind = None  # bytes on their way to the server, behind which it falls silent by itself
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server_side = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                client.close()
                continue
            is_lost = threading.Event()
            self.pairs.append((client, server_side, is_lost))
            for i, (source, sink) in enumerate(((client, server_side), (server_side, client))):
                threading.Thread(target=self._pass_on, args=(i, source, sink, is_lost), daemon=True).start()

    def _hold(self, is_lost):
        while self.is_silent.is_set() or is_lost.is_set():
            if self.is_closed.is_set():
                raise OSError("closed")
            time.sleep(0.02)

    def _pass_on(self, i, source, sink, is_lost):
        try:
            while True:
                piece = source.recv(16384)
                if not piece:
                    break
                if i == 0 and self.hold_behind is not None and self.hold_behind in piece:
                    first = piece.index(self.hold_behind) + len(self.hold_behind)
                    self.hold_behind = None
                    sink.sendall(piece[:first])
                    self.is_silent.set()
                    piece = piece[first:]
                self._hold(is_lost)
                sink.sendall(piece)
            self._hold(is_lost)  # not even an end is passed on
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def silence(self):
        """Nothing is passed on any more, nor said to be at an end."""
        self.is_silent.set()

    def speak(self, lose=False):
        """Passes on again; with `lose` only what is connected anew, as behind a router that was replaced."""
        if lose:
            for _, _, is_lost in self.pairs:
                is_lost.set()
        self.is_silent.clear()

    def close(self):
        self.is_closed.set()
        self.listener.close()
        for client, server_side, _ in self.pairs:
            for end in (client, server_side):
                end.close()
