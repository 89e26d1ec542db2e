"""A hundred swaps of each plugin and a hundred edits of the configuration, at the venue's fastest public rate."""
import contextlib

from campaign import Campaign, Option, world
from harness import SANITIZED
from postgres import server
from reloading import CHANNELS, PAUSE_MS, Loaded, LoadedPg, check_end, check_swaps, edit_once, swap_all
from stream import SETTLING_S, check_flat


def check_memory(samples):
    """Once everything is warm, one more swap costs nothing."""
    if SANITIZED:
        return "under sanitizers memory is not judged"
    warm = samples[SETTLING_S:]
    return check_flat(warm) if len(warm) >= SETTLING_S else "too short to judge memory by"


def run(options, progress):
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(server()).create() if options.postgres else None
        made = stack.enter_context(world(progress))
        done = LoadedPg(made, store, CHANNELS, options.rate) if store else Loaded(made, CHANNELS, options.rate)
        connections = done.simulator.connections()
        for turn in range(max(options.reloads, options.edits)):
            if turn < options.reloads:
                swap_all(done, turn)
            if turn < options.edits:
                edit_once(done, turn)
            progress.at(turn + 1, max(options.reloads, options.edits), f"{done.daemon.rss_kib[-1]} KiB resident")
        progress.say(check_swaps(done, connections, options.reloads, options.pause_ms or None))
        progress.say(check_memory(done.daemon.rss_kib))
        # The store may be behind, and what comes next waits two minutes at most. Not in silence: a feed that hears
        # nothing for a minute takes its connections for dead.
        done.simulator.rate(min(options.rate, 300))
        done.daemon.wait_status(lambda s: s["sinks"][0]["lag_records"] < 10000, "the store has caught up", 1800)
        progress.say(str(check_end(done)))


CAMPAIGNS = [Campaign(
    "reload", "code and configuration change under load: no connection is closed, ledger and store agree, the loop"
              " stands still for less than 20 ms, memory is flat", "10 min, and some to compare", run,
    {"reloads": Option(100, "swaps of each plugin"), "edits": Option(100, "of the configuration"),
     "pause_ms": Option(PAUSE_MS, "how long the loop may stand still; 0: on a machine that has other things to do,"
                                  " only the work counts"),
     "postgres": Option(0, "1: into PostgreSQL, whose sink is swapped then, else into SQLite"),
     "rate": Option(15000, "messages a second of the venue")})]
