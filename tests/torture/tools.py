"""Campaigns that other programs carry out."""
import os
import subprocess

from campaign import SOURCE, Campaign, Option


def dev(*arguments):
    code = subprocess.run(["./dev", *map(str, arguments)], cwd=SOURCE, check=False).returncode
    assert code == 0, f"./dev {' '.join(map(str, arguments))}: exit code {code}"


def sim(options, progress):
    dev("sim", "--runs", options.seeds)


def month(options, progress):
    program = os.path.join(os.environ.get("FEEDLOOM_BUILD", SOURCE / "build-test"), "tests", "world", "world_month")
    code = subprocess.run([program, "--days", str(options.days), "--seed", str(options.seed)], check=False).returncode
    assert code == 0, f"{program}: exit code {code}"


def fuzz(options, progress):
    progress.say("what was found stays in build-fuzz/found")
    dev("fuzz", *([options.target] if options.target else []), options.seconds)


def valgrind(options, progress):
    dev("test", "--valgrind")


CAMPAIGNS = [
    Campaign("sim", "whole days with faults drawn from a seed, in a simulated world: no violation", "1,000 days in about 20 min", sim,
             {"seeds": Option(1000, "days, one a seed")}),
    Campaign("month", "days of expiries and listings in the simulated world: coverage never under 99 %, connections even,"
                      " events and metadata equal to the venue's calendar, no quote of the settlement period",
             "30 days in some minutes", month, {"days": Option(30, "of them"), "seed": Option(1, "draws the market")}),
    Campaign("fuzz", "no input breaks a reader of foreign bytes", "10 min a target", fuzz,
             {"target": Option("", "one target only"), "seconds": Option(600, "for each target")}),
    Campaign("valgrind", "no unit test reads what is not there or leaks", "the unit suite, about 15 min", valgrind),
]
