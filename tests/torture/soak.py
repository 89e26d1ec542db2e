"""By the wall clock: the demo's stream for hours; refreshes, descriptors, memory, errors."""
import contextlib
import os
import time
from pathlib import Path
from statistics import median

import calendar_check
from campaign import Campaign, Option, world
from export import export
from harness import SANITIZED, until
from postgres import server

GROWTH_KIB = 4 * 1024  # between the second and the last quarter: noise, no leak


def descriptors(process):
    return len(os.listdir(f"/proc/{process.popen.pid}/fd"))


def flat(what, samples, tolerance):
    quarter = max(1, len(samples) // 4)
    begin, end = median(samples[quarter:2 * quarter] or samples), median(samples[-quarter:])
    assert end - begin <= tolerance, f"{what} grew from {begin} to {end}"
    return f"{what} {begin:.0f} in the second quarter, {end:.0f} in the last, at most {max(samples)}"


def soak(made, seconds, progress, refresh_interval_s=300, postgres=None, **options):
    """Into the server `postgres` where one is given, else into SQLite."""
    simulator = made.simulator(calendar=True, ledger=str(Path(made.folder) / "ledger.db"), **options)
    daemon = made.daemon(simulator, sink={"retention": {"tickers": "1d", "option_quotes": "1d"}})
    if postgres is not None:
        daemon.config["sinks"]["store"] = {"plugin": "sink_timescale", "url": postgres.url()}
    daemon.config["services"]["lifecycle"] = {"refresh_interval": f"{refresh_interval_s}s"}
    daemon.configure(daemon.config)
    daemon.start()
    until(lambda: daemon.ask("GET", "/v1/coverage").json["coverage"] and all(
        c["ratio"] == 1 for c in daemon.ask("GET", "/v1/coverage").json["coverage"]), "all is subscribed", 60)
    begun, ratios, files, handles = time.time(), [], [], []
    while time.time() - begun < seconds:
        time.sleep(min(10, seconds / 20))
        assert daemon.is_running(), "it has ended"
        ratios += [c["ratio"] for c in daemon.ask("GET", "/v1/coverage").json["coverage"]]
        files.append(descriptors(daemon))
        handles.append(daemon.metric("feedloom_loop_handles"))
        progress.at(time.time() - begun, seconds, f"coverage {ratios[-1]:.4f}, {daemon.rss_kib[-1]} KiB, {files[-1]} descriptors")
    simulator.quiesce()
    daemon.wait_drained()
    until_us = int(time.time() * 1e6)
    errors = [line for line in daemon.log().splitlines() if " ERROR " in line]
    assert not errors, errors[:5]
    daemon.stop()
    simulator.stop()
    if postgres is not None:
        daemon.store = export(postgres, daemon.folder / "exported.db")
    store = calendar_check.attach(daemon, simulator)
    listed, expired = calendar_check.check(store, until_us, 300, 10)
    found, due = calendar_check.refreshes(store, int(begun * 1e6), until_us, refresh_interval_s)
    store.close()
    assert all(due - 1 <= n <= due for n in found.values()) and len(found) == 2, f"{found} refreshes, {due} were due"
    assert min(ratios) >= 0.95, f"coverage {min(ratios)}"
    # After the first minute, of a plain build: before, and under sanitizers, growth says nothing.
    memory = daemon.rss_kib[60:]
    resident = f"resident KiB at most {max(daemon.rss_kib)}"
    if len(memory) >= 60 and not SANITIZED:
        resident = flat("resident KiB", memory, GROWTH_KIB)
    return [f"{found} refreshes of {due}, {listed} options listed, {expired} expired, coverage at least {min(ratios):.4f},"
            f" {sum(ratios) / len(ratios):.5f} on average", resident,
            flat("descriptors", files, 2), flat("timers, sockets and watches of the loop", handles, 4)]


def run(options, progress):
    with contextlib.ExitStack() as stack:
        store = None
        if not options.sqlite:
            store = stack.enter_context(server()).create()
        made = stack.enter_context(world(progress))
        for line in soak(made, options.hours * 3600, progress, postgres=store):
            progress.say(line)


CAMPAIGNS = [Campaign(
    "soak", "the demo's stream by the wall clock: each refresh on time, no error line, memory and descriptors flat,"
            " coverage 95 % and more", "24 h", run,
    {"hours": Option(24.0, "how long"), "sqlite": Option(0, "1: into SQLite, else into PostgreSQL with TimescaleDB")})]
