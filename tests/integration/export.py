"""What a PostgreSQL store holds, as an SQLite store of the same shape: so that one comparison judges both."""
import sqlite3
from pathlib import Path

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "sqlite"
TABLES = ("instrument_metadata option_quotes_base tickers_base option_trades_base books_base candles_base"
          " index_prices greek_snapshots_base trades lifecycle_events stream_gaps rejected_records").split()
# SQLite keeps times as numbers under another name.
US = {"event_time": "event_us", "received_at": "received_us", "persisted_at": "persisted_us",
      "executed_at": "executed_us", "started_at": "started_us", "ended_at": "ended_us", "filled_at": "filled_us",
      "rejected_at": "rejected_us", "listed_at": "listed_us", "last_seen": "last_seen_us",
      "expired_at": "expired_us"}


def columns(db, table):
    return [name for _, name, _, _, _, _ in db.execute(f"PRAGMA table_info({table})")]


def select_list(names):
    out = []
    for name in names:
        of = next((pg for pg, lite in US.items() if lite == name), None)
        if of is not None:
            out.append(f"(extract(epoch FROM {of}) * 1000000)::bigint")
        elif name in ("is_snapshot", "refilled", "is_active", "success"):
            out.append(f"{name}::int")
        elif name == "strike":
            out.append("strike::float8")
        elif name in ("metadata", "expiry"):
            out.append(f"{name}::text")
        else:
            out.append(name)
    return ", ".join(out)


def export(server, path, database="feedloom"):
    """Writes the file `path` anew and returns it."""
    path = Path(path)
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    for file in sorted(SCHEMA.glob("*.sql")):
        db.executescript(file.read_text())
    db.execute("PRAGMA synchronous = OFF")
    with server.connect(database) as connection:
        for table in TABLES:
            names = columns(db, table)
            db.execute("BEGIN")
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {select_list(names)} FROM {table}")
                marks = ", ".join("?" * len(names))
                while rows := cursor.fetchmany(20000):
                    db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
            db.execute("COMMIT")
    db.close()
    return path
