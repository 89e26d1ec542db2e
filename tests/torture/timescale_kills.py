"""sink_timescale against a real PostgreSQL: both die again and again, or the server is away for long."""
import random
import time

from agreement import check_loss_identity, check_memory
from campaign import Campaign, Option, world
from harness import until
from kill import CHANNELS, WITH_BOOKS, KilledRun, check_tails
from postgres import server
from timescale import PgRun

AWAY_S = 2.0


class KilledPgRun(PgRun, KilledRun):
    def finish(self):
        self.note_cut()
        return PgRun.finish(self)

    def kill_server(self, draw):
        self.server.kill()
        time.sleep(draw.uniform(0, AWAY_S))
        self.server.start()


def kill_round(made, store, kills, server_kills, rate, channels, draw, each):
    """One ledger, one database: the daemon and the server killed in an order that the seed draws, then compared."""
    killed = KilledPgRun(made, store, channels, rate)
    victims = ["daemon"] * kills + ["server"] * server_kills
    draw.shuffle(victims)
    for number, victim in enumerate(victims):
        killed.live(draw)
        if victim == "daemon":
            killed.kill_and_start()
        else:
            killed.kill_server(draw)
        each(number + 1)
    killed.live(draw)
    verdict = killed.finish()
    verdict.check()
    check_loss_identity(killed)
    check_memory(killed.daemon)
    assert killed.value("SELECT count(*) FROM rejected_records") == 0
    return verdict


def run(options, progress):
    seed = options.seed or random.randrange(1, 1 << 31)
    draw = random.Random(seed)
    progress.say(f"{options.kills} kills of feedloom and {options.server_kills} of PostgreSQL, {options.rate} messages"
                 f" a second, seed {seed}")
    rounds = max(1, options.kills // options.round)
    total, done = options.kills + options.server_kills, 0
    for number in range(rounds):
        kills = options.kills // rounds + (number < options.kills % rounds)
        server_kills = options.server_kills // rounds + (number < options.server_kills % rounds)
        with server(timescaledb=number % 2 == 0) as store, world(progress) as made:
            store.create()
            verdict = kill_round(made, store, kills, server_kills, options.rate,
                                 WITH_BOOKS if number % 2 == 1 else CHANNELS, draw,
                                 lambda n: progress.at(done + n, total, f"{done + n} of {total} kills"))
        done += kills + server_kills
        progress.say(f"after {done} kills ledger and tables agree; {check_tails(verdict)}")


def away(options, progress):
    """No store while so many records come: they wait on disk, not in memory."""
    with server() as store, world(progress) as made:
        store.create()
        waiting = PgRun(made, store, CHANNELS, options.rate)
        waiting.wait_stored(1000)
        store.stop()
        until(lambda: look(waiting, options.records, progress), "the records came", 3600)
        check_memory(waiting.daemon)
        most = waiting.daemon.status()["sinks"][0]["lag_records"]
        waiting.simulator.quiesce()
        store.start()
        begun = time.monotonic()
        waiting.daemon.wait_drained(3600)
        took = time.monotonic() - begun
        check_memory(waiting.daemon)
        progress.say(f"{most} records waited and were stored in {took:.0f} s, {most / took:.0f} a second")
        waiting.daemon.stop(60)
        dropped = sum(count["dropped"] for (counts,) in store.rows("SELECT counts FROM feedloom_cursor")
                      for count in counts.values())
        assert dropped == 0, f"{dropped} records were dropped"


def look(waiting, records, progress):
    lag = waiting.daemon.status()["sinks"][0]["lag_records"]
    progress.at(lag, records, f"{lag} records wait")
    time.sleep(2)
    return lag >= records


CAMPAIGNS = [
    Campaign("timescale", "after kill -9 of feedloom and of PostgreSQL at random moments ledger and tables agree",
             "130 kills in about 12 min", run,
             {"kills": Option(100, "how often the daemon is killed"),
              "server_kills": Option(30, "how often all of the server's processes are"),
              "rate": Option(2000, "messages a second of the venue"),
              "round": Option(25, "kills of the daemon until ledger and tables are compared and begun anew"),
              "seed": Option(0, "draws the moments; 0: another one each time")}),
    Campaign("timescale_away", "five million records wait while the server is away: memory stays flat, none is lost",
             "about 10 min", away,
             {"records": Option(5000000, "how many come meanwhile"), "rate": Option(20000, "messages a second")}),
]
