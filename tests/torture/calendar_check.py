"""The store's lifecycle events and instrument_metadata against the simulator's own calendar."""
import sqlite3

SECOND_US = 1_000_000


def attach(daemon, simulator):
    store = sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True, timeout=60)
    store.execute("ATTACH ? AS ledger", (f"file:{simulator.ledger}?mode=ro",))
    return store


def count(store, type_):
    return f"""(SELECT count(*) FROM lifecycle_events AS e WHERE e.instrument_name = c.instrument_name
               AND e.event_type = '{type_}')"""


def last(store, type_):
    return f"""(SELECT max(event_us) FROM lifecycle_events AS e WHERE e.instrument_name = c.instrument_name
               AND e.event_type = '{type_}')"""


def check(store, until_us, buffer_s, late_s):
    """Everything until `until_us`; events may be `late_s` seconds late. Returns what was listed and expired."""
    def none(what, condition):
        found = store.execute("SELECT instrument_name, listed_us, expires_us FROM ledger.calendar AS c WHERE kind = 'option'"
                              f" AND listed_us < {until_us - late_s * SECOND_US} AND ({condition}) LIMIT 5").fetchall()
        assert not found, f"{what}: {found}"

    over = f"c.expires_us < {until_us - late_s * SECOND_US}"
    late = late_s * SECOND_US
    none("not listed exactly once", count(store, "instrument_listed") + " <> 1")
    none("not subscribed exactly once", count(store, "subscription_added") + " <> 1")
    none("expired, not told exactly once", f"{over} AND {count(store, 'instrument_expired')} <> 1")
    none("told as expired too early", f"c.expires_us > {until_us} AND {count(store, 'instrument_expired')} <> 0")
    none("an expiry told late", f"{over} AND {last(store, 'instrument_expired')} NOT BETWEEN c.expires_us AND c.expires_us + {late}")
    none("left late", f"{over} AND ({count(store, 'subscription_removed')} <> 1 OR {last(store, 'subscription_removed')} > "
                      f"c.expires_us - {buffer_s * SECOND_US} + {late})")
    wrong = store.execute(f"""
        SELECT c.instrument_name, m.is_active, m.expired_us FROM ledger.calendar AS c
        LEFT JOIN instrument_metadata AS m USING (instrument_name)
        WHERE c.kind = 'option' AND c.listed_us < {until_us - late} AND (m.instrument_name IS NULL OR
        (m.is_active <> (c.expires_us > {until_us}) AND abs(c.expires_us - {until_us}) > {late}) OR
        m.expiration_timestamp * 1000 <> c.expires_us OR m.strike <> c.strike OR m.tick_size <> c.tick_size OR
        m.contract_size <> c.contract_size OR m.currency <> c.currency) LIMIT 5""").fetchall()
    assert not wrong, f"rows that are not as the calendar has them: {wrong}"
    quotes = store.execute(f"""
        SELECT m.instrument_name, q.event_us FROM option_quotes_base AS q JOIN instrument_metadata AS m USING (instrument_id)
        WHERE m.kind = 'option' AND (q.event_us >= m.expiration_timestamp * 1000 OR
        q.event_us > m.expiration_timestamp * 1000 - {buffer_s * SECOND_US} + {late}) LIMIT 5""").fetchall()
    assert not quotes, f"quotes of the settlement period: {quotes}"
    listed, = store.execute("SELECT count(*) FROM ledger.calendar WHERE kind = 'option'").fetchone()
    expired, = store.execute(f"SELECT count(*) FROM ledger.calendar AS c WHERE kind = 'option' AND {over}").fetchone()
    return listed, expired


def refreshes(store, from_us, until_us, every_s=300):
    """sync_completed by currency, those that were due by the clock."""
    rows = store.execute(f"""
        SELECT currency, count(*) FROM lifecycle_events WHERE event_type = 'sync_completed' AND reason = 'scheduled' AND success
        AND event_us BETWEEN {from_us} AND {until_us} GROUP BY 1""").fetchall()
    due = until_us // (every_s * SECOND_US) - from_us // (every_s * SECOND_US)
    return dict(rows), due


def is_balanced(feed):
    """Within 10 % of each other; a connection that has just been opened takes a moment to be filled."""
    sizes = [c["instruments"] for c in feed["connections"]]
    return max(sizes) - min(sizes) <= 1 or max(sizes) <= 1.1 * min(sizes)
