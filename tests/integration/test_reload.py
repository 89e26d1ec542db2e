"""Everything changes while it runs: code, options, instances; no connection ends, ledger and store agree.

Two builds of each plugin that differ by their version are swapped for one another under load. The full form is
`./dev torture reload`.
"""
import contextlib
import json
import random
import shutil
import threading
import time
from pathlib import Path

import psycopg
import pytest

import postgres
from agreement import check_loss_identity
from harness import SHORT, ask, until
from harness import run as run_verb
from reloading import (CHANNELS, SEAL_BYTES, VERSIONS, DroppedIn, Loaded, check_end, check_swaps, damaged, edit,
                       edit_once, plugin, reload, swap_all, wait_version)
from timescale import PgRun

RELOADS = 3 if SHORT else 6
RATE = 1500 if SHORT else 4000


# ---- code ----

def test_code_is_swapped_under_load_and_nothing_is_lost(world):
    run = Loaded(world, CHANNELS, RATE)
    connections = run.simulator.connections()
    for turn in range(RELOADS):
        swap_all(run, turn)
    print(check_swaps(run, connections, RELOADS))
    check_end(run)


def test_the_control_service_reloads_itself_by_its_own_request(world):
    run = Loaded(world, ["quote"], 300)
    answers = []

    def ask_on():
        for _ in range(30):
            answers.append(ask(run.daemon.port, "GET", "/v1/coverage").status)
    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(4):
        run.feed_drop_in.put("control", (turn + 1) % 2)
        answer = reload(run.daemon, "control")
        assert answer.status in (200, 409), answer
        wait_version(run.daemon, "control", VERSIONS[(turn + 1) % 2])
    for thread in threads:
        thread.join()
    assert answers == [200] * 120  # those in the middle too
    assert reload(run.daemon, "nothing").status == 404
    assert ask(run.daemon.port, "GET", "/v1/plugins/control/reload").status == 405


class LoadedPg(DroppedIn, PgRun):
    def __init__(self, world, server, channels, rate):
        self.take(world, "sink_timescale")
        super().__init__(world, server, channels, rate)


@contextlib.contextmanager
def asking(daemon, path):
    """Questions one after the other, from four who ask; each must be answered."""
    answers, is_over = [], threading.Event()

    def ask_on():
        while not is_over.is_set():
            answers.append(ask(daemon.port, "GET", path).status)
    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    is_over.set()
    for thread in threads:
        thread.join()
    assert len(answers) > 20 and set(answers) == {200}, answers


def test_sink_timescale_is_swapped_between_two_transactions_and_stores_on(world):
    with postgres.server(timescaledb=False) as server:
        server.create()
        run = LoadedPg(world, server, CHANNELS, RATE)
        daemon = run.daemon
        run.wait_stored(2000)
        sessions = [pid for pid, _, _ in server.sessions("feedloom store/main")]
        with asking(daemon, "/v1/instruments?limit=200"):
            for turn in range(RELOADS):
                run.feed_drop_in.put("sink_timescale", (turn + 1) % 2)
                wait_version(daemon, "sink_timescale", VERSIONS[(turn + 1) % 2])
                run.wait_stored(run.rate // 10)
        # In the midst of a COPY, which waits for a lock: the swap waits with it.
        with psycopg.connect(server.url()) as lock:
            lock.execute("LOCK TABLE tickers_base IN ACCESS EXCLUSIVE MODE")
            until(lambda: server.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                      " AND application_name = 'feedloom store/main'", database="postgres"),
                  "a batch waits for the lock")
            run.feed_drop_in.put("sink_timescale", (RELOADS + 1) % 2)
            answers = []
            requests = [threading.Thread(target=lambda: answers.append(reload(daemon, "sink_timescale").status))
                        for _ in range(2)]
            for request in requests:
                request.start()
            until(lambda: 409 in answers, "one of them, or the watcher, is at it, and waits", 5)
            assert plugin(daemon, "sink_timescale")["version"] == VERSIONS[RELOADS % 2]
        for request in requests:
            request.join()
        wait_version(daemon, "sink_timescale", VERSIONS[(RELOADS + 1) % 2])
        run.wait_stored(run.rate // 10)
        assert [pid for pid, _, _ in server.sessions("feedloom store/main")] == sessions, "a session was closed"
        assert len(daemon.lines("store: connected")) == 1 and not daemon.lines("store: disconnected")
        assert not daemon.lines("not reloaded")
        verdict = run.finish()
        verdict.check()
        assert verdict.counts["cut off"] == 0
        check_loss_identity(run)


def test_files_come_change_break_and_go(world):
    run = Loaded(world, ["quote", "trades.100ms"], 500)
    daemon, drop_in, connections = run.daemon, run.feed_drop_in, run.simulator.connections()
    # Replaced: by a rename, then written over in place, over the very file that runs.
    drop_in.put("deribit", 1)
    wait_version(daemon, "deribit", "1.1")
    shutil.copyfile(drop_in.source("deribit", 0), drop_in.path("deribit"))
    wait_version(daemon, "deribit", "1.0")
    assert daemon.lines("an older one")
    # Broken in every way: the code before runs on, and the step is named.
    whole = drop_in.source("deribit", 1).read_bytes()
    other_machine = bytearray(whole)
    other_machine[18] = 0xf3  # e_machine: another processor's
    failed = lambda: len(daemon.lines("not reloaded"))
    before = failed()  # a look at the file may have come while it was written over
    for count, (content, words) in enumerate((
            (whole[:len(whole) // 2], "cut short"), (b"#!/bin/sh\necho no plugin\n", "load: "),
            (bytes(other_machine), "load: "), (b"", "load: "),
            (drop_in.source("control", 0).read_bytes(), "check: "))):
        drop_in.path("deribit").write_bytes(content)
        until(lambda: failed() >= before + count + 1, f"the reload of {len(content)} bytes has failed")
        row = plugin(daemon, "deribit")
        assert words in row["last_error"] and row["version"] == "1.0", row
    assert daemon.metric('feedloom_reloads_total{plugin="deribit",result="failed"}') == failed()
    shown = run_verb("plugins", "--running", "-c", daemon.config_file)
    assert shown.returncode == 1 and "not reloaded at" in shown.stdout and "check: " in shown.stdout, shown
    # Gone and back in time: a package upgrade. Then gone for good: the built-in one takes over.
    drop_in.put("deribit", 1)
    assert wait_version(daemon, "deribit", "1.1")["last_error"] is None
    shown = run_verb("plugins", "--running", "-c", daemon.config_file)
    assert shown.returncode == 0 and "deribit connected (1.1)" in shown.stdout, shown
    drop_in.remove("deribit")
    wait_version(daemon, "deribit", "1.0")
    assert run.simulator.connections() == connections, "a connection was closed"
    assert daemon.feed()["reconnects"] == 0
    verdict = run.finish()
    verdict.check()
    assert verdict.counts["cut off"] == 0


def test_damaged_files_are_refused_and_the_code_before_runs_on(world):
    """Those that the watcher is given; a thousand are opened in tests/unit/host/test_seal.c."""
    run = Loaded(world, ["quote", "trades.100ms"], 500)
    daemon, drop_in, connections = run.daemon, run.feed_drop_in, run.simulator.connections()
    whole, draw = drop_in.source("deribit", 1).read_bytes(), random.Random(20261129)
    failed = lambda: int(daemon.metric('feedloom_reloads_total{plugin="deribit",result="failed"}'))
    for count in range(8 if SHORT else 20):
        new = drop_in.folder / "new"
        new.write_bytes(damaged(whole, draw))
        new.rename(drop_in.path("deribit"))
        if count == 0:
            until(lambda: plugin(daemon, "deribit")["last_error"], "the first is refused")
        until(lambda: failed() == count + 1, f"damaged file {count} is refused")
    row = plugin(daemon, "deribit")
    assert row["version"] == "1.0" and row["reloads"] == 0 and row["sealed"] is True, row
    assert "load: " in row["last_error"] and str(drop_in.path("deribit")) in row["last_error"], row
    assert len(daemon.lines("not reloaded, the code before goes on")) == failed()
    # Without a seal: taken, and said; or refused, as one likes.
    new.write_bytes(whole[:-SEAL_BYTES])
    new.rename(drop_in.path("deribit"))
    assert wait_version(daemon, "deribit", "1.1")["sealed"] is False
    assert daemon.lines("has no seal")
    edit(daemon, lambda config: config["plugins"].update({"require_seal": True}))
    until(lambda: daemon.lines("is in force"), "it is in force")
    before = failed()
    new.write_bytes(drop_in.source("deribit", 0).read_bytes()[:-SEAL_BYTES])
    new.rename(drop_in.path("deribit"))
    until(lambda: failed() == before + 1, "it is refused")
    assert "require_seal" in plugin(daemon, "deribit")["last_error"]
    drop_in.put("deribit", 0)
    assert wait_version(daemon, "deribit", "1.0")["sealed"] is True
    assert run.simulator.connections() == connections, "a connection was closed"
    check_end(run)


def test_a_plugin_of_no_other_folder_stops_with_its_file_and_starts_with_it(world):
    run = Loaded(world, ["quote"], 300)
    shutil.copyfile(run.feed_drop_in.source("deribit", 0), run.feed_drop_in.path("mine"))
    edit(run.daemon, lambda config: config["feeds"].update(
        {"mine": {"plugin": "mine", "url": run.simulator.url(), "channels": ["quote"], "currencies": ["ETH"]}}))
    feed = lambda: {f["feed"]: f for f in run.daemon.status()["feeds"]}.get("mine", {})
    until(lambda: feed().get("state") == "connected", "it is new, and connected")
    run.feed_drop_in.remove("mine")
    until(lambda: feed()["state"] == "stopped" and "file" in feed()["reason"], "it is drained and stopped")
    run.feed_drop_in.put("deribit", 1)  # something else
    shutil.copyfile(run.feed_drop_in.source("deribit", 1), run.feed_drop_in.path("mine"))
    until(lambda: feed()["state"] == "connected", "it is back, and connected")
    assert plugin(run.daemon, "mine")["version"] == "1.1"
    # What the configuration names before its file is there starts when the file comes.
    edit(run.daemon, lambda config: config["feeds"].update({"late": {
        "plugin": "later", "url": run.simulator.url(), "channels": ["quote"], "currencies": ["BTC"]}}))
    run.daemon.wait_status(lambda s: s["config"]["state"] == "invalid" and "later" in s["config"]["error"],
                           "the error names the plugin")
    shutil.copyfile(run.feed_drop_in.source("deribit", 1), run.feed_drop_in.path("later"))
    run.daemon.wait_status(lambda s: [f for f in s["feeds"] if f["feed"] == "late" and f["state"] == "connected"] and
                           s["config"]["state"] == "ok", "late is there")


# ---- configuration ----

def saved_over(path, text):
    path.write_text(text)


def renamed_over(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def truncated_and_written(path, text):
    with open(path, "r+") as file:
        file.truncate(0)
        file.flush()
        time.sleep(0.02)
        file.write(text)


def linked_anew(path, text):
    """As a mounted config map: the file is a link into a folder that is itself a link."""
    folder = path.parent / f"version-{time.monotonic_ns()}"
    folder.mkdir()
    (folder / path.name).write_text(text)
    data = path.parent / "..data"
    if not data.is_symlink():
        data.symlink_to(folder)
        path.unlink()
        path.symlink_to(Path("..data") / path.name)
    fresh = path.parent / "..data_tmp"
    fresh.symlink_to(folder)
    fresh.rename(data)


@pytest.mark.parametrize("save", [saved_over, renamed_over, truncated_and_written, linked_anew])
def test_the_file_is_read_however_it_is_saved(world, save):
    daemon = world.daemon(plugins={"dir": "plugins"})
    daemon.start()
    until(lambda: daemon.ask("GET", "/livez").status == 200, "it lives")
    config = json.loads(daemon.config_file.read_text())
    for turn in range(2):
        config["sinks"]["store"]["batch_rows"] = 1000 + turn
        save(daemon.config_file, json.dumps(config))
        until(lambda: len(daemon.lines("store: reconfigured without interruption")) == turn + 1, "taken over")


def test_edits_touch_what_they_name_and_mistakes_nothing(world):
    run = Loaded(world, ["quote", "trades.100ms"], RATE // 2)
    daemon, connections = run.daemon, run.simulator.connections()
    for turn in range(6):
        edit_once(run, turn)
    # A second feed comes and goes; the first does not notice.
    edit(daemon, lambda config: config["feeds"].update({"second": {
        "plugin": "deribit", "url": run.simulator.url(), "channels": ["quote"], "currencies": ["ETH"]}}))
    feed = lambda name: {f["feed"]: f for f in daemon.status()["feeds"]}.get(name)
    until(lambda: feed("second") and feed("second")["state"] == "connected", "the second is connected")
    edit(daemon, lambda config: config["feeds"].pop("second"))
    until(lambda: not feed("second"), "the second is gone")
    assert [c for c in run.simulator.connections() if c in connections] == connections, "a connection was closed"
    assert feed("deribit")["reconnects"] == 0
    assert not daemon.lines("deribit: restarting")
