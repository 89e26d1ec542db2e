"""The first whole way: within 20 s of its start the daemon is connected, and what it answers meanwhile."""
import re
import time
from urllib.parse import quote

import pytest

import harness
from harness import INSTRUMENTS, ask, exchange, until

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
CHANNELS = ["ticker.agg2", "trades.100ms", "quote"]


@pytest.fixture(scope="module")
def pair(module_world):
    """One daemon, as `./dev run --demo` configures it, for all tests of this file."""
    simulator = module_world.simulator()
    daemon = module_world.daemon(simulator, feed={"currencies": ["BTC", "ETH"], "kinds": ["option"],
                                                  "channels": CHANNELS}).start()
    begun = time.monotonic()
    daemon.wait_connected(seconds=20)
    daemon.took = time.monotonic() - begun
    return simulator, daemon


@pytest.fixture
def simulator(pair):
    return pair[0]


@pytest.fixture
def daemon(pair):
    assert pair[1].is_running(), pair[1].log()[-3000:]
    return pair[1]


def problem(answer, status):
    """The answer is a problem document with this status; its detail."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
    assert answer.json["status"] == status and answer.json["title"], answer
    return answer.json["detail"]


# ---- connected, and rows landing ----

def test_within_20_s_it_is_connected_with_every_option(daemon):
    assert daemon.took < 20 * harness.PATIENCE
    feed = daemon.feed()
    assert (feed["feed"], feed["state"], feed["instruments"]) == ("deribit", "connected", INSTRUMENTS)
    assert feed["channels"] == 2 * INSTRUMENTS + 2  # ticker and quote each, trades of two currencies
    assert len(feed["connections"]) == 7
    assert sum(c["instruments"] for c in feed["connections"]) == INSTRUMENTS
    assert all(c["instruments"] <= 250 and c["channels"] <= 500 for c in feed["connections"])
    assert {c["connection"] for c in feed["connections"]} == set(range(7))


def test_rows_of_every_kind_are_landing(daemon):
    for table in ("option_quotes", "option_trades", "tickers"):
        before = until(lambda: daemon.count(table), f"rows in {table}")
        until(lambda: daemon.count(table) > before, f"more rows in {table}")
    assert daemon.count("instrument_metadata") >= INSTRUMENTS
    until(lambda: daemon.sql("SELECT count(DISTINCT instrument_name) FROM tickers")[0][0] == INSTRUMENTS,
          "a ticker of every instrument")


def test_status_has_the_shape_of_the_design(daemon):
    until(lambda: daemon.feed()["latency_ms"]["p99"] is not None, "a latency was measured")
    status = daemon.status()
    assert {"state", "feeds", "sinks", "journal", "config"} <= status.keys()
    feed, sink = status["feeds"][0], status["sinks"][0]
    assert {"feed", "state", "since", "reason", "instruments", "channels", "messages", "reconnects",
            "last_message_at", "latency_ms", "connections"} <= feed.keys()
    assert feed["latency_ms"].keys() == {"p50", "p95", "p99"}
    assert 0 < feed["latency_ms"]["p50"] <= feed["latency_ms"]["p95"] <= feed["latency_ms"]["p99"]
    assert {"connection", "state", "instruments", "channels"} <= feed["connections"][0].keys()
    assert feed["connections"][0]["state"] == "up"
    assert feed["reason"] is None and feed["reconnects"] == 0 and feed["messages"] > INSTRUMENTS
    assert RFC3339.match(feed["since"]) and RFC3339.match(feed["last_message_at"])
    assert {"sink", "state", "since", "reason", "lag_records", "lag_seconds", "rows"} <= sink.keys()
    assert (sink["sink"], sink["state"], sink["reason"]) == ("store", "connected", None)
    assert sink["rows"] > 0 and sink["lag_seconds"] is not None
    assert {"state", "bytes", "max_bytes", "bridges_seconds", "dropped"} <= status["journal"].keys()
    assert (status["journal"]["state"], status["journal"]["dropped"]) == ("ok", 0)
    assert status["journal"]["max_bytes"] == 4 << 30
    assert status["config"] == {"state": "ok", "error": None}
    assert status["state"] == "connected"


def test_coverage_is_whole(daemon):
    rows = until(lambda: (found := daemon.ask("GET", "/v1/coverage").json["coverage"]) and
                 all(row["ratio"] == 1 for row in found) and found, "coverage 1.0")
    assert {(r["feed"], r["currency"], r["listed"], r["subscribed"]) for r in rows} == {
        ("deribit", "BTC", 728, 728), ("deribit", "ETH", 820, 820)}
    assert all(0 <= row["live_ratio"] <= 1 for row in rows)


def test_it_is_alive_and_ready(daemon):
    for path in ("/livez", "/healthz"):
        assert daemon.ask("GET", path).status == 200
    ready = daemon.ask("GET", "/readyz")
    assert ready.status == 200 and ready.json["ready"] is True


def test_metrics_are_prometheus_text(daemon):
    answer = until(lambda: (a := daemon.ask("GET", "/metrics")) and b"feedloom_coverage_ratio" in a.body and a,
                   "coverage is a metric")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    sample = re.compile(r'^[a-z_:][a-zA-Z0-9_:]*(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eEnaifNI]+$')
    for line in answer.body.decode().splitlines():
        assert line == "" or line.startswith(("# HELP ", "# TYPE ")) or sample.match(line), line
    assert daemon.metric('feedloom_feed_state{feed="deribit"}') == 3
    assert daemon.metric('feedloom_subscriptions{feed="deribit"}') == 2 * INSTRUMENTS + 2
    assert daemon.metric('feedloom_coverage_ratio{feed="deribit",currency="BTC"}') == 1
    assert daemon.metric('feedloom_messages_total{feed="deribit"}') > INSTRUMENTS
    assert daemon.metric('feedloom_records_total{fate="published"') > INSTRUMENTS
    assert daemon.metric("feedloom_journal_bytes") > 0
    for name in ("feedloom_sink_lag_seconds", "feedloom_sink_rows_total", "feedloom_commit_seconds",
                 "feedloom_persist_latency_seconds", "feedloom_parse_errors_total"):
        daemon.metric(name)
    assert daemon.metric("feedloom_parse_errors_total") == 0


def test_openapi_and_the_status_page_are_served(daemon):
    openapi = daemon.ask("GET", "/openapi.json").json
    assert openapi["openapi"].startswith("3.1")
    assert {"/v1/streaming/status", "/v1/coverage", "/readyz", "/status"} <= openapi["paths"].keys()
    page = daemon.ask("GET", "/")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_plugins_are_listed(daemon):
    plugins = {p["name"]: p for p in daemon.ask("GET", "/v1/plugins").json["plugins"]}
    assert {name: [i["instance"] for i in p["instances"]] for name, p in plugins.items()} == {
        "deribit": ["deribit"], "sink_sqlite": ["store"], "control": ["control"]}
    assert all(p["version"] and p["path"].endswith(f"/{name}.so") for name, p in plugins.items())


# ---- instruments ----

def test_instruments_come_in_pages(daemon):
    until(lambda: daemon.count("instrument_metadata") >= INSTRUMENTS, "every instrument is stored")
    names, cursor = [], None
    for _ in range(20):
        page = daemon.ask("GET", "/v1/instruments?currency=BTC&active=true&limit=100" +
                          (f"&cursor={quote(cursor)}" if cursor else ""))
        assert page.status == 200, page
        rows = page.json["instruments"]
        assert len(rows) <= 100
        names += [row["instrument_name"] for row in rows]
        cursor = page.json["next"]
        if not cursor:
            break
    assert len(names) == len(set(names)) == 728
    assert all(name.startswith("BTC-") for name in names)
    assert {"instrument_name", "currency", "kind", "strike", "option_type", "expiration_timestamp",
            "is_active"} <= rows[0].keys()


@pytest.mark.parametrize("query, word", [("limit=0", "limit"), ("limit=x", "limit"), ("active=perhaps", "active"),
                                         ("cursor=nonsense", "cursor")])
def test_a_wrong_filter_is_a_problem(daemon, query, word):
    assert word in problem(daemon.ask("GET", f"/v1/instruments?{query}"), 400)


# ---- subscribe and unsubscribe ----

def instruments_of(daemon):
    return set(daemon.ask("GET", "/status").json["instruments"])


def test_an_instrument_can_be_unsubscribed_and_subscribed_again(daemon, simulator):
    name = sorted(instruments_of(daemon))[7]
    answer = daemon.ask("POST", "/v1/feeds/deribit/unsubscribe", {"instruments": [name]})
    assert answer.status == 200 and answer.json["unsubscribed"] == [name], answer
    assert name not in instruments_of(daemon)
    assert daemon.feed()["instruments"] == INSTRUMENTS - 1
    assert sum(c["channels"] for c in simulator.status()["connections"]) < 2 * INSTRUMENTS + 10
    answer = daemon.ask("POST", "/v1/feeds/deribit/subscribe", {"instruments": [name]})
    assert answer.status == 200 and answer.json["subscribed"] == [name], answer
    assert name in instruments_of(daemon)
    assert daemon.feed()["instruments"] == INSTRUMENTS


def test_what_cannot_be_subscribed_is_rejected_with_a_reason(daemon):
    answer = daemon.ask("POST", "/v1/feeds/deribit/subscribe", {"instruments": ["BTC-NOTHING"]})
    assert answer.status == 200, answer
    assert answer.json["subscribed"] == []
    (rejected,) = answer.json["rejected"]
    assert "BTC-NOTHING" in str(rejected)
    assert daemon.feed()["instruments"] == INSTRUMENTS


def test_errors_are_problem_documents(daemon):
    assert "deribit" in problem(daemon.ask("POST", "/v1/streaming/stop", {"feeds": ["nasdaq"]}), 404)
    problem(daemon.ask("POST", "/v1/feeds/nasdaq/subscribe", {"instruments": ["X"]}), 404)
    problem(daemon.ask("POST", "/v1/feeds/deribit/subscribe", {}), 400)
    problem(daemon.ask("POST", "/v1/feeds/deribit/subscribe", "{nonsense"), 400)
    problem(daemon.ask("POST", "/v1/streaming/stop", "[]"), 400)
    assert "/openapi.json" in problem(daemon.ask("GET", "/v2/nothing"), 404)
    refused = daemon.ask("POST", "/v1/streaming/status", {})
    problem(refused, 405)
    assert "GET" in refused.headers["Allow"].split(", ")


# ---- the older names ----

def test_older_health(daemon):
    answer = until(lambda: (a := daemon.ask("GET", "/health")).status == 200 and a, "healthy")
    assert answer.json.keys() == {"status", "timestamp"}
    assert answer.json["status"] == "healthy" and RFC3339.match(answer.json["timestamp"])


def test_older_status(daemon):
    whole = daemon.ask("GET", "/status").json
    assert whole.keys() == {"connection_id", "currency", "instruments", "channel_count"}
    assert whole["connection_id"] is None and whole["channel_count"] == 2 * INSTRUMENTS + 2
    assert len(whole["instruments"]) == len(set(whole["instruments"])) == INSTRUMENTS
    one = daemon.ask("GET", "/status?connection=0&currency=BTC").json
    assert (one["connection_id"], one["currency"]) == (0, "BTC")
    assert one["instruments"] and all(name.startswith("BTC-") for name in one["instruments"])
    api = daemon.ask("GET", "/api/status?feed=deribit").json
    assert api.keys() == whole.keys() | {"websocket_connected"} and api["websocket_connected"] is True
    problem(daemon.ask("GET", "/status?connection=x"), 400)
    problem(daemon.ask("GET", "/status?feed=nasdaq"), 404)


def test_older_subscribe(daemon):
    name = sorted(instruments_of(daemon))[11]
    answer = daemon.ask("POST", "/unsubscribe", {"instruments": [name]})
    assert answer.status == 200 and answer.json == {"status": "ok", "unsubscribed_count": 1}
    answer = daemon.ask("POST", "/subscribe", {"instruments": [name]})
    assert answer.status == 200 and answer.json == {"status": "ok", "subscribed_count": 1}
    answer = daemon.ask("POST", "/subscribe", {"instruments": ["BTC-NOTHING"]}).json
    assert answer["subscribed_count"] == 0 and answer["rejected"]


# ---- stop and start ----

def test_a_stopped_feed_is_a_gap_with_its_cause_and_starts_again(daemon, simulator):
    answer = daemon.ask("POST", "/v1/streaming/stop", {"feeds": ["deribit"]})
    assert answer.status == 200 and "feeds" in answer.json
    daemon.wait_status(lambda s: s["feeds"][0]["state"] == "stopped", "stopped")
    until(lambda: not simulator.connections(), "the venue has no connection any more")
    assert daemon.ask("POST", "/v1/streaming/stop").status == 200  # again: nothing changes
    assert daemon.ask("GET", "/readyz").status == 200  # what is stopped on purpose is not counted
    seen = daemon.feed()["messages"]
    assert daemon.ask("POST", "/v1/streaming/start").status == 200
    daemon.wait_connected()
    assert daemon.ask("POST", "/v1/streaming/start").status == 200
    until(lambda: daemon.feed()["messages"] > seen, "messages again")

    def gap():
        return daemon.sql("SELECT started_us, ended_us FROM stream_gaps WHERE cause = 'stopped'"
                          " AND ended_us IS NOT NULL")
    (row,) = until(gap, "one row of stream_gaps with cause stopped")
    assert row[0] < row[1]


# ---- HTTP ----

@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1"])
def test_a_foreign_host_is_refused(daemon, host):
    answer = daemon.ask("GET", "/v1/streaming/status", headers={"Host": host})
    assert answer.status in (403, 421), answer


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8080"])
def test_loopback_by_any_name_and_port_is_served(daemon, host):
    assert daemon.ask("GET", "/livez", headers={"Host": host}).status == 200


def test_a_foreign_origin_cannot_change_anything(daemon):
    answer = daemon.ask("POST", "/v1/streaming/stop", {}, headers={"Origin": "http://evil.example"})
    assert answer.status in (403, 421), answer
    assert daemon.feed()["state"] == "connected"


def test_two_requests_in_one_packet_get_two_answers_in_order(daemon):
    text = exchange(daemon.port, b"GET /v1/coverage HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    first, second = text.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200") and b'"coverage"' in first
    assert second.startswith(b"200") and b'"alive"' in second


def test_a_request_that_is_none_is_refused(daemon):
    assert exchange(daemon.port, b"NONSENSE\r\n\r\n").split(b" ")[1] in (b"400", b"501")
    assert exchange(daemon.port, b"GET / HTTP/1.1\r\nno header\r\n\r\n").split(b" ")[1] == b"400"
    head = exchange(daemon.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n")
    assert head == b"" or head.split(b" ")[1] in (b"400", b"431"), head[:200]
    assert daemon.ask("GET", "/livez").status == 200


def test_the_simulator_still_answers(simulator):
    assert ask(simulator.port, "GET", "/api/v2/public/test").status == 200


def test_it_stops_in_order(daemon, simulator):
    """Last in this file: exit code 0, the venue's connections closed by a close frame."""
    daemon.stop()
    until(lambda: not simulator.connections(), "no connection is left")
    assert "everything is stored" in daemon.log()
