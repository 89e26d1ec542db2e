"""kill -9 of the real daemon at random moments under load: nothing but the unread tail of a connection is lost."""
import random
import signal
import time
from pathlib import Path
from statistics import median

from agreement import Run, check_loss_identity
from campaign import Campaign, Option, world
from harness import until

CHANNELS = ["ticker.agg2", "trades.100ms", "quote"]
WITH_BOOKS = CHANNELS + ["book.agg2", "index"]
AT_START = 0.25    # of the kills: before it is connected again
AFTER_STALL = 0.3  # of the others: as it catches up
START_S, LIFE_S = 1.5, 4.0
STALL_S, CATCHING_UP_S = 4.0, 0.1
MESSAGES_OF_A_LIFE = 200


def socket_buffer_bytes():
    """What a socket's buffer holds at most on this machine."""
    return int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])


class KilledRun(Run):
    """A daemon that dies again and again; the venue goes on."""

    def live(self, draw):
        """Until a moment that the seed says: in the midst of a start, or of a stream that flows."""
        if draw.random() < AT_START:
            time.sleep(draw.uniform(0, START_S))
            return
        self.daemon.wait_connected(seconds=60)
        until(lambda: self.daemon.feed()["messages"] > MESSAGES_OF_A_LIFE, "messages flow", 60)
        time.sleep(draw.uniform(0, LIFE_S))
        if draw.random() < AFTER_STALL:
            self.stall(draw)

    def stall(self, draw):
        """It does not run for seconds (swapped out, starved) and is killed as it reads what waits in the sockets."""
        self.daemon.signal(signal.SIGSTOP)
        time.sleep(draw.uniform(0.5, STALL_S))
        self.daemon.signal(signal.SIGCONT)
        time.sleep(draw.uniform(0, CATCHING_UP_S))

    def kill_and_start(self):
        assert self.daemon.is_running(), f"the daemon died by itself: {self.daemon.popen.returncode}"
        self.daemon.kill()
        self.daemon.start()

    def note_cut(self):
        """Every connection but the last process's own was cut by a kill."""
        self.daemon.wait_connected(seconds=60)
        alive = set(self.simulator.connections())
        assert self.simulator.quiesce()["lost_rows"] == 0
        self.cut = {row[0] for row in self.simulator.sql("SELECT connection FROM connections")} - alive

    def finish(self):
        self.note_cut()
        return super().finish()


def check_tails(verdict):
    """Of each killed connection no more is missing than waited in a socket."""
    tails = sorted(size for _, size in verdict.tails.values())
    if not tails:
        return "no connection lost anything"
    limit = socket_buffer_bytes()
    assert tails[-1] <= limit, f"a killed connection lost {tails[-1]} bytes; a socket buffer holds {limit}: {verdict.tails}"
    return f"{len(tails)} tails, the median {median(tails):.0f} bytes, the longest {tails[-1]}"


def kill_round(made, kills, rate, channels, draw, each):
    """One ledger, one store: started, killed `kills` times, compared."""
    killed = KilledRun(made, channels, rate)
    for number in range(kills):
        killed.live(draw)
        killed.kill_and_start()
        each(number + 1)
    killed.live(draw)
    verdict = killed.finish()
    verdict.check()
    check_loss_identity(killed)
    assert not [line for line in killed.daemon.log().splitlines() if " ERROR " in line], killed.daemon.log()[-5000:]
    return verdict


def run(options, progress):
    seed = options.seed or random.randrange(1, 1 << 31)
    draw = random.Random(seed)
    progress.say(f"{options.kills} kills at {options.rate} messages a second, seed {seed}")
    done = 0
    while done < options.kills:
        kills = min(options.round, options.kills - done)
        channels = WITH_BOOKS if done // options.round % 2 == 1 else CHANNELS
        with world(progress) as made:
            verdict = kill_round(made, kills, options.rate, channels, draw,
                                 lambda n: progress.at(done + n, options.kills, f"{done + n} of {options.kills} kills"))
        done += kills
        progress.say(f"after {done} kills ledger and store agree; {check_tails(verdict)}")


CAMPAIGNS = [Campaign(
    "kill", "after kill -9 at random moments no message is missing but unread tails, each named in stream_gaps, no"
            " record is there twice and every trade is there", "300 kills in about 15 min", run,
    {"kills": Option(300, "how often the daemon is killed"),
     "rate": Option(5000, "messages a second of the venue"),
     "round": Option(50, "kills until ledger and store are compared and begun anew; every second round has books"),
     "seed": Option(0, "draws the moments; 0: another one each time")})]
