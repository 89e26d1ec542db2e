"""A day of listings and expiries, with real processes whose clocks run a hundred times as fast.

A machine that stands still for a second lets a hundred pass for them. stalls.py tells that apart from a program that
hangs; the virtual minute it falls into and the one behind it, in which a connection may have to come back, are left
out of the coverage's statistics, counted and named, and may only be few.
"""
import time
from datetime import datetime, timezone

import calendar_check
from agreement import MEMORY_KIB
from campaign import Campaign, Option, world
from harness import BUILD, until
from stalls import Stalls

SPEED = 100
BEGINS = datetime(2026, 3, 27, 4, 0, tzinfo=timezone.utc)  # daily, weekly, monthly and quarterly options expire at 8
LATE_S = 60  # what takes a moment of this machine takes a hundred there
MINUTE_S = 60 / SPEED  # of this machine
LEFT_OUT_MOST = 0.05  # of the minutes: with more, nothing would be shown


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

    stalls = Stalls([simulator.popen.pid, daemon.popen.pid]).watch()

    def virtual_s():
        return (time.monotonic_ns() - at_ns) * SPEED / 1e9

    until(lambda: (rows := daemon.ask("GET", "/v1/coverage").json["coverage"]) and all(c["ratio"] == 1 for c in rows),
          "all is subscribed")
    begun, ratios, left_out, minute = virtual_s(), [], 0, 0
    while virtual_s() < hours * 3600:
        looked = time.monotonic()
        coverage = daemon.ask("GET", "/v1/coverage").json["coverage"]
        minute += 1
        time.sleep(MINUTE_S)
        if stalls.within(looked - 2 * MINUTE_S, looked + MINUTE_S / 2):  # the answer may be from within one
            left_out += 1
        else:
            ratios += [c["ratio"] for c in coverage if c["ratio"] is not None]
            assert min(ratios) >= 0.99, f"{virtual_s() / 3600:.2f} h: {coverage}"
        if minute % 60 == 0:
            until(lambda: calendar_check.is_balanced(daemon.feed()), "the connections are even", 3)
            progress.at(virtual_s(), hours * 3600,
                        f"coverage at least {min(ratios, default=1):.4f}, {daemon.rss_kib[-1]} KiB resident, stood still"
                        f" {len(stalls.found)} times, {left_out} of {minute} minutes left out")
    assert left_out <= max(2, LEFT_OUT_MOST * minute), (
        f"{left_out} of {minute} minutes left out: this machine stood still {len(stalls.found)} times, for {stalls.total():.1f} s"
        f" in all, {stalls.longest():.1f} s the longest; nothing is shown")
    assert sum(ratios) / len(ratios) >= 0.999, f"coverage {sum(ratios) / len(ratios)} on average"
    simulator.quiesce()
    daemon.wait_drained()
    until_us = int((real_ns + virtual_s() * 1e9) // 1000)
    daemon.stop()
    simulator.stop()
    store = calendar_check.attach(daemon, simulator)
    listed, expired = calendar_check.check(store, until_us, 300, LATE_S + int(stalls.longest() * SPEED))
    found, due = calendar_check.refreshes(store, real_ns // 1000 + int(begun * 1e6), until_us)
    slept = sum((to - since) * SPEED >= 300 for since, to in stalls.found)  # through a refresh
    assert all(due - 1 - slept <= n <= due + 1 for n in found.values()) and len(found) == 2, f"{found} refreshes, {due} were due"
    store.close()
    return {"listed": listed, "expired": expired, "refreshes": found, "samples": len(ratios), "least": min(ratios),
            "left_out": left_out, "stalls": len(stalls.found), "longest_stall_s": round(stalls.longest(), 2), "mean": sum(ratios) / len(ratios), "resident": max(daemon.rss_kib[60:] or daemon.rss_kib)}


def run(options, progress):
    with world(progress) as made:
        found = day(made, options.hours, progress)
        progress.say(str(found))
        assert found["expired"] > 0, "nothing has expired"
        assert found["resident"] < MEMORY_KIB, f"{found['resident']} KiB resident"


CAMPAIGNS = [Campaign(
    "calendar", "a day of expiries and listings: coverage never under 99 %, events and metadata equal to the venue's calendar,"
                " no quote of the settlement period", "15 min", run, {"hours": Option(24, "of the fast clock")})]
