"""One instrument among all goes mute though its connection lives: noticed, subscribed anew alone, and heard again."""
from harness import SANITIZED, SHORT, WAITS_LONG, until

SIZE = dict(btc_options=20, eth_options=20) if SHORT or SANITIZED else dict(btc_options=728, eth_options=820)
RATE = 100 if SHORT or SANITIZED else 5000
FLOOR_SECONDS = 10  # no silence shorter than this is odd


@WAITS_LONG
def test_a_mute_instrument_among_all_is_renewed_alone(world):
    instruments = sum(SIZE.values())
    simulator = world.simulator(message_rate=RATE, trade_share=20, futures=0, ledger="", **SIZE)
    daemon = world.daemon(simulator, feed={"channels": ["ticker.agg2", "trades.100ms", "quote"]})
    daemon.start()
    daemon.wait_connected(instruments, 60)

    def lively():
        """One of those heard most, of which enough is known: the store says how long it was silent at most."""
        return daemon.sql("SELECT instrument_name, count(*) FROM option_quotes GROUP BY 1 HAVING count(*) > 60"
                          " ORDER BY 2 DESC, 1 LIMIT 1")
    name = until(lively, "enough is heard of an instrument", 120)[0][0]
    before = {c["connection"]: c["reconnects"] for c in daemon.feed()["connections"]}
    simulator.ask("POST", "/sim/fault", {"fault": "mute", "instrument": name})

    # `expected_seconds` is what it had learned; noticed and renewed within three times that.
    noticed = until(lambda: daemon.lines(["mute although the connection lives", name]), "it is noticed", 120)[0]
    expected = float(noticed.split(name)[1].split("within ")[1].split(" s")[0])
    assert expected >= FLOOR_SECONDS

    def healed():
        return daemon.sql("SELECT (ended_us - started_us) / 1e6 FROM stream_gaps WHERE cause = 'mute' AND"
                          " instrument_name = ? AND ended_us IS NOT NULL", name)
    silent = until(healed, "it is heard again", 120)[0][0]
    assert expected - 2 <= silent <= 3 * expected
    until(lambda: daemon.feed()["mute"] == [] and daemon.feed()["reason"] is None, "nobody is mute")
    assert daemon.metric('feedloom_mute{feed="deribit"}') == 0
    assert daemon.metric('feedloom_renewals_total{feed="deribit",what="connection"}') == 0
    after = {c["connection"]: c["reconnects"] for c in daemon.feed()["connections"]}
    assert before == after
    assert daemon.sql("SELECT DISTINCT instrument_name FROM stream_gaps WHERE cause = 'mute'") == [(name,)]
    assert daemon.sql("SELECT DISTINCT instrument_name FROM lifecycle_events WHERE event_type ="
                      " 'subscription_renewed'") == [(name,)]
    heard = daemon.sql("SELECT count(*) FROM option_quotes WHERE instrument_name = ?", name)[0][0]
    until(lambda: daemon.sql("SELECT count(*) FROM option_quotes WHERE instrument_name = ?", name)[0][0] > heard,
          "its quotes go on")
    coverage = daemon.ask("GET", "/v1/coverage").json
    live = coverage["coverage"] if isinstance(coverage, dict) else coverage
    assert sum(c["live"] for c in live) >= 0.9 * instruments
    daemon.stop()
