"""A day of listings and expiries, with real processes whose clocks run a hundred times as fast."""
import time
from datetime import datetime, timezone

import calendar_check
from agreement import MEMORY_KIB
from campaign import Campaign, Option, world
from harness import BUILD, until

SPEED = 100
BEGINS = datetime(2026, 3, 27, 4, 0, tzinfo=timezone.utc)  # daily, weekly, monthly and quarterly options expire at 8
LATE_S = 60  # what takes a moment of this machine takes a hundred there


def fast(process, epoch):
    process.program = BUILD / "core" / "feedloom_fast"
    process.env["FEEDLOOM_FAST"] = epoch
    return process


def day(made, hours, progress, begins=BEGINS, **options):
    real_ns, at_ns = int(begins.timestamp() * 1e9), time.monotonic_ns()
    epoch = f"{real_ns}@{at_ns}"
    simulator = made.unstarted_simulator(calendar=True, message_rate=5, strikes_every="1h", idle_timeout="10m", **options)
    fast(simulator, epoch).start()
    daemon = fast(made.daemon(simulator, feed={"heartbeat_interval": "60s", "idle_timeout": "10m", "request_timeout": "2m",
                                               "dial_timeout": "2m"}), epoch)
    daemon.config["services"]["lifecycle"] = {"refresh_interval": "5m", "expiry_buffer": "5m"}
    daemon.configure(daemon.config)
    daemon.start()

    def virtual_s():
        return (time.monotonic_ns() - at_ns) * SPEED / 1e9

    until(lambda: (rows := daemon.ask("GET", "/v1/coverage").json["coverage"]) and all(c["ratio"] == 1 for c in rows),
          "all is subscribed")
    begun, ratios, minute = virtual_s(), [], 0
    while virtual_s() < hours * 3600:
        coverage = daemon.ask("GET", "/v1/coverage").json["coverage"]
        ratios += [c["ratio"] for c in coverage if c["ratio"] is not None]
        assert min(ratios) >= 0.99, f"{virtual_s() / 3600:.2f} h: {coverage}"
        minute += 1
        if minute % 60 == 0:
            until(lambda: calendar_check.is_balanced(daemon.feed()), "the connections are even", 3)
            progress.at(virtual_s(), hours * 3600, f"coverage at least {min(ratios):.4f}, {daemon.rss_kib[-1]} KiB resident")
        time.sleep(60 / SPEED)
    assert sum(ratios) / len(ratios) >= 0.999, f"coverage {sum(ratios) / len(ratios)} on average"
    simulator.quiesce()
    daemon.wait_drained()
    until_us = int((real_ns + virtual_s() * 1e9) // 1000)
    daemon.stop()
    simulator.stop()
    store = calendar_check.attach(daemon, simulator)
    listed, expired = calendar_check.check(store, until_us, 300, LATE_S)
    found, due = calendar_check.refreshes(store, real_ns // 1000 + int(begun * 1e6), until_us)
    assert all(due - 1 <= n <= due + 1 for n in found.values()) and len(found) == 2, f"{found} refreshes, {due} were due"
    store.close()
    return {"listed": listed, "expired": expired, "refreshes": found, "samples": len(ratios), "least": min(ratios),
            "mean": sum(ratios) / len(ratios), "resident": max(daemon.rss_kib[60:] or daemon.rss_kib)}


def run(options, progress):
    with world(progress) as made:
        found = day(made, options.hours, progress)
        progress.say(str(found))
        assert found["expired"] > 0, "nothing has expired"
        assert found["resident"] < MEMORY_KIB, f"{found['resident']} KiB resident"


CAMPAIGNS = [Campaign(
    "calendar", "a day of expiries and listings: coverage never under 99 %, events and metadata equal to the venue's calendar,"
                " no quote of the settlement period", "15 min", run, {"hours": Option(24, "of the fast clock")})]
