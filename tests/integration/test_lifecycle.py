"""The lifecycle with the real daemon: listings, expiries, rehearsals, restarts, lists that lie, stores that are edited."""
import json
import time

import pytest

import postgres
from harness import SHORT, WAITS_LONG, hours_apart, run, until
from timescale import store_in


@pytest.fixture(scope="module")
def server():
    """A real PostgreSQL for the tests that run in both stores."""
    with postgres.server() as made:
        yield made


@pytest.fixture(params=["timescale"] if SHORT else ["sqlite", "timescale"])
def put(request):
    """Puts a daemon's store where this turn of the test has it."""
    if request.param == "sqlite":
        yield lambda daemon: None
        return
    made = request.getfixturevalue("server").create()
    yield lambda daemon: store_in(daemon, made)
    made.drop()


def events(daemon, where="true", *parameters):
    """Rows of lifecycle_events as dictionaries, in their order."""
    rows = daemon.sql("SELECT event_us, event_type, currency, instrument_name, connection_id, reason, success, metadata "
                      f"FROM lifecycle_events WHERE {where} ORDER BY event_us, rowid", *parameters)
    names = ("at", "type", "currency", "instrument", "connection", "reason", "success", "metadata")
    found = [dict(zip(names, row)) for row in rows]
    for event in found:
        if not isinstance(event["metadata"], dict):  # jsonb already is
            event["metadata"] = json.loads(event["metadata"] or "{}")
    return found


def of(daemon, instrument, type_=None):
    return [e for e in events(daemon, "instrument_name = ?", instrument) if type_ in (None, e["type"])]


def row(daemon, instrument):
    names = ("is_active", "expired_us", "last_seen_us", "expiration_timestamp", "strike")
    return dict(zip(names, daemon.sql(
        f"SELECT {', '.join(names)} FROM instrument_metadata WHERE instrument_name = ?", instrument)[0]))


def active(daemon, count=1, currency="BTC"):
    return [r[0] for r in daemon.sql("SELECT instrument_name FROM instrument_metadata WHERE is_active AND currency = ? "
                                     "ORDER BY expiration_timestamp DESC, instrument_name LIMIT ?", currency, count)]


def subscribed(daemon):
    return {name for c in [daemon.ask("GET", "/status").json] for name in c["instruments"]}


def covered(daemon):
    coverage = daemon.ask("GET", "/v1/coverage").json["coverage"]
    return sum(c["listed"] for c in coverage), sum(c["subscribed"] for c in coverage)


def begin(world, lifecycle=None, feed=None, put=lambda daemon: None, **options):
    settings = {"btc_options": 40, "eth_options": 40, "message_rate": 100, "unlisted": 5, **options}
    simulator = world.simulator(**settings)
    daemon = world.daemon(simulator, feed=feed)
    daemon.config["services"]["lifecycle"] = {"refresh_interval": hours_apart(), **(lifecycle or {})}
    put(daemon)
    daemon.configure(daemon.config)
    daemon.start()
    listed = settings["btc_options"] + settings["eth_options"] - settings["unlisted"]
    daemon.wait_connected(listed)
    until(lambda: len({e["instrument"] for e in events(
        daemon, "event_type IN ('subscription_added', 'subscription_removed')")}) == listed, "each is told")
    return simulator, daemon, listed


def refresh(daemon):
    answer = until(lambda: (a := daemon.ask("POST", "/v1/lifecycle/refresh")).status == 200 and a, "a refresh")
    return {c["currency"]: c for c in answer.json["feeds"][0]["currencies"]}


def venue_list(simulator, currency):
    """What the venue's own list says, by name, in the columns of instrument_metadata."""
    listed = simulator.ask("GET", f"/api/v2/public/get_instruments?currency={currency}&kind=option")["result"]
    return {i["instrument_name"]: (i["strike"], i["option_type"], i["expiration_timestamp"], i["creation_timestamp"],
                                   i["tick_size"], i["contract_size"], i["base_currency"], i["quote_currency"],
                                   i["settlement_currency"], i["min_trade_amount"]) for i in listed}


def stored_list(daemon, currency):
    rows = daemon.sql("SELECT instrument_name, strike, option_type, expiration_timestamp, creation_timestamp, tick_size,"
                      " contract_size, base_currency, quote_currency, settlement_currency, min_trade_amount"
                      " FROM instrument_metadata WHERE is_active AND kind = 'option' AND currency = ?", currency)
    return {row[0]: row[1:] for row in rows}


def test_a_listing_is_followed_within_a_second(world, put):
    simulator, daemon, listed = begin(world, put=put)
    assert len(events(daemon, "event_type = 'instrument_listed'")) == listed
    simulator.ask("POST", "/sim/fault", {"fault": "list"})
    until(lambda: len(events(daemon, "event_type = 'subscription_added'")) == listed + 1, "the new one is followed")
    told = events(daemon)[-2:]
    assert [e["type"] for e in told] == ["instrument_listed", "subscription_added"]
    name = told[0]["instrument"]
    assert told[1]["instrument"] == name and told[1]["connection"] == 0 and told[1]["success"] == 1
    until(lambda: simulator.sql("SELECT 1 FROM sent WHERE instrument_name = ? AND kind = 'ticker'", name), "it streams")
    noticed, = simulator.sql("SELECT min(sent_us) FROM sent WHERE kind = 'notice'")[0]
    streamed, = simulator.sql("SELECT min(sent_us) FROM sent WHERE kind = 'ticker' AND instrument_name = ?", name)[0]
    assert streamed - noticed < 1_000_000, f"{(streamed - noticed) / 1000} ms from the notice to its stream"
    assert row(daemon, name)["is_active"] == 1
    for currency in ("BTC", "ETH"):
        assert stored_list(daemon, currency) == venue_list(simulator, currency)
    before = len(events(daemon, "event_type = 'sync_completed'"))
    counts = refresh(daemon)
    until(lambda: len(events(daemon, "event_type = 'sync_completed'")) == before + 2, "one a currency is told")
    for event in events(daemon, "event_type = 'sync_completed'")[before:]:
        told = {name: event["metadata"][name] for name in counts[event["currency"]] if name != "currency"}
        assert event["reason"] == "requested" and event["success"] and told == {
            name: number for name, number in counts[event["currency"]].items() if name != "currency"}, event


def test_a_rehearsed_expiry_and_listing(world, put):
    simulator, daemon, listed = begin(world, put=put)
    expiring, hidden = active(daemon, 2)
    answer = daemon.ask("POST", "/v1/lifecycle/rehearsal",
                        {"feed": "deribit", "instrument": expiring, "expires_in": "3s"})
    assert answer.status == 200, answer
    until(lambda: of(daemon, expiring, "instrument_expired"), "it has expired")
    told = [(e["type"], e["reason"]) for e in of(daemon, expiring)]
    assert told[-2:] == [("subscription_removed", "rehearsal"), ("instrument_expired", "rehearsal")]
    until(lambda: row(daemon, expiring)["is_active"] == 0, "its row is inactive")
    assert row(daemon, expiring)["expired_us"] is not None
    refresh(daemon)  # the venue still lists it
    assert row(daemon, expiring)["is_active"] == 0 and expiring not in subscribed(daemon)
    # It comes back as new with the next refresh.
    answer = daemon.ask("POST", "/v1/lifecycle/rehearsal", {"feed": "deribit", "instrument": hidden, "hide": True})
    assert answer.status == 200, answer
    until(lambda: of(daemon, hidden, "subscription_removed"), "it is left")
    assert hidden not in subscribed(daemon)
    refresh(daemon)
    until(lambda: len(of(daemon, hidden, "subscription_added")) == 2, "it is followed again")
    told = [(e["type"], e["reason"]) for e in of(daemon, hidden)][2:]
    assert told == [("instrument_removed", "rehearsal"), ("subscription_removed", "rehearsal"),
                    ("instrument_listed", "rehearsal"), ("subscription_added", "rehearsal")]
    for body, status in (({"feed": "deribit", "instrument": hidden}, 400),
                         ({"feed": "deribit", "instrument": hidden, "expires_in": "soon"}, 400),
                         ({"feed": "deribit", "instrument": "BTC-1JAN99-1-C", "expires_in": "1s"}, 404),
                         ({"feed": "nobody", "instrument": hidden, "hide": True}, 404)):
        answer = daemon.ask("POST", "/v1/lifecycle/rehearsal", body)
        assert answer.status == status and answer.json["detail"], answer


def test_what_nears_its_expiry_is_left_and_trades_are_kept(world):
    """A buffer longer than the nearest expiry is away: those are left at once, and explained."""
    simulator, daemon, listed = begin(world, {"expiry_buffer": "1d"}, trade_share=300, unlisted=0)
    near = {r[0] for r in daemon.sql(
        "SELECT instrument_name FROM instrument_metadata WHERE expiration_timestamp < ?", (time.time() + 86400) * 1000)}
    assert near and len(near) < listed
    until(lambda: len(events(daemon, "reason = 'expiry_buffer'")) == len(near), "they are left")
    until(lambda: len(subscribed(daemon)) == listed - len(near), "the venue has acknowledged")
    assert not subscribed(daemon) & near
    left = {e["instrument"]: e for e in events(daemon, "reason = 'expiry_buffer'")}
    assert set(left) == near and {e["type"] for e in left.values()} == {"subscription_removed"}
    until(lambda: covered(daemon) == (listed - len(near), listed - len(near)), "what is left is not missing")
    since = max(e["at"] for e in left.values())
    until(lambda: daemon.sql("SELECT count(*) FROM option_trades WHERE instrument_name IN (%s) AND event_us > ?"
                             % ",".join("?" * len(near)), *near, since)[0][0] > 3, "their trades are kept")
    after = daemon.sql("SELECT count(*) FROM option_quotes WHERE instrument_name IN (%s) AND event_us > ?"
                       % ",".join("?" * len(near)), *near, since + 1_000_000)[0][0]
    assert after == 0
    counts = refresh(daemon)  # and nothing brings them back
    assert sum(c["subscribed"] for c in counts.values()) == listed - len(near)


def test_a_restart_tells_nothing_that_has_not_changed(world, put):
    simulator, daemon, listed = begin(world, put=put)
    for how in ("stop", "kill"):
        daemon.wait_drained()
        before = len(events(daemon, "instrument_name IS NOT NULL"))
        getattr(daemon, how)()
        simulator.ask("POST", "/sim/fault", {"fault": "list"})
        ended = active(daemon)[0]
        simulator.ask("POST", "/sim/fault", {"fault": "expire", "instrument": ended})
        daemon.start()
        daemon.wait_connected(listed)
        until(lambda: of(daemon, ended, "instrument_removed"), "what ended meanwhile is told")
        until(lambda: len(events(daemon, "instrument_name IS NOT NULL")) >= before + 3, "and what was listed")
        refresh(daemon)
        told = events(daemon, "instrument_name IS NOT NULL")[before:]
        assert sorted((e["type"], e["reason"]) for e in told) == [
            ("instrument_listed", "listed"), ("instrument_removed", "while away"), ("subscription_added", "listed")], told
        assert row(daemon, ended)["is_active"] == 0


def test_a_list_that_lies_is_not_believed(world):
    simulator, daemon, listed = begin(world)
    simulator.ask("POST", "/sim/instruments", {"result": []})  # of what it listed nothing is left
    counts = refresh(daemon)
    assert {c: (n["held"], n["subscribed"]) for c, n in counts.items()} == {"BTC": (40, 40), "ETH": (35, 35)}
    until(lambda: len(events(daemon, "event_type = 'drop_held'")) == 2, "it is told")
    assert daemon.lines("kept until the next refresh says the same")
    assert len(subscribed(daemon)) == listed
    simulator.ask("DELETE", "/sim/instruments")
    counts = refresh(daemon)
    assert all(n["held"] == 0 for n in counts.values())
    until(lambda: daemon.lines("resolved"), "that is over")
    assert not events(daemon, "event_type IN ('instrument_removed', 'instrument_expired', 'subscription_removed')")


def test_a_truncated_list_is_held_until_a_second_refresh_confirms(world):
    simulator, daemon, listed = begin(world, feed={"refresh_interval": "10s"}, unlisted=0)
    whole = {c: simulator.ask("GET", f"/api/v2/public/get_instruments?currency={c}&kind=option") for c in ("BTC", "ETH")}
    gone = {i["instrument_name"] for i in whole["BTC"]["result"][25:]}  # 15 of 40: more than max_drop, 20 %
    whole["BTC"]["result"] = whole["BTC"]["result"][:25]
    simulator.ask("POST", "/sim/instruments", whole["BTC"])
    simulator.ask("POST", "/sim/instruments", whole["ETH"])
    held_at = time.monotonic()
    for _ in range(2):  # another one at once confirms nothing
        counts = refresh(daemon)
        assert {c: (n["held"], n["subscribed"]) for c, n in counts.items()} == {"BTC": (15, 40), "ETH": (0, 40)}
        assert len(subscribed(daemon)) == listed and time.monotonic() - held_at < 10
    until(lambda: (told := events(daemon, "event_type = 'drop_held'")) and told[0]["metadata"]["held"] == 15, "it is told")
    until(lambda: time.monotonic() - held_at > 10, "a second refresh's time")
    assert not events(daemon, "event_type IN ('instrument_removed', 'subscription_removed')")
    counts = refresh(daemon)
    assert {c: (n["held"], n["subscribed"]) for c, n in counts.items()} == {"BTC": (0, 25), "ETH": (0, 40)}
    until(lambda: len(events(daemon, "event_type = 'subscription_removed'")) == len(gone), "each is told")
    for type_ in ("instrument_removed", "subscription_removed"):
        assert {e["instrument"] for e in events(daemon, "event_type = ?", type_)} == gone
    assert not subscribed(daemon) & gone and daemon.lines("resolved")


@WAITS_LONG
def test_what_a_dead_connection_carried_moves_to_the_others(world):
    """And back, when it is there again. Two connections hold 40 of the 50: the rest has no room meanwhile."""
    simulator, daemon, listed = begin(
        world, feed={"max_connections": 3, "max_instruments": 20, "failover_after": "5s"},
        btc_options=25, eth_options=25, unlisted=0, trade_share=300)

    def sizes():
        return [(c["state"] == "up", c["instruments"]) for c in daemon.feed()["connections"]]
    assert all(up for up, _ in sizes()) and sorted(n for _, n in sizes()) == [16, 17, 17]
    simulator.ask("POST", "/sim/fault", {"fault": "refuse", "seconds": 600})
    # The first carries the trades of all besides: they move as well.
    first = max(simulator.status()["connections"], key=lambda c: c["channels"])["connection"]
    assert simulator.drop(first) == 1
    until(lambda: sizes() == [(False, 0), (True, 20), (True, 20)], "the others have taken them")
    assert daemon.lines("connection 0 stays down: its instruments move to the others")
    status = daemon.feed()
    assert status["state"] == "degraded" and status["reason"].startswith("1 of 3 connections are not up: HTTP 429"), status
    seen = simulator.sql("SELECT max(seq) FROM sent")[0][0]
    until(lambda: simulator.sql("SELECT 1 FROM sent WHERE kind = 'trade' AND seq > ?", seen), "trades go on")
    simulator.ask("POST", "/sim/fault", {"fault": "refuse", "count": 1})  # that one more, then none
    until(lambda: all(up for up, _ in sizes()) and sorted(n for _, n in sizes()) == [16, 17, 17], "it has its share again", 60)
    assert daemon.lines("connection 0 is back and gets its share again")
    until(lambda: covered(daemon) == (50, 50) and daemon.feed()["state"] == "connected", "all are there")


def test_a_failed_refresh_is_told_and_tried_again(world):
    simulator, daemon, listed = begin(world)
    simulator.ask("POST", "/sim/fault", {"fault": "rest_status", "count": 100, "status": 500})
    answer = daemon.ask("POST", "/v1/lifecycle/refresh", seconds=60)
    assert answer.status in (502, 504), answer
    until(lambda: events(daemon, "event_type = 'sync_failed'"), "it is told", 60)
    assert len(subscribed(daemon)) == listed


@pytest.mark.parametrize("put", ["timescale"], indirect=True)
def test_edits_of_the_table_are_put_right(world, put):
    simulator, daemon, listed = begin(world, {"refresh_interval": "10s"}, unlisted=0, put=put)
    strike, ended, gone = active(daemon, 3)
    until(lambda: len(events(daemon, "event_type = 'sync_completed'")) >= 2, "a scheduled refresh")
    # What was listed within the last 15 s is not compared: its row may be on its way.
    until(lambda: time.time() - daemon.sql("SELECT min(listed_us) FROM instrument_metadata")[0][0] / 1e6 > 16, "the wait", 120)
    daemon.edit("UPDATE instrument_metadata SET strike = 1 WHERE instrument_name = ?", strike)
    daemon.edit("UPDATE instrument_metadata SET is_active = false WHERE instrument_name = ?", ended)
    until(lambda: of(daemon, strike, "metadata_corrected") and of(daemon, ended, "metadata_corrected"), "both are told")
    event, = of(daemon, strike, "metadata_corrected")
    assert event["metadata"]["columns"]["strike"]["was"] == 1
    until(lambda: row(daemon, strike)["strike"] != 1 and row(daemon, ended)["is_active"] == 1, "and put right")
    assert len(events(daemon, "event_type = 'metadata_corrected'")) == 2


def test_more_than_fits_waits_first_in_line(world):
    feed = {"max_connections": 2, "max_instruments": 30}
    simulator = world.simulator(btc_options=40, eth_options=40, message_rate=100)
    daemon = world.daemon(simulator, feed=feed)
    daemon.config["services"]["lifecycle"] = {"refresh_interval": hours_apart()}
    daemon.configure(daemon.config)
    daemon.start()
    until(lambda: len(events(daemon, "event_type = 'subscription_deferred'")) == 20, "twenty have no room")
    waiting = [e["instrument"] for e in events(daemon, "event_type = 'subscription_deferred'")]
    followed = [e["instrument"] for e in events(daemon, "event_type = 'subscription_added'")]
    assert len(followed) == 60 and not set(waiting) & set(followed)
    simulator.ask("POST", "/sim/fault", {"fault": "expire", "instrument": followed[0]})
    until(lambda: len(events(daemon, "event_type = 'subscription_added'")) == 61, "one takes its place")
    assert events(daemon, "event_type = 'subscription_added'")[-1]["instrument"] == waiting[0]
    until(lambda: covered(daemon) == (79, 60), "what waits is missing")


def test_changes_by_hand_are_respected_and_told(world):
    simulator, daemon, listed = begin(world)
    name = active(daemon)[0]
    assert daemon.ask("POST", "/v1/feeds/deribit/unsubscribe", {"instruments": [name]}).status == 200
    refresh(daemon)
    refresh(daemon)
    assert name not in subscribed(daemon)
    until(lambda: [(e["type"], e["reason"]) for e in of(daemon, name)][-1] == ("subscription_removed", "manual"),
          "it is told")
    until(lambda: covered(daemon) == (listed - 1, listed - 1), "what is left by hand is not missing")
    other = active(daemon, 2)[1]
    assert daemon.ask("POST", "/v1/feeds/deribit/unsubscribe", {"instruments": [other], "pin": False}).status == 200
    refresh(daemon)
    until(lambda: other in subscribed(daemon), "what is not pinned is the lifecycle's")


def test_a_stopped_feed_is_left_alone(world):
    simulator, daemon, listed = begin(world, {"refresh_interval": "10s"})
    assert daemon.ask("POST", "/v1/streaming/stop", {"feeds": ["deribit"]}).status == 200
    before = len(events(daemon, "instrument_name IS NOT NULL"))
    begun = time.time()
    until(lambda: time.time() - begun > 11, "a refresh would have come")
    assert not events(daemon, "event_type = 'sync_failed'")
    assert not [line for line in daemon.lines(" WARN ") if "lifecycle" in line]
    assert daemon.ask("POST", "/v1/streaming/start", {"feeds": ["deribit"]}).status == 200
    daemon.wait_connected(listed)
    refresh(daemon)
    assert len(events(daemon, "instrument_name IS NOT NULL")) == before


def test_backfill_fills_the_table_once(world, put):
    simulator = world.simulator(btc_options=230, eth_options=120)
    daemon = world.daemon(simulator)
    put(daemon)
    daemon.configure(daemon.config)
    arguments = ("backfill", "instruments", "-c", daemon.config_file, "-d", daemon.folder)

    def rows():
        return dict(daemon.sql("SELECT currency, count(*) FROM instrument_metadata WHERE is_active GROUP BY 1"))

    for _ in range(2):  # idempotent
        done = run(*arguments)
        assert done.returncode == 0, done
        assert [line for line in done.stdout.splitlines() if "BTC" in line] == [
            "deribit: BTC option: 100 instruments", "deribit: BTC option: 200 instruments",
            "deribit: BTC: 230 instruments in all"]
        assert "deribit: ETH: 120 instruments in all" in done.stdout
        assert rows() == {"BTC": 230, "ETH": 120}
    done = run(*arguments, "--currencies", "ETH")
    assert done.returncode == 0 and "BTC" not in done.stdout
    done = run(*arguments, "--currencies", "ETH,DOGE")
    assert done.returncode == 69 and "DOGE is not among its currencies" in done.stdout
    assert run("backfill", "weather", "-c", daemon.config_file).returncode == 64
    simulator.ask("POST", "/sim/fault", {"fault": "rest_status", "count": 2, "status": 500})
    assert run(*arguments).returncode == 0  # errors of the venue are survived
    daemon.start()
    daemon.wait_connected(350)
    done = run(*arguments)
    assert done.returncode == 69 and f"in use by process {daemon.popen.pid}" in done.stderr


def test_a_reload_tells_nothing(world):
    simulator, daemon, listed = begin(world)
    before = len(events(daemon, "instrument_name IS NOT NULL"))
    for plugin in ("lifecycle", "deribit", "lifecycle"):
        answer = daemon.ask("POST", f"/v1/plugins/{plugin}/reload")
        assert answer.status == 200, answer
    counts = refresh(daemon)
    assert sum(c["subscribed"] for c in counts.values()) == listed
    daemon.wait_drained()
    assert len(events(daemon, "instrument_name IS NOT NULL")) == before
    simulator.ask("POST", "/sim/fault", {"fault": "list"})
    until(lambda: len(events(daemon, "instrument_name IS NOT NULL")) == before + 2, "what is new is told")


def test_a_refresh_comes_on_whole_multiples(world):
    simulator, daemon, listed = begin(world, {"refresh_interval": "10s"})
    until(lambda: len(events(daemon, "event_type = 'sync_completed'")) >= 4, "two refreshes", 40)
    for event in events(daemon, "event_type = 'sync_completed'"):
        assert event["at"] % 10_000_000 < 3_000_000 and event["reason"] == "scheduled" and event["success"] == 1
        assert event["metadata"]["feed"] == "deribit" and event["metadata"]["failed"] == 0
        assert event["metadata"]["listed"] == event["metadata"]["subscribed"] == {"BTC": 40, "ETH": 35}[event["currency"]]
