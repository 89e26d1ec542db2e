"""Plugins and configuration that change under a running daemon: what tests and the campaign `reload` share."""
import json
import os
import re
import shutil
import statistics
from pathlib import Path

from agreement import Run, check_loss_identity
from harness import BUILD, SANITIZED, ask, until
from timescale import PgRun

SECOND = Path(os.environ.get("FEEDLOOM_SECOND", BUILD / "tests" / "reload"))  # builds that differ by their version
VERSIONS = ["1.0", "1.1"]
PLUGINS = ["deribit", "sink_sqlite", "lifecycle", "control"]  # of the daemon; the venue's is the simulator
CHANNELS = ["ticker.agg2", "trades.100ms", "quote", "book.agg2"]
PAUSE_MS = 20


class DropIn:
    """A folder of plugins that is searched first."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name):
        return self.folder / f"{name}.so"

    def source(self, name, build):
        return (BUILD / "plugins" / name if build == 0 else SECOND) / f"{name}.so"

    def put(self, name, build):
        """Whole at once, as a package manager does."""
        new = self.folder / "new"
        shutil.copy(self.source(name, build), new)
        new.rename(self.path(name))

    def remove(self, name):
        self.path(name).unlink()


SEAL_BYTES = 48


def damaged(whole, draw):
    """A sealed file as a bad disk, a bad copy or a cut one leaves it. Never whole but for its seal."""
    while True:
        bad, at = bytearray(whole), draw.randrange(len(whole))
        kind = draw.randrange(6)
        if kind == 0:
            del bad[at:]
        elif kind == 1:
            del bad[len(bad) - 1 - draw.randrange(SEAL_BYTES):]
        elif kind == 2:
            one, other = (4096 * draw.randrange(len(bad) // 4096) for _ in range(2))
            bad[one:one + 4096], bad[other:other + 4096] = bad[other:other + 4096], bad[one:one + 4096]
        elif kind == 3:
            bad[len(bad) - 1 - draw.randrange(SEAL_BYTES)] ^= draw.randrange(1, 256)
        elif kind == 4:
            bad[at:] = bytes(len(bad) - at)
        else:
            for _ in range(draw.randrange(1, 16)):
                bad[draw.randrange(len(bad))] ^= draw.randrange(1, 256)
        if bad not in (whole, whole[:-SEAL_BYTES]):
            return bytes(bad)


def edit(daemon, change):
    """Saves the configuration over itself, with what `change` does to it."""
    config = json.loads(daemon.config_file.read_text())
    change(config)
    daemon.configure(config)


def plugin(daemon, name):
    for row in daemon.ask("GET", "/v1/plugins").json["plugins"]:
        if row["name"] == name:
            return row
    return None


def wait_version(daemon, name, version, seconds=30):
    return until(lambda: (row := plugin(daemon, name)) and row["version"] == version and row,
                 f"{name} {version} runs", seconds)


def reload(daemon, name):
    return daemon.ask("POST", f"/v1/plugins/{name}/reload")


def takeovers(process):
    """How long the loop stood still in each swap, in ms, and how much of that it worked, as the log has it."""
    return [tuple(map(float, re.search(r"in ([0-9.]+) ms, ([0-9.]+) of them work", line).groups()))
            for line in process.lines(["takes over from"])]


class DroppedIn:
    """Of a run whose daemon takes its plugins from a folder of its own."""

    def take(self, world, *names):
        self.feed_drop_in = DropIn(world.folder / "plugins")
        for name in names:
            self.feed_drop_in.put(name, 0)

    def begin(self):
        config = json.loads(self.daemon.config_file.read_text())
        config["plugins"] = {"dir": str(self.feed_drop_in.folder)}
        # None is left because it is about to expire: what the hour is must not matter.
        config["services"]["lifecycle"] = {"expiry_buffer": "0", "refresh_interval": "10s"}
        self.daemon.configure(config)
        super().begin()


class WithVenue(DroppedIn):
    """And its venue from another."""
    plugins = PLUGINS

    def take_all(self, world):
        self.take(world, *self.plugins)
        self.venue_drop_in = DropIn(world.folder / "var" / "plugins")
        self.venue_drop_in.put("simulator", 0)


class Loaded(WithVenue, Run):
    def __init__(self, world, channels, rate):
        self.take_all(world)
        super().__init__(world, channels, rate)


class LoadedPg(WithVenue, PgRun):
    plugins = ["sink_timescale" if name == "sink_sqlite" else name for name in PLUGINS]

    def __init__(self, world, server, channels, rate):
        self.take_all(world)
        super().__init__(world, server, channels, rate)

    def finish(self):
        verdict = super().finish()
        self.daemon.store = self.daemon.folder / "exported.db"
        return verdict


def swap_all(run, turn):
    """Each plugin's other build, under load; every message of before and after is the same connection's."""
    build = (turn + 1) % 2
    for name in run.plugins:
        run.feed_drop_in.put(name, build)
        answer = reload(run.daemon, name)
        assert answer.status == 200 or "being reloaded" in answer.json["detail"], answer  # the watcher was first
        wait_version(run.daemon, name, VERSIONS[build])
    run.venue_drop_in.put("simulator", build)
    until(lambda: len(takeovers(run.simulator)) == turn + 1, "the venue's code is another")
    seen = run.daemon.feed()["messages"]
    until(lambda: run.daemon.feed()["messages"] > seen + run.rate // 10, "messages go on")


def edit_once(run, turn):
    """An option that changes in place; each third time a mistake comes first, and changes nothing."""
    daemon = run.daemon
    if turn % 3 == 2:
        edit(daemon, lambda config: config["sinks"]["store"].update({"batch_rows": "many"}))
        status = daemon.wait_status(lambda s: s["config"]["state"] == "invalid", "the mistake is told")
        assert "daemon.yaml:" in status["config"]["error"] and "batch_rows" in status["config"]["error"]
        assert daemon.metric("feedloom_config_invalid") == 1
    edit(daemon, lambda config: config["sinks"]["store"].update({"batch_rows": 5000 + turn}))
    until(lambda: len(daemon.lines("store: reconfigured without interruption")) >= turn + 1, "taken over")
    daemon.wait_status(lambda s: s["config"]["state"] == "ok", "it is good again")
    assert daemon.metric("feedloom_config_invalid") == 0


def check_swaps(run, connections, turns, pause_ms=None):
    """No connection was closed, nothing failed, no swap was much work; `pause_ms`: nor did the loop stand still for
    so long, on a machine that has nothing else to do."""
    assert run.simulator.connections() == connections, "a connection was closed"
    assert run.daemon.feed()["reconnects"] == 0
    rows = {row["name"]: row for row in run.daemon.ask("GET", "/v1/plugins").json["plugins"]}
    pauses = takeovers(run.daemon) + takeovers(run.simulator)
    for name in run.plugins:
        # More where the watcher was done before the request came.
        assert turns <= rows[name]["reloads"] <= 2 * turns and rows[name]["last_error"] is None, rows[name]
        assert SANITIZED or rows[name]["images_kept"] == 0, rows[name]
        assert run.daemon.metric(f'feedloom_reloads_total{{plugin="{name}",result="done"}}') == rows[name]["reloads"]
    assert len(takeovers(run.simulator)) == turns
    stood, worked = zip(*pauses)
    assert SANITIZED or max(worked) < PAUSE_MS, pauses
    assert SANITIZED or pause_ms is None or max(stood) < pause_ms, pauses
    return (f"{len(pauses)} swaps, the loop stood still for {statistics.median(stood)} ms (median), {max(stood)} at most;"
            f" of its own processor's time a swap took {statistics.median(worked)} ms (median), {max(worked)} at most, the"
            " rest went to other processes")


def check_end(run):
    """Ledger and store agree, and nothing was lost or asked for again."""
    verdict = run.finish()
    verdict.check()
    assert verdict.counts["cut off"] == 0, verdict
    assert verdict.counts["stored quote rows"] > 0 and verdict.counts["stored trades"] > 0, verdict
    gaps = run.daemon.sql("SELECT * FROM stream_gaps WHERE cause != 'process'")
    assert not gaps, gaps
    check_loss_identity(run)
    return verdict
