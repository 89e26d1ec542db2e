"""When this machine stood still: what a clock that runs a hundred times as fast must not hold against the programs.

Two things tell it apart from a program that hangs. This process is waked late itself (the machine was paused, or
others had both processors), by CLOCK_MONOTONIC. Or the kernel says how long a watched process was ready to run and
had to wait (the second number of /proc/PID/schedstat, in ns). A program that blocks, sleeps or computes for long is
neither: it is not waiting for a processor.
"""
import threading
import time
from pathlib import Path

TICK_S = 0.02
STALL_S = 0.1  # less is what a busy machine always does


def waited_ns(pid):
    """How long it has had to wait for a processor in all; 0 where the kernel does not say or it has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


class Stalls:
    def __init__(self, pids=(), monotonic=time.monotonic, waited=waited_ns):
        self.monotonic, self.waited = monotonic, waited
        self.found = []  # (from, to), monotonic s, in the order of their ends
        self.before = {pid: waited(pid) for pid in pids}
        self.at = monotonic()

    def look(self):
        now = self.monotonic()
        late = now - self.at - TICK_S
        if late > STALL_S:
            self.found.append((now - late, now))
        self.at = now
        for pid, before in self.before.items():
            self.before[pid] = self.waited(pid)
            waited = (self.before[pid] - before) / 1e9
            if waited > STALL_S:
                self.found.append((now - waited, now))

    def watch(self):
        """Looks by itself from now on, as long as the process lives."""
        def run():
            while True:
                time.sleep(TICK_S)
                self.look()
        threading.Thread(target=run, daemon=True).start()
        return self

    def within(self, begin, end):
        """Whether any of it lies in this time."""
        return any(to >= begin and since <= end for since, to in self.found)

    def longest(self):
        return max((to - since for since, to in self.found), default=0)

    def total(self):
        """Seconds, what overlaps counted once."""
        total, reached = 0, float("-inf")
        for since, to in sorted(self.found):
            total += max(0, to - max(since, reached))
            reached = max(reached, to)
        return total
