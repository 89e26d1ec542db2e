"""The venue's fastest public rate for half an hour: nothing missing, memory flat, latency bounded."""
import time
from statistics import median

from agreement import MEMORY_KIB, Run, check_loss_identity
from campaign import Campaign, Option, world

CHANNELS = ["ticker.100ms", "trades.100ms", "quote"]
SETTLING_S = 60         # memory counts after the first minute
GROWTH_KIB = 2 * 1024   # between the first and the last quarter of the time: noise, no leak
P99_MS = 500


def check_flat(samples):
    quarter = max(1, len(samples) // 4)
    begin, end = median(samples[:quarter]), median(samples[-quarter:])
    assert end - begin <= GROWTH_KIB, f"resident memory grew from {begin} to {end} KiB: {samples[::60]}"
    return f"resident at most {max(samples)} KiB, {begin:.0f} in the first quarter, {end:.0f} in the last"


def stream(made, seconds, rate, progress):
    """Returns the run, its verdict and the memory samples after the first minute (of a short run: half)."""
    run = Run(made, CHANNELS, rate)
    sent_before, begun = run.simulator.status()["sent"], time.monotonic()
    run.p99_ms = []
    skip = min(SETTLING_S, seconds // 2)
    while time.monotonic() - begun < seconds:
        time.sleep(min(5, seconds / 10))
        feed = run.daemon.feed()
        gone = min(time.monotonic() - begun, seconds)
        run.p99_ms.append(feed["latency_ms"]["p99"] or 0)  # of the last five to ten minutes
        progress.at(gone, seconds, f"{feed['messages']} messages, latency {feed['latency_ms']} ms,"
                                   f" {run.daemon.rss_kib[-1]} KiB resident")
    run.reached = (run.simulator.status()["sent"] - sent_before) / (time.monotonic() - begun)
    memory = run.daemon.rss_kib[skip:]
    return run, run.finish(), memory


def run(options, progress):
    with world(progress) as made:
        done, verdict, memory = stream(made, options.seconds, options.rate, progress)
        progress.say(f"{done.reached:.0f} messages a second")
        verdict.check()
        check_loss_identity(done)
        assert verdict.counts["cut off"] == 0 and not done.daemon.sql("SELECT * FROM stream_gaps"), "there were gaps"
        progress.say(check_flat(memory))
        assert max(memory) < MEMORY_KIB, f"{max(memory)} KiB resident"
        progress.say(f"p99 from receipt to the store at most {max(done.p99_ms)} ms, {done.p99_ms[-1]} ms at the end")
        assert 0 < max(done.p99_ms) < P99_MS, f"p99 received-to-persisted: {done.p99_ms}"
        assert done.reached > 0.95 * options.rate, "this machine cannot make the load: it proves nothing"


CAMPAIGNS = [Campaign(
    "stream", "at the venue's fastest public rate ledger and store agree, resident memory stays under 64 MiB and flat,"
              " p99 from receipt to the store under 500 ms", "30 min, and some to compare", run,
    {"seconds": Option(1800, "how long"), "rate": Option(15000, "messages a second of the venue")})]
