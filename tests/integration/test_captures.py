"""Real messages of the venue, served over a socket, end up in the store field for field.

The simulator replays them; what each column must hold is computed here from the captured text alone, by the
rules of design sections 4 and 9, without a line of the program's own code.
"""
import json
import re
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from compare import BOOK, SIDES, TICKER, TRADE
from harness import SOURCE, until

SHARED = SOURCE.parent / "shared" / "captures" / "deribit"
COPIES = SOURCE / "plugins" / "deribit" / "fixtures"
SESSIONS = ["cryptofeed_2021-04-05_options_raw", "cryptofeed_2021-04-17_options_raw",
            "cryptofeed_2021-07-22_options_raw"]
KINDS = ["option", "future", "option_combo", "future_combo"]
CONTRACT_SIZE = {"option": 1.0, "future": 10.0}


# ---- captures ----

def load(*names):
    """The notifications of the first of these files that is there, as (text, message)."""
    for name in names:
        for path in (SHARED / name, COPIES / name):
            if path.exists():
                text = path.read_text()
                lines = text.splitlines() if path.suffix == ".ndjson" else [json.dumps(json.loads(text))]
                found = [(line, json.loads(line)) for line in lines if line.strip()]
                return [(line, m) for line, m in found if m.get("method") == "subscription"]
    pytest.skip(f"no {names[0]} in {SHARED}: the captures are not part of the source")


def load_all(pattern):
    paths = sorted(SHARED.glob(pattern))
    if not paths:
        pytest.skip(f"no {pattern} in {SHARED}: these captures may not be copied into the source")
    return [entry for path in paths for entry in load(str(path.relative_to(SHARED)))]


def kind_of(name):
    if re.search(r"-[CP]$", name):
        return "option"
    if re.match(r"^[A-Z_]+-(PERPETUAL|\d{1,2}[A-Z]{3}\d\d)$", name):
        return "future"
    return "future_combo" if "-FS-" in name else "option_combo"


def expiry_of(name):
    """08:00 UTC of the day in the name, in ms; none in a perpetual's."""
    found = re.search(r"-(\d{1,2}[A-Z]{3}\d\d)[-_]?", name)
    if not found:
        return None
    day = datetime.strptime(found.group(1), "%d%b%y").replace(hour=8, tzinfo=timezone.utc)
    return int(day.timestamp() * 1000)


def listing(names, forever=()):
    """What get_instruments would have said of them on that day."""
    result = []
    for name in sorted(names):
        kind, base = kind_of(name), re.split("[-_]", name)[0]
        is_linear = "_USDC" in name.split("-")[0]
        row = {"instrument_name": name, "kind": kind, "base_currency": base, "is_active": True,
               "quote_currency": "USDC" if is_linear else "USD",
               "settlement_currency": "USDC" if is_linear else base, "tick_size": 0.0005,
               "contract_size": CONTRACT_SIZE.get(kind, 1.0), "min_trade_amount": 0.1,
               "creation_timestamp": 1500000000000,
               "settlement_period": "perpetual" if "PERPETUAL" in name else "month"}
        expiry = None if name in forever else expiry_of(name)
        row["expiration_timestamp"] = expiry if expiry else 32503708800000
        if kind == "option":
            row["option_type"] = "call" if name.endswith("C") else "put"
            row["strike"] = float(name.split("-")[2].replace("d", "."))
        result.append(row)
    return result


def names_of(messages):
    found = set()
    for _, message in messages:
        data = message["params"]["data"]
        for row in data if isinstance(data, list) else [data]:
            if "instrument_name" in row:
                found.add(row["instrument_name"])
        channel = message["params"]["channel"].split(".")
        if channel[0] == "perpetual":
            found.add(channel[1])
    return found


def bridged(messages):
    """A book change whose predecessor was not captured gets one made up: an empty book with its change_id,
    else the feed must (rightly) take it for a gap. Expected of the store as any other message."""
    last, result = {}, []
    for text, message in messages:
        channel, data = message["params"]["channel"], message["params"]["data"]
        is_window = channel.count(".") > 2
        if channel.startswith("book.") and not is_window:
            name, prev = data["instrument_name"], data.get("prev_change_id")
            is_snapshot = data.get("type") == "snapshot" or not prev
            if not is_snapshot and last.get(name) != prev:
                before = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": {
                    "timestamp": data["timestamp"] - 1, "instrument_name": name, "change_id": prev,
                    "bids": [["new", 1.0, 1.0]], "asks": []}}}
                result.append((json.dumps(before), before))
            last[name] = data["change_id"]
        result.append((text, message))
    return result


# ---- what the store must hold ----

def sides(data):
    """An empty side (no price, or 0 without amount) is absent altogether."""
    result = []
    for side in ("bid", "ask"):
        price, amount = data.get(f"best_{side}_price"), data.get(f"best_{side}_amount")
        is_empty = price is None or (price == 0 and not amount)
        result += [None, None] if is_empty else [price, amount]
    return result


def percent(value):
    return None if value is None else value / 100


STATES = {"open": "open", "closed": "closed", None: None}


def ticker_row(data):
    row = dict.fromkeys(TICKER)
    row.update({name: data.get(name) for name in TICKER if not isinstance(data.get(name), dict)})
    row.update(zip(SIDES, sides(data)))
    row.update({name: data.get("greeks", {}).get(name) for name in ("delta", "gamma", "theta", "vega", "rho")})
    row["state"] = STATES[data.get("state")]
    row["volume"] = data["stats"]["volume"]
    row["mark_iv"] = percent(data.get("mark_iv"))
    for side in ("bid", "ask"):
        # The iv of an empty side is 0 on the wire, which says nothing.
        iv = percent(data.get(f"{side}_iv"))
        row[f"{side}_iv"] = None if iv == 0 and row[f"{side}_price"] is None else iv
    return row


def book_rows(channel, data):
    is_window = channel.count(".") > 2
    prev = data.get("prev_change_id")
    is_snapshot = int(is_window or data.get("type") == "snapshot" or not prev)
    for side in ("bid", "ask"):
        for level in data[side + "s"]:
            price, amount = level if is_window else level[1:]
            yield {"change_id": data["change_id"], "prev_change_id": prev, "is_snapshot": is_snapshot,
                   "side": side, "price": price, "amount": amount}


def trade_row(data):
    return {"event_us": data["timestamp"] * 1000, "trade_id": data["trade_id"], "price": data["price"],
            "amount": data["amount"],
            "contracts": data.get("contracts",
                                  data["amount"] / CONTRACT_SIZE.get(kind_of(data["instrument_name"]), 1.0)),
            "direction": data["direction"], "iv": percent(data.get("iv")), "mark_price": data.get("mark_price"),
            "index_price": data.get("index_price"), "tick_direction": data.get("tick_direction"),
            "liquidation": data.get("liquidation"), "block_trade_id": data.get("block_trade_id"),
            "combo_id": data.get("combo_id")}


def expected(messages):
    """Rows by table, as multisets."""
    tables = {name: Counter() for name in ("tickers", "option_quotes", "option_trades", "books", "index_prices")}

    def add(table, name, event_ms, fields, row):
        tables[table][(name, event_ms * 1000, *(row[field] for field in fields))] += 1

    for _, message in messages:
        channel, data = message["params"]["channel"], message["params"]["data"]
        kind = channel.split(".")[0]
        if kind == "ticker":
            add("tickers", data["instrument_name"], data["timestamp"], TICKER, ticker_row(data))
        elif kind == "quote":
            add("option_quotes", data["instrument_name"], data["timestamp"], SIDES, dict(zip(SIDES, sides(data))))
        elif kind == "book":
            for row in book_rows(channel, data):
                add("books", data["instrument_name"], data["timestamp"], BOOK, row)
        elif kind == "trades":
            for row in data:
                tables["option_trades"][(row["instrument_name"], row["trade_seq"],
                                         *(trade_row(row)[field] for field in TRADE))] += 1
        elif kind == "deribit_price_index":
            add("index_prices", data["index_name"], data["timestamp"], ["price"], data)
        elif kind == "markprice":  # here, and only here, iv is a fraction
            for row in data:
                add("tickers", row["instrument_name"], row["timestamp"], TICKER,
                    {**dict.fromkeys(TICKER), "mark_price": row["mark_price"], "mark_iv": row["iv"]})
        elif kind == "perpetual":
            add("tickers", channel.split(".")[1], data["timestamp"], TICKER,
                {**dict.fromkeys(TICKER), "current_funding": data["interest"], "index_price": data["index_price"]})
    return tables


def stored(daemon):
    queries = {
        "tickers": f"SELECT instrument_name, event_us, {', '.join(TICKER)} FROM tickers",
        "option_quotes": f"SELECT instrument_name, event_us, {', '.join(SIDES)} FROM option_quotes",
        "option_trades": f"SELECT instrument_name, trade_seq, {', '.join(TRADE)} FROM option_trades",
        "books": f"SELECT instrument_name, event_us, {', '.join(BOOK)} FROM books WHERE side IS NOT NULL",
        "index_prices": "SELECT index_name, event_us, price FROM index_prices"}
    return {table: Counter(daemon.sql(query)) for table, query in queries.items()}


# ---- replay ----

def replay(world, messages, channels, to_all, forever=(), currencies=("BTC", "ETH"), feed=None):
    """Plays the messages to a feed that follows all their instruments; returns the daemon, stopped."""
    names = names_of(messages)
    simulator = world.simulator(ledger="", btc_options=0, eth_options=0, futures=0)
    simulator.ask("POST", "/sim/instruments", {"jsonrpc": "2.0", "result": listing(names, forever)})
    body = "\n".join(text for text, _ in messages).encode()
    # Channels that are only named in lines it has loaded are acknowledged too: of the capture, of combos.
    interval = channels[0].split(".")[1]
    named = [json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": {
        "channel": f"trades.{kind}.{currency}.{interval}", "data": []}}) for kind in KINDS for currency in currencies]
    simulator.ask("POST", "/sim/replay?hold=1", "\n".join(named).encode() + b"\n" + body)
    daemon = world.daemon(simulator, feed={
        "currencies": list(currencies), "kinds": KINDS,
        "channels": channels, "api_key": "any", "api_secret": "secret", **(feed or {})}).start()
    daemon.wait_connected(instruments=len(names))
    answer = simulator.ask("POST", "/sim/replay?speed=max" + ("&to=all" if to_all else ""), body)
    assert answer["lines"] == len(messages)
    status = until(lambda: (s := simulator.status()["replay"])["played"] == len(messages) and s, "all played")
    assert status["unsubscribed"] == 0 and status["ignored"] == 0, status
    wanted = {table: sum(rows.values()) for table, rows in expected(messages).items()}
    # What is missed is said below, row by row; here it must only have had its time.
    try:
        until(lambda: all(sum(rows.values()) >= wanted[table] for table, rows in stored(daemon).items()),
              f"{wanted} rows", 20)
    except AssertionError:
        pass
    daemon.stop()
    return daemon


def check(daemon, messages, least):
    want, have = expected(messages), stored(daemon)
    for table, rows in want.items():
        assert sum(rows.values()) >= least.get(table, 0), f"the capture has not enough for {table}"
        missing, extra = rows - have[table], have[table] - rows
        assert not missing and not extra, (
            f"{table}: {sum(missing.values())} rows missing, {sum(extra.values())} not expected\n"
            + "\n".join(f"  missing  {row}" for row in list(missing)[:5])
            + "\n".join(f"\n  stored   {row}" for row in list(extra)[:5]))
    assert daemon.sql("SELECT count(*) FROM rejected_records") == [(0,)]


def test_captured_option_sessions_end_up_field_for_field(world):
    """All 454 option tickers and every book change of three real sessions, by their own channels."""
    messages = [entry for name in SESSIONS
                for entry in load(f"ws/{name}.wire.ndjson")]
    daemon = replay(world, messages, ["ticker.raw", "book.raw", "trades.raw"], to_all=False)
    assert sum(m["params"]["channel"].startswith("ticker.") for _, m in messages) == 454
    check(daemon, messages, {"tickers": 454, "books": 638})
    assert daemon.sql("SELECT count(*) FROM tickers WHERE received_us IS NULL OR received_us < event_us") == [(0,)]
    assert daemon.sql("SELECT count(*) FROM stream_gaps WHERE cause = 'change_id'") == [(0,)]


def test_what_a_session_listed_is_in_instrument_metadata(world):
    """A real get_instruments response, column for column."""
    for path in (SHARED / "rest", COPIES / "rest"):
        if (path / "get_instruments_BTC_2021-07-22.json").exists():
            break
    else:
        pytest.skip("no get_instruments_BTC_2021-07-22.json: the captures are not part of the source")
    text = (path / "get_instruments_BTC_2021-07-22.json").read_text()
    rows = {row["instrument_name"]: row for row in json.loads(text)["result"]}
    simulator = world.simulator(ledger="", btc_options=0, eth_options=0, futures=0)
    simulator.ask("POST", "/sim/instruments", text.encode())
    daemon = world.daemon(simulator, feed={"currencies": ["BTC"], "kinds": ["option", "future"]}).start()
    daemon.wait_connected(instruments=len(rows))
    until(lambda: daemon.count("instrument_metadata") >= len(rows), "all stored")
    daemon.stop()
    columns = ("instrument_name, exchange, currency, kind, strike, option_type, expiration_timestamp,"
               " creation_timestamp, is_active, tick_size, contract_size, base_currency, quote_currency,"
               " expired_at")
    found = {row[0]: row for row in daemon.sql(f"SELECT {columns} FROM instrument_metadata WHERE kind IS NOT NULL"
                                              " AND tick_size IS NOT NULL")}
    assert found.keys() == rows.keys()
    for name, row in rows.items():
        is_perpetual = row.get("settlement_period") == "perpetual"
        assert found[name] == (
            name, "deribit", "BTC", "perpetual" if is_perpetual else row["kind"], row.get("strike"),
            row.get("option_type"), None if is_perpetual else row["expiration_timestamp"],
            row["creation_timestamp"], int(row["is_active"]), row["tick_size"], row["contract_size"],
            row["base_currency"], row["quote_currency"], None), name


def test_other_captured_notifications_end_up_field_for_field(world):
    """Trades with liquidations, quotes, combos with negative prices, "expired", a fractional strike."""
    messages = bridged(load("tardis/ws_messages.ndjson"))
    # This one was captured 48 ms after its option expired: listed without an end, or the feed would drop it.
    forever = ["BTC-8JUN20-8750-P"]
    assert any(m["params"]["data"].get("estimated_delivery_price") == "expired" for _, m in messages
               if isinstance(m["params"]["data"], dict))
    daemon = replay(world, messages, ["ticker.raw", "book.raw", "trades.raw", "quote"], to_all=True,
                    forever=forever, currencies=["BTC", "ETH", "USDC"])
    check(daemon, messages, {"tickers": 10, "option_quotes": 1, "option_trades": 4, "books": 10})


def test_captured_test_net_notifications_end_up_field_for_field(world):
    """Index prices, mark prices of a chain, funding of a perpetual, a window of a book."""
    messages = bridged(load("kyber/ws_messages.ndjson", "ws/kyber_2022-09.wire.ndjson"))
    daemon = replay(world, messages, ["ticker.100ms", "book.100ms", "trades.100ms", "quote", "index", "markprice",
                                      "perpetual.100ms"], to_all=True)
    check(daemon, messages, {"tickers": 4, "option_quotes": 1, "option_trades": 1, "index_prices": 1, "books": 10})


def test_recent_captured_notifications_end_up_field_for_field(world):
    messages = bridged(load_all("nautilus/ws_*.json"))
    daemon = replay(world, messages, ["ticker.100ms", "book.100ms", "trades.100ms", "quote"], to_all=True)
    check(daemon, messages, {"tickers": 1, "option_quotes": 1, "option_trades": 3, "books": 20})
