"""A simulator under load, a daemon, what is done to them, and the verdict at the end."""
import json
import signal
import time

from compare import compare
from harness import SANITIZED, until

MEMORY_KIB = 64 * 1024


class Run:
    """A simulator at full rate, a daemon, and what was done to them."""

    def __init__(self, world, channels, rate):
        self.rate = rate
        self.simulator = world.simulator(message_rate=rate)
        self.daemon = world.daemon(self.simulator, feed={"channels": channels})
        self.cut = set()  # connections that were cut, or whose client was killed
        self.begin()

    def begin(self):
        self.daemon.start()
        self.daemon.wait_connected(seconds=60)

    def drop(self, index):
        connection = self.simulator.connections()[index]
        self.cut.add(connection)
        assert self.simulator.drop(connection) == 1
        until(lambda: connection not in self.simulator.connections(), "it is gone")
        self.daemon.wait_connected(seconds=60)

    def cut_off(self, index):
        """A drop that must lose messages: the daemon does not read until they pile up at the venue."""
        connection = self.simulator.connections()[index]
        self.daemon.signal(signal.SIGSTOP)
        try:
            self.simulator.rate(10 * self.rate)  # what the kernel's buffers take would last for a minute else
            until(lambda: self.queued(connection) > 50000, "messages that cannot be sent", 60)
            self.simulator.rate(self.rate)
            self.cut.add(connection)
            assert self.simulator.drop(connection) == 1
        finally:
            self.daemon.signal(signal.SIGCONT)
        until(lambda: connection not in self.simulator.connections(), "it is gone")
        self.daemon.wait_status(lambda s: s["feeds"][0]["reconnects"] > 0, "noticed")
        self.daemon.wait_connected(seconds=60)

    def queued(self, connection):
        return {c["connection"]: c["queued_bytes"] for c in self.simulator.status()["connections"]}[connection]

    def restart(self):
        self.daemon.stop(60)
        self.begin()

    def kill(self):
        # Connections at the moment of the kill: those open before it, and none new until the next start.
        self.cut.update(self.simulator.connections())
        self.daemon.kill()
        self.begin()

    def finish(self):
        """Silence at the venue, everything refilled and stored, both stopped in order; the verdict."""
        self.daemon.wait_connected(seconds=60)
        assert self.simulator.quiesce()["lost_rows"] == 0
        self.daemon.wait_drained(120)
        query = ("SELECT count(*), max(event_us) FROM {} WHERE instrument_name LIKE '%-C' OR"
                 " instrument_name LIKE '%-P'")
        try:  # trades of the time away are asked for: they have their time, the verdict says what is missing
            newest = self.simulator.sql(query.format("market_trades"))[0][1]
            until(lambda: self.daemon.sql(query.format("option_trades"))[0][1] == newest, "refilled", 10)
        except AssertionError:
            pass
        self.published = until(self.settled, "nothing is published any more")
        self.counts = json.loads(self.daemon.sql("SELECT counts FROM feedloom_cursor")[0][0])
        self.daemon.stop(60)
        self.simulator.stop(60)
        verdict = compare(self.simulator.ledger, self.daemon.store, self.cut)
        print(verdict)
        return verdict

    def settled(self):
        before = self.daemon.wait_drained()["journal"]["published"]
        time.sleep(0.5)  # a pause to see whether anything still moves; what is waited for is the equality
        status = self.daemon.status()
        after = status["journal"]["published"]
        return after if after == before and status["sinks"][0]["lag_records"] == 0 else None


def check_loss_identity(run):
    """published = stored + repeated + rejected + dropped, for each kind, with nothing waiting."""
    fates = {}
    for kind, counts in run.counts.items():
        fates[kind] = sum(counts.values())
        assert counts.get("rejected", 0) == counts.get("dropped", 0) == 0, run.counts
    assert {kind: fates.get(kind, 0) for kind in run.published} == run.published


def check_memory(daemon):
    assert daemon.rss_kib, "memory was not sampled"
    most = max(daemon.rss_kib)
    print(f"resident at most {most} KiB in {len(daemon.rss_kib)} samples")
    if not SANITIZED:
        assert most < MEMORY_KIB, daemon.rss_kib
