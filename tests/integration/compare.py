"""Ledger against store: whether they agree, as design section 11 defines it.

What is stored of a connection is what was sent on it up to some message, without a hole, each once, every
field equal. What lies behind that message is permitted only on connections that were cut (or whose client
was killed), lies within a row of stream_gaps, and holds no trade (each trade of the market is stored, once)
and no book change that a later snapshot does not cover.

Both sides are read in order, by (instrument, event time), and merged: a million messages take seconds.
"""
import sqlite3
from collections import Counter
from itertools import groupby
from operator import itemgetter

SIDES = "bid_price bid_amount ask_price ask_amount".split()
TICKER = ("state mark_price mark_iv bid_iv ask_iv bid_price bid_amount ask_price ask_amount last_price"
          " underlying_price underlying_index index_price interest_rate open_interest volume delta gamma"
          " theta vega rho settlement_price delivery_price min_price max_price current_funding"
          " funding_8h").split()
BOOK = "change_id prev_change_id is_snapshot side price amount".split()
TRADE = ("event_us trade_id price amount contracts direction iv mark_price index_price tick_direction"
         " liquidation block_trade_id combo_id").split()

# kind: the ledger's table, the store's, the name's column, the fields
STREAMS = {
    "quote": ("sent_quotes", "store.option_quotes", "instrument_name", SIDES),
    "ticker": ("sent_tickers", "store.tickers", "instrument_name", TICKER),
    # An empty snapshot is a row without side in the store, none in the ledger.
    "book": ("sent_books", "(SELECT * FROM store.books WHERE side IS NOT NULL)", "instrument_name", BOOK),
    "index": ("sent_index_prices", "store.index_prices", "index_name", ["price"]),
}


class Verdict:
    def __init__(self):
        self.problems = []
        self.counts = Counter()
        self.cut = {}  # connection: messages behind the last stored one

    def fault(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= 5:
            self.problems.append(f"{kind}: {text}")

    def check(self):
        kinds = {text.split(":", 1)[0] for text in self.problems}
        assert not self.problems, "ledger and store do not agree:\n" + "\n".join(
            self.problems + [f"{kind}: {self.counts[kind]} in all" for kind in sorted(kinds)])

    def __str__(self):
        return ", ".join(f"{kind} {count}" for kind, count in sorted(self.counts.items()))


def groups(rows):
    """Rows of (name, event_us, ...), in that order, by those two; then an end beyond all names."""
    for key, group in groupby(rows, itemgetter(0, 1)):
        yield key, list(group)
    yield ("\U0010ffff", 0), []


class Comparison:
    def __init__(self, ledger, store):
        self.db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
        self.db.execute("ATTACH ? AS store", (f"file:{store}?mode=ro",))
        self.db.execute("PRAGMA temp_store = MEMORY")
        self.db.execute("PRAGMA cache_size = -65536")
        self.verdict = Verdict()
        (last,) = self.db.execute("SELECT coalesce(max(seq), 0) FROM sent").fetchone()
        self.stored = [0] * (last + 1)  # rows of each message that were found in the store
        self.ambiguous = []             # messages with equal rows, of which fewer are stored than were sent

    def rows(self, query, *parameters):
        return self.db.execute(query, parameters)

    # ---- one kind: what was sent, what is stored ----

    def match(self, key, sent, stored):
        """Rows of one instrument and instant, sent against stored: as often as equal."""
        if len(sent) == 1 and len(stored) == 1 and sent[0][2:-1] == stored[0][2:]:
            self.stored[sent[0][-1]] += 1
            return
        left = Counter(row[2:] for row in stored)
        by_fields = {}
        for row in sent:
            by_fields.setdefault(row[2:-1], []).append(row[-1])
        for fields, seqs in by_fields.items():
            count = left.pop(fields, 0)
            if 0 < count < len(seqs):  # the same was sent on two connections: whose is it?
                self.ambiguous.append((seqs, count))
                continue
            for seq in seqs[:count]:
                self.stored[seq] += 1
            if count > len(seqs):
                self.verdict.fault("repeated", f"{key} {fields} is stored {count} times, sent {len(seqs)} times")
        for fields in left:
            self.verdict.fault("unequal", f"{key} {fields} is stored, sent was {list(by_fields) or 'nothing'}")

    def stream(self, kind):
        table, view, name, fields = STREAMS[kind]
        columns = ", ".join(fields)
        order = "seq, item" if kind == "book" else "seq"
        sent = groups(self.rows(
            f"SELECT {name}, event_us, {columns}, seq FROM main.{table} ORDER BY {name}, event_us, {order}"))
        stored = groups(self.rows(
            f"SELECT {name}, event_us, {columns} FROM {view} ORDER BY {name}, event_us"))
        (sent_key, sent_rows), (stored_key, stored_rows) = next(sent), next(stored)
        while sent_rows or stored_rows:
            if sent_key == stored_key:
                self.match(sent_key, sent_rows, stored_rows)
            elif sent_key > stored_key:
                self.match(stored_key, [], stored_rows)
            if sent_key <= stored_key:
                self.verdict.counts[f"sent {kind} rows"] += len(sent_rows)
                next_sent = next(sent)
            else:
                next_sent = (sent_key, sent_rows)
            if stored_key <= sent_key:
                self.verdict.counts[f"stored {kind} rows"] += len(stored_rows)
                stored_key, stored_rows = next(stored)
            sent_key, sent_rows = next_sent

    # ---- trades: of the market, however they came ----

    def begin_of_trades(self):
        """When the first trade was sent on each channel of trades: from then on the feed follows it."""
        found = {}
        for channel, event_us in self.rows(
                "SELECT channel, min(event_us) FROM main.sent WHERE kind = 'trade' GROUP BY channel"):
            kind, currency = channel.split(".")[1:3]
            assert kind == "option", f"the comparison knows trades of options only, not {channel}"
            found[currency] = min(event_us, found.get(currency, event_us))
        return found

    def trades(self):
        columns = ", ".join(TRADE)
        begin = self.begin_of_trades()
        happened = {(row[0], row[1]): row[2:] for row in self.rows(
            f"SELECT instrument_name, trade_seq, {columns} FROM main.market_trades"
            " WHERE instrument_name LIKE '%-C' OR instrument_name LIKE '%-P'")}
        streamed = Counter()
        for row in self.rows(f"SELECT instrument_name, trade_seq, {columns}, refilled FROM store.option_trades"):
            key, fields, refilled = (row[0], row[1]), row[2:-1], row[-1]
            self.verdict.counts["stored trades, refilled" if refilled else "stored trades"] += 1
            streamed[key] += not refilled
            if key not in happened:
                self.verdict.fault("unequal", f"trade {key} is stored twice, or never happened: {fields}")
            elif happened.pop(key) != fields:
                self.verdict.fault("unequal", f"trade {key} is stored as {fields}")
        for (name, seq), fields in happened.items():
            event_us = fields[0]
            if event_us >= begin.get(name.split("-")[0], 1 << 62):
                self.verdict.fault("missing trade", f"{name} {seq} of {event_us}")
        # A trade that a refill brought first says nothing of its connection: not of the prefix.
        for seq, name, trade_seq in self.rows("SELECT seq, instrument_name, trade_seq FROM main.sent_trades"):
            self.stored[seq] += streamed[(name, trade_seq)] > 0

    # ---- connections: a prefix, and what may lie behind it ----

    def gaps(self):
        return self.rows("SELECT started_us, ended_us FROM store.stream_gaps").fetchall()

    def snapshots(self):
        """The newest stored snapshot's change_id of each instrument."""
        return dict(self.rows("SELECT instrument_name, max(change_id) FROM store.books WHERE is_snapshot"
                              " GROUP BY instrument_name"))

    def is_explained(self, gaps, event_us):
        return any(started is not None and ended is not None and started <= event_us <= ended
                   for started, ended in gaps)

    def settle(self, messages, last, may_be_cut):
        """Rows that two messages can claim go first to the one that must be stored."""
        place = {message[2]: message for message in messages} if self.ambiguous else {}

        def may_be_missing(seq):
            connection, number = place[seq][:2]
            return connection in may_be_cut and number > last.get(connection, 0)
        for seqs, count in self.ambiguous:
            for seq in sorted(seqs, key=may_be_missing)[:count]:
                self.stored[seq] += 1
                connection, number = place[seq][:2]
                last[connection] = max(number, last.get(connection, 0))

    def connections(self, may_be_cut):
        gaps, snapshots, cut = self.gaps(), None, {}
        last = {}
        messages = self.rows("SELECT connection, number_on_connection, seq, kind, instrument_name, event_us,"
                             " items FROM main.sent ORDER BY connection, number_on_connection").fetchall()
        for connection, number, seq, kind, name, event_us, items in messages:
            self.verdict.counts["messages"] += 1
            if self.stored[seq] > 0:
                last[connection] = number
        self.settle(messages, last, may_be_cut)
        for connection, number, seq, kind, name, event_us, items in messages:
            if 0 < self.stored[seq] < items and kind != "trade":
                self.verdict.fault("torn", f"{kind} of {name}: {self.stored[seq]} of {items} rows are stored")
            if self.stored[seq] > 0 or items == 0 or kind in ("trade", "replay"):
                continue
            what = f"connection {connection}, message {number}: {kind} of {name} at {event_us}"
            if number < last.get(connection, 0):
                self.verdict.fault("hole", f"{what}, and {last[connection]} is stored")
            elif connection not in may_be_cut:
                self.verdict.fault("missing", f"{what}, though the connection was closed in order")
            else:
                cut[connection] = cut.get(connection, 0) + 1
                if not self.is_explained(gaps, event_us):
                    self.verdict.fault("unexplained", f"{what} lies in no row of stream_gaps")
                if kind == "book":
                    snapshots = snapshots if snapshots is not None else self.snapshots()
                    (change_id,) = self.rows("SELECT max(change_id) FROM main.sent_books WHERE seq = ?",
                                             seq).fetchone() or (0,)
                    if change_id is not None and snapshots.get(name, -1) < change_id:
                        self.verdict.fault("uncovered", f"{what}: no later snapshot is stored")
        self.verdict.cut = cut
        self.verdict.counts["cut off"] = sum(cut.values())


def compare(ledger, store, may_be_cut=()):
    """The verdict over all that a simulator with `ledger` sent to the one daemon with `store`."""
    comparison = Comparison(ledger, store)
    for kind in STREAMS:
        comparison.stream(kind)
    comparison.trades()
    comparison.connections(set(may_be_cut))
    comparison.db.close()
    return comparison.verdict
