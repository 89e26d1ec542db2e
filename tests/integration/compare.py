"""Ledger against store: whether they agree, as design section 11 defines it.

What is stored of a connection is what was sent on it up to some message, without a hole, each once, every
field equal. What lies behind that message is permitted only on connections that were cut (or whose client
was killed), lies within a row of stream_gaps, and holds no trade (each trade of the market is stored, once)
and no book change that a later snapshot does not cover.

The two databases are attached to one session and joined by (instrument, event time) and every field. What is
kept of a message is some numbers in arrays: a million messages take seconds, thirty millions fit in memory.
"""
import sqlite3
from array import array
from collections import Counter
from itertools import groupby

SIDES = "bid_price bid_amount ask_price ask_amount".split()
TICKER = ("state mark_price mark_iv bid_iv ask_iv bid_price bid_amount ask_price ask_amount last_price"
          " underlying_price underlying_index index_price interest_rate open_interest volume delta gamma"
          " theta vega rho settlement_price delivery_price min_price max_price current_funding"
          " funding_8h").split()
BOOK = "change_id prev_change_id is_snapshot side price amount".split()
TRADE = ("event_us trade_id price amount contracts direction iv mark_price index_price tick_direction"
         " liquidation block_trade_id combo_id").split()

# kind: the ledger's table, the store's and its index by instrument and time, the name's columns, the fields
STREAMS = {
    "quote": ("sent_quotes", "option_quotes_base", "option_quotes_instrument", "instrument", SIDES),
    "ticker": ("sent_tickers", "tickers_base", "tickers_instrument", "instrument", TICKER),
    "book": ("sent_books", "books_base", "books_instrument", "instrument", BOOK),
    "index": ("sent_index_prices", "index_prices", "index_prices_index", "index", ["price"]),
}


class Verdict:
    def __init__(self):
        self.problems = []
        self.counts = Counter()
        self.tails = {}  # of each connection that was cut: messages and bytes behind the last stored one

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


class Comparison:
    def __init__(self, ledger, store):
        self.db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
        self.db.execute("ATTACH ? AS store", (f"file:{store}?mode=ro",))
        self.db.execute("PRAGMA temp_store = MEMORY")
        for name in ("main", "store"):
            self.db.execute(f"PRAGMA {name}.cache_size = -131072")
            self.db.execute(f"PRAGMA {name}.mmap_size = 4294967296")
        self.db.execute("CREATE TEMP TABLE instrument (instrument_name TEXT PRIMARY KEY, instrument_id INTEGER)"
                        " WITHOUT ROWID")
        self.db.execute("INSERT INTO instrument SELECT instrument_name, instrument_id FROM store.instrument_metadata")
        self.verdict = Verdict()
        (last,) = self.rows("SELECT coalesce(max(seq), 0) FROM sent").fetchone()
        self.stored = array("I", bytes(4 * (last + 1)))  # rows of each message that were found in the store
        self.ambiguous = []             # messages with equal rows, of which fewer are stored than were sent

    def rows(self, query, *parameters):
        return self.db.execute(query, parameters)

    # ---- one kind: what was sent, what is stored ----

    def pairs(self, sent, stored, index, name, fields):
        """(message, its item, row) for each row of the store that equals a row of the ledger."""
        item = "s.item" if sent == "sent_books" else "0"
        equal = " AND ".join(f"t.{field} IS s.{field}" for field in fields)
        if name == "instrument":
            join, key = "CROSS JOIN temp.instrument AS n ON n.instrument_name = s.instrument_name", (
                "t.instrument_id = n.instrument_id")
        else:
            join, key = "", "t.index_name = s.index_name"
        return self.rows(f"SELECT s.seq, {item}, t.rowid FROM main.{sent} AS s {join}"
                         f" CROSS JOIN store.{stored} AS t INDEXED BY {index}"
                         f" ON {key} AND t.event_us = s.event_us AND {equal}")

    def stream(self, kind):
        sent, stored, index, name, fields = STREAMS[kind]
        condition = "WHERE side IS NOT NULL" if kind == "book" else ""  # else an empty snapshot
        (last,) = self.rows(f"SELECT coalesce(max(rowid), 0) FROM store.{stored}").fetchone()
        taken = bytearray(last + 1)
        seqs, items, rows = array("Q"), array("I"), array("Q")
        for seq, item, row in self.pairs(sent, stored, index, name, fields):
            seqs.append(seq)
            items.append(item)
            rows.append(row)
            taken[row] = min(taken[row] + 1, 2)
        self.assign(kind, seqs, items, rows, taken)
        (count,) = self.rows(f"SELECT count(*) FROM store.{stored} {condition}").fetchone()
        if count != len(taken) - taken.count(0):
            for (row,) in self.rows(f"SELECT rowid FROM store.{stored} {condition}"):
                if taken[row] == 0:
                    self.unequal(kind, stored, row)
        self.verdict.counts[f"stored {kind} rows"] = count
        (count,) = self.rows(f"SELECT count(*) FROM main.{sent}").fetchone()
        self.verdict.counts[f"sent {kind} rows"] = count

    def assign(self, kind, seqs, items, rows, taken):
        """To each message its rows. The pairs come in the ledger's order: those of an item are neighbours."""
        alike = {}
        for (seq, _), group in groupby(zip(seqs, items, rows), key=lambda pair: pair[:2]):
            found = [row for _, _, row in group]
            if len(found) == 1 and taken[found[0]] == 1:
                self.stored[seq] += 1
            else:  # equal rows, of equal messages
                alike.setdefault(tuple(sorted(found)), []).append(seq)
        for found, claims in alike.items():
            if len(found) < len(claims):
                self.ambiguous.append((claims, len(found)))
                continue
            for seq in claims:
                self.stored[seq] += 1
            if len(found) > len(claims):
                self.verdict.fault("repeated", f"{kind} {claims} is stored {len(found)} times,"
                                               f" sent {len(claims)} times")

    def unequal(self, kind, stored, row):
        sent, _, _, name, fields = STREAMS[kind]
        columns = ", ".join(fields)
        what = self.rows(f"SELECT event_us, {columns} FROM store.{stored} WHERE rowid = ?", row).fetchone()
        near = []
        if name == "instrument" and self.verdict.counts["unequal"] < 5:
            near = self.rows(
                f"SELECT instrument_name, event_us, {columns} FROM main.{sent} WHERE event_us = ? AND instrument_name"
                f" = (SELECT instrument_name FROM store.instrument_metadata JOIN store.{stored} AS t"
                "      USING (instrument_id) WHERE t.rowid = ?)", what[0], row).fetchall()
        self.verdict.fault("unequal", f"{kind} {what} is stored, sent was {near or 'nothing like it'}")

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
        """What explains a missing message. Rows that speak of trades only, or of a book, explain nothing else."""
        return self.rows("SELECT started_us, ended_us FROM store.stream_gaps WHERE cause NOT IN"
                         " ('trade_seq', 'change_id')").fetchall()

    def snapshots(self):
        """The newest stored snapshot's change_id of each instrument."""
        return dict(self.rows("SELECT instrument_name, max(change_id) FROM store.books WHERE is_snapshot"
                              " GROUP BY instrument_name"))

    def is_explained(self, gaps, event_us):
        return any(started is not None and ended is not None and started <= event_us <= ended
                   for started, ended in gaps)

    def last_stored(self):
        """The number of the last message of each connection of which something is stored."""
        last = {}
        for connection, number, seq in self.rows("SELECT connection, number_on_connection, seq FROM main.sent"):
            self.verdict.counts["messages"] += 1
            if self.stored[seq] > 0 and number > last.get(connection, 0):
                last[connection] = number
        return last

    def settle(self, last, may_be_cut):
        """Rows that two messages can claim go first to the one that must be stored."""
        for seqs, count in self.ambiguous:
            places = [self.rows("SELECT connection, number_on_connection, seq, kind = 'repeat' FROM main.sent"
                                " WHERE seq = ?", seq).fetchone() for seq in seqs]
            places.sort(key=lambda place: place[3] or (place[0] in may_be_cut and
                                                       place[1] > last.get(place[0], 0)))
            for connection, number, seq, _ in places[:count]:
                self.stored[seq] += 1
                last[connection] = max(number, last.get(connection, 0))

    def torn(self):
        for seq, name, items in self.rows("SELECT seq, instrument_name, items FROM main.sent WHERE kind = 'book'"):
            if 0 < self.stored[seq] < items:
                self.verdict.fault("torn", f"book of {name}: {self.stored[seq]} of {items} rows are stored")

    def tails(self, last, may_be_cut):
        self.db.execute("CREATE TEMP TABLE last (connection INTEGER PRIMARY KEY, number INTEGER)")
        self.db.executemany("INSERT INTO last VALUES (?, ?)", last.items())
        for connection, messages, size in self.rows(
                "SELECT connection, count(*), sum(bytes) FROM main.sent LEFT JOIN temp.last USING (connection)"
                " WHERE number_on_connection > coalesce(last.number, 0) GROUP BY connection"):
            if connection in may_be_cut:
                self.verdict.tails[connection] = (messages, size)

    def renewals(self):
        """When a book that had lost its thread waited for a snapshot, by instrument."""
        found = {}
        for name, started, ended in self.rows("SELECT instrument_name, started_us, ended_us FROM store.stream_gaps"
                                              " WHERE cause = 'change_id'"):
            found.setdefault(name, []).append((started, ended if ended is not None else 1 << 62))
        return found

    def connections(self, may_be_cut):
        last = self.last_stored()
        self.settle(last, may_be_cut)
        self.torn()
        self.tails(last, may_be_cut)
        gaps, snapshots, renewals, cut = self.gaps(), self.snapshots(), self.renewals(), {}
        unstored = [(seq,) for seq in range(1, len(self.stored)) if self.stored[seq] == 0]
        self.db.execute("CREATE TEMP TABLE unstored (seq INTEGER PRIMARY KEY)")
        self.db.executemany("INSERT INTO unstored VALUES (?)", unstored)
        for connection, number, kind, name, event_us, change_id, opened_us in self.rows(
                "SELECT connection, number_on_connection, kind, instrument_name, event_us,"
                " (SELECT max(change_id) FROM main.sent_books AS b WHERE b.seq = sent.seq),"
                " (SELECT opened_us FROM main.connections AS c WHERE c.connection = sent.connection)"
                " FROM temp.unstored JOIN main.sent USING (seq)"
                " WHERE kind NOT IN ('trade', 'replay', 'repeat') AND items > 0"):
            if kind == "book" and self.is_explained(renewals.get(name, ()), event_us):
                self.verdict.counts["book changes before a renewal"] += 1
                if snapshots.get(name, -1) < change_id:
                    self.verdict.fault("uncovered", f"book of {name} at {event_us}: no later snapshot is stored")
                continue
            what = f"connection {connection}, message {number}: {kind} of {name} at {event_us}"
            if number < last.get(connection, 0):
                self.verdict.fault("hole", f"{what}, and {last[connection]} is stored")
            elif connection not in may_be_cut:
                self.verdict.fault("missing", f"{what}, though the connection was closed in order")
            else:
                cut[connection] = cut.get(connection, 0) + 1
                # A first message tells of a time before the connection, of which this one missed nothing.
                if not self.is_explained(gaps, max(event_us, opened_us)):
                    self.verdict.fault("unexplained", f"{what} lies in no row of stream_gaps")
                if kind == "book" and snapshots.get(name, -1) < change_id:
                    self.verdict.fault("uncovered", f"{what}: no later snapshot is stored")
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
