"""Each fault of the simulator, at a few hundred messages a second: the feed recovers without help, says why,
and in the end ledger and store agree.

One venue and one daemon live through all of them. FEEDLOOM_SHORT takes fewer of what is alike.
"""
import re
import time
from datetime import datetime, timezone

import pytest

from compare import compare
from harness import FIXTURES, SHORT, until

REDIALLED_S = 90  # a connection that was lost again and again comes back within a minute
OPTIONS = 40
UNLISTED = 3
FEED = {"channels": ["ticker.agg2", "trades.100ms", "quote", "book.100ms"], "max_instruments": 5,
        "idle_timeout": "6s", "request_timeout": "2s", "heartbeat_interval": "10s",
        "refresh_interval": "10s"}


# What must be seen of a fault: in a state's or a connection's reason, a warning, or the gap it leaves.
REASONS = {
    "drop": "connection reset|end of stream", "close": "close code 1001", "heartbeat_close": "close code 4000",
    "too_many_requests": "10028", "oversize": "message over the size limit", "away": "HTTP 503|connection reset|end of stream", "refuse": "HTTP 429",
    "maintenance": "close code 1012: maintenance", "freeze": "silent: nothing received", "stall": "gap: change_id",
    "unanswered": "a request was not answered", "unacknowledged": "did not acknowledge",
    "bad_json": "malformed", "bad_shape": "malformed", "huge_number": "malformed", "bad_utf8": "malformed",
    "lose": "gap: trade_seq", "skip_change": "gap: change_id", "skip_trade": "gap: trade_seq",
    "rest_status": "after HTTP (500|429)", "rest_redirect": "after HTTP 302", "rest_page": "after HTTP 200",
    "rest_shape": "after the answer has no trades", "rest_short": "after (HTTP 200|end of stream|connection)",
    "rest_stall": "after the answer .* stopped for"}
# No state of the feed: it goes on as if nothing had been. A listing is in lifecycle_events; of `mute`, see test_mute.
NOTHING_TO_SAY = {"drip", "heartbeat_late", "heartbeat_storm", "pieces", "repeat", "reorder", "list", "expire", "clock", "mute",
                  "still"}


def some(cases):
    return cases[::2] if SHORT else cases


class Pair:
    def __init__(self, world, feed, **options):
        # Many trades on few instruments: a lost one is soon followed by another.
        self.simulator = world.simulator(message_rate=300, trade_share=300, btc_options=OPTIONS, eth_options=0,
                                         futures=1, **options)
        self.daemon = world.daemon(self.simulator, feed={**FEED, **feed})
        self.instruments = OPTIONS - options.get("unlisted", 0)
        self.daemon.start()
        self.wait_healthy()
        time.sleep(2)
        self.before = self.missing_trades(time.time() - 2)  # of the time before it listened
        self.tests = []  # (name, when it began, the faults of it), in their order

    def fault(self, name, **order):
        applied = self.simulator.ask("POST", "/sim/fault", {"fault": name, **order})["applied"]
        self.tests[-1][2].add(name)
        return applied

    def said(self, begin, end):
        """The reasons that status gave in this time: of states, of connections, its last warning, and the gaps it left.

        A line that may come at any rate is said once in ten seconds: begin is so much earlier.
        """
        def of(time_s):
            return datetime.fromtimestamp(time_s, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines = [line for line in self.daemon.lines("deribit: ") if (" WARN " in line or " > backoff, " in line) and
                 of(begin - 10) <= line.split(" ", 1)[0] < of(end)]
        states = self.daemon.sql("SELECT reason FROM lifecycle_events WHERE event_type LIKE 'stream_%' AND reason IS NOT NULL"
                                 " AND event_us BETWEEN ? AND ?", begin * 1e6, end * 1e6)
        gaps = self.daemon.sql("SELECT 'gap: ' || cause || ', ' || coalesce(detail, '') FROM stream_gaps WHERE"
                               " coalesce(filled_us, ended_us, started_us) BETWEEN ? AND ?", begin * 1e6, end * 1e6)
        return "\n".join([*lines, *(reason for reason, in states), *(gap for gap, in gaps)])

    def wait_healthy(self, seconds=REDIALLED_S):
        self.daemon.wait_connected(self.instruments, seconds)
        return self

    def wait_flow(self):
        """Messages arrive on every connection."""
        self.wait_healthy()
        seen = self.daemon.feed()["messages"]
        until(lambda: self.daemon.feed()["messages"] > seen + 100, "messages flow")

    def reconnects(self, reason):
        try:
            return self.daemon.metric(f'feedloom_reconnects_total{{feed="deribit",reason="{reason}"')
        except AssertionError:
            return 0

    def parse_errors(self):
        return self.daemon.metric('feedloom_parse_errors_total{feed="deribit"}')

    def first(self):
        """The connection that carries the trades."""
        return max(self.simulator.status()["connections"], key=lambda c: c["channels"])["connection"]

    def missing_trades(self, until_s):
        """Trades that happened before that and are not stored."""
        until_us = int(until_s * 1e6)
        there = set(self.daemon.sql("SELECT instrument_name, trade_seq FROM option_trades"))
        return [row for row in self.simulator.sql(
            "SELECT instrument_name, trade_seq FROM market_trades WHERE event_us < ? AND (instrument_name LIKE '%-C'"
            " OR instrument_name LIKE '%-P')", until_us) if row not in there]

    def connections(self):
        return self.simulator.connections()

    def finish(self):
        """Nothing goes wrong any more; a lost trade shows when its instrument trades the next time."""
        self.wait_healthy()
        self.simulator.rate(600)
        first = self.simulator.sql("SELECT min(event_us) FROM sent WHERE kind = 'trade'")[0][0]
        assert first is not None
        end = time.time()  # what happens from now on may take its time to the store, where the machine is busy

        def lost():
            return set(self.missing_trades(end)) - set(self.before)
        try:
            until(lambda: not lost(), "lost trades are fetched")
        except AssertionError as error:
            raise AssertionError(f"never fetched: {sorted(lost())[:20]}") from error
        assert self.simulator.quiesce()["lost_rows"] == 0
        open_at_end = set(self.simulator.connections())
        time.sleep(1)
        self.daemon.wait_drained()
        self.daemon.stop(60)
        self.simulator.stop(60)
        every = {row[0] for row in self.simulator.sql("SELECT connection FROM connections")}
        verdict = compare(self.simulator.ledger, self.daemon.store, every - open_at_end)
        print(verdict)
        return verdict


@pytest.fixture(scope="module")
def pair(module_world):
    return Pair(module_world, {}, unlisted=UNLISTED)


@pytest.fixture(autouse=True)
def begins(request):
    """A test begins; when it has ended, the reason of each fault that it ordered is said, or will be."""
    if "pair" not in request.fixturenames:
        yield
        return
    pair = request.getfixturevalue("pair")
    name, begun, faults = request.node.name, time.time(), set()
    pair.tests.append((name, begun, faults))
    yield
    if not name.startswith("test_what_passes_by_itself"):
        for fault in sorted(faults - NOTHING_TO_SAY):
            until(lambda reason=REASONS[fault]: re.search(reason, pair.said(begun, time.time())),
                  f"the reason of {fault} is said: {REASONS[fault]!r}", REDIALLED_S)


# ---- connections that end ----

@pytest.mark.skipif(SHORT, reason="takes ten seconds to be noticed")
def test_a_half_open_connection_and_an_unanswered_request_are_noticed(pair):
    """The first of all: none of its connections waits for long before it is dialled again."""
    pair.wait_healthy()
    silent, frozen = pair.reconnects("silent"), pair.connections()[-1]
    # Heartbeat and subscription of the one that comes next, and what books that are put right still ask for.
    pair.fault("unanswered", count=6)
    pair.fault("drop", connection=pair.first())
    pair.fault("freeze", connection=frozen, seconds=9)
    until(lambda: pair.reconnects("silent") > silent, "silence is noticed")
    until(lambda: pair.daemon.lines("a request was not answered"), "it is said", REDIALLED_S)
    pair.wait_flow()


def test_a_refused_client_comes_again(pair):
    pair.fault("refuse", count=2, status=429)
    pair.fault("drop")
    until(lambda: pair.daemon.lines("429"), "the log says 429")
    pair.wait_flow()


@pytest.mark.parametrize("fault, reason, order", some([
    ("drop", ("reset", "end_of_stream"), {}),
    ("close", ("peer_closed",), {}),
    ("heartbeat_close", ("peer_closed",), {}),
    ("too_many_requests", ("rate_limited", "peer_closed"), {}),
    ("oversize", ("too_large",), {}),
    ("away", ("reset", "end_of_stream"), {"seconds": 1}),
    ("maintenance", ("peer_closed",), {"seconds": 1}),
]))
def test_a_connection_that_ends_is_replaced(pair, fault, reason, order):
    def ended():
        return sum(pair.reconnects(r) for r in reason)
    pair.wait_healthy()
    before = ended()
    until(lambda: pair.fault(fault, **order), "it is done", 5)
    until(lambda: ended() > before, f"a reconnect because of {reason}")
    pair.wait_flow()
    assert pair.daemon.lines(["connection ", "up > backoff"])


def test_heartbeats_refused_in_maintenance_are_asked_for_again(pair):
    pair.wait_healthy()
    before = pair.reconnects("peer_closed")
    pair.fault("maintenance", seconds=3)
    until(lambda: pair.reconnects("peer_closed") > before, "connections end")
    pair.wait_flow()
    until(lambda: pair.fault("heartbeat_late", connection="all", seconds=0.001) == len(pair.connections()),
          "each connection has its heartbeats", REDIALLED_S)


# ---- connections that are slow ----

@pytest.mark.parametrize("fault, order", some([("drip", {"seconds": 2}), ("stall", {"seconds": 1, "connection": "all"}),
                                          ("freeze", {"seconds": 1}), ("heartbeat_storm", {"count": 50}),
                                          ("heartbeat_late", {"seconds": 3})]))
def test_what_passes_by_itself_changes_nothing(pair, fault, order):
    pair.wait_healthy()
    before = pair.daemon.feed()["reconnects"]
    pair.fault(fault, **order)
    time.sleep(order.get("seconds", 0))
    pair.wait_flow()
    assert pair.daemon.feed()["reconnects"] == before


# ---- messages ----

@pytest.mark.parametrize("fault", ["bad_json", "bad_shape", "huge_number", "bad_utf8"])
def test_a_message_that_says_nothing_is_counted_and_left(pair, fault):
    pair.wait_healthy()
    before, reconnects = pair.parse_errors(), pair.daemon.feed()["reconnects"]
    pair.fault(fault, count=30)
    until(lambda: pair.parse_errors() >= before + 10, "parse errors are counted")
    pair.wait_flow()
    assert pair.daemon.lines("malformed")
    assert pair.daemon.feed()["reconnects"] == reconnects


def test_a_skipped_change_brings_a_snapshot(pair):
    pair.wait_healthy()
    begun = time.time()
    pair.fault("skip_change", count=4)
    until(lambda: REASONS["skip_change"] in pair.said(begun, time.time()), "the gap of a book is in the store")
    pair.wait_flow()


def test_a_skipped_trade_is_fetched(pair):
    pair.wait_healthy()
    before = pair.daemon.metric('feedloom_refilled_trades_total')
    pair.fault("skip_trade", count=3)
    until(lambda: pair.daemon.metric('feedloom_refilled_trades_total') > before, "trades are fetched")
    pair.wait_flow()


def test_lost_messages_are_missed(pair):
    """Of each kind one: what a book or the trades lack is seen and made up for."""
    pair.wait_healthy()
    before = pair.daemon.metric('feedloom_refilled_trades_total')
    for kind in ("quote", "ticker", "book", "trade"):
        pair.fault("lose", count=1, kind=kind)
    until(lambda: pair.daemon.metric('feedloom_refilled_trades_total') > before, "trades are fetched")
    pair.wait_flow()


@pytest.mark.parametrize("kind", ["trade", "quote", "ticker", "book"])
def test_what_comes_twice_or_late_is_no_trouble(pair, kind):
    pair.wait_healthy()
    pair.fault("repeat", count=5, kind=kind)
    pair.fault("reorder", count=3, kind=kind)
    pair.wait_flow()


def test_a_message_in_pieces_is_a_message(pair):
    pair.wait_healthy()
    before = pair.parse_errors()
    pair.fault("pieces", count=100, bytes=3)
    pair.wait_flow()
    assert pair.parse_errors() == before


# ---- subscriptions and listings ----

def test_channels_left_out_are_asked_for_again(pair):
    before = pair.daemon.feed()["reconnects"]
    pair.fault("unacknowledged", count=4)
    pair.fault("drop", connection=pair.first())
    until(lambda: pair.daemon.feed()["reconnects"] > before, "the drop is noticed")
    until(lambda: pair.daemon.lines("did not acknowledge"), "it is said", REDIALLED_S)
    until(lambda: pair.daemon.metric('feedloom_unacknowledged_channels') == 0, "all are there")
    pair.wait_flow()


def test_instruments_come_and_go(pair):
    pair.wait_healthy()  # a notice while the connection is away would be seen only in the next list
    for _ in range(2):
        pair.fault("list")
    pair.instruments += 2
    pair.wait_flow()
    pair.fault("expire")
    pair.instruments -= 1
    pair.wait_flow()


@pytest.mark.parametrize("fault, order", some([("rest_status", {"status": 500}), ("rest_status", {"status": 429}),
                                          ("rest_redirect", {}), ("rest_short", {}), ("rest_shape", {}),
                                          ("rest_page", {}), ("rest_stall", {})]))
def test_trades_are_fetched_although_the_first_answers_are_useless(pair, fault, order):
    pair.wait_healthy()
    for count in range(1, 5):  # a refresh of the list may be who gets it, or the HTTP client tries again by itself
        begun = time.time()
        pair.fault(fault, count=count, **order)
        before = pair.daemon.metric('feedloom_refilled_trades_total')
        pair.fault("skip_trade", count=2)
        until(lambda: pair.daemon.metric('feedloom_refilled_trades_total') > before, "trades are fetched")
        pair.wait_flow()
        if re.search(REASONS[fault], pair.said(begun, time.time())):
            break


def test_a_wrong_clock_of_the_venue_is_no_fault_of_ours(pair):
    pair.wait_healthy()
    pair.fault("clock", ms=3000)
    pair.wait_flow()
    pair.fault("clock", ms=0)
    time.sleep(3)  # the venue's time stands still until it is right again
    pair.wait_flow()


def test_a_mute_instrument_does_not_silence_the_others(pair):
    pair.wait_healthy()
    pair.fault("mute", heals="never", seconds=2)
    pair.wait_flow()
    pair.fault("still", seconds=2)
    pair.wait_flow()


def test_each_fault_was_tried(pair):
    """The list is whole. What was tried above has recovered and was said, or its test would have failed."""
    known = set(pair.simulator.ask("GET", "/sim/fault"))
    assert known == REASONS.keys() | NOTHING_TO_SAY, known ^ (REASONS.keys() | NOTHING_TO_SAY)
    if not SHORT:
        tried = set().union(*(faults for _, _, faults in pair.tests))
        assert tried == known, f"never tried: {known - tried}"


def test_in_the_end_ledger_and_store_agree(pair):
    pair.finish().check()
    assert pair.daemon.sql("SELECT count(*) FROM rejected_records") == [(0,)]


@pytest.mark.skipif(SHORT, reason="test_mistakes has the words for each wrong certificate")
def test_a_certificate_of_another_is_refused_until_it_is_put_right(world):
    tls = FIXTURES / "tls"
    simulator = world.simulator(btc_options=4, eth_options=0, futures=0, cert_file=str(tls / "other_host.pem"),
                                key_file=str(tls / "other_host-key.pem"))
    daemon = world.daemon(simulator, feed={"url": simulator.url("localhost"), "tls": {"ca_file": str(tls / "ca.pem")}})
    daemon.start()
    daemon.wait_status(lambda s: s["feeds"][0]["reason"] and s["feeds"][0]["state"] == "disconnected" and
                       s["sinks"][0]["state"] == "connected", "the reason is in the status, the store is there")
    assert daemon.count("tickers") == 0
    simulator.stop()
    settings = simulator.config["services"]["simulator"]
    settings.update(cert_file=str(tls / "server.pem"), key_file=str(tls / "server-key.pem"))
    simulator.configure(simulator.config)
    simulator.start()
    daemon.wait_connected(4, 60)
    until(lambda: daemon.count("tickers") > 4, "tickers are stored")
