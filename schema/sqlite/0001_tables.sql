-- The store in SQLite: the tables. Sinks apply these files at start, `feedloom migrate` does as well.
--
-- Names and columns are those of every feedloom store (PostgreSQL, TimescaleDB); SQLite differs in this:
--   times       INTEGER microseconds since 1970, UTC: event_us, received_us, ... Order and filter by them;
--               beside them stands the same as RFC 3339 text with Z (event_time, received_at, ...), which is
--               made when it is read and takes no room
--   JSON        text
--   iv, rates   fractions: 0.65 is 65 %
--   absent      NULL, never 0
--
-- The NAME_base tables hold an instrument's number in place of its name; the views of 0002 put the name
-- back. They keep SQLite's own row number as key: rows are appended at the end of the table, and only the
-- two small indexes are touched in many places. WITHOUT ROWID would put whole rows in the place of the
-- index by instrument, which then splits three times as often, has a larger working set than the page cache,
-- and carries its long key into every other index.

-- Instruments: what each venue says of them, and what is known from their names alone.
CREATE TABLE instrument_metadata (
	instrument_id INTEGER PRIMARY KEY, -- given out by the store at first sight
	exchange TEXT NOT NULL DEFAULT 'deribit', -- the venue
	instrument_name TEXT NOT NULL, -- the venue's name, unique with exchange
	currency TEXT NOT NULL DEFAULT '', -- the one asked of the venue
	kind TEXT NOT NULL DEFAULT 'option', -- option, future, perpetual, spot, option_combo, future_combo, stock, index, unknown
	strike NUMERIC DEFAULT NULL, -- in the counter currency
	option_type TEXT DEFAULT NULL, -- call, put
	expiration_timestamp INTEGER DEFAULT NULL, -- ms since 1970, NULL: never
	creation_timestamp INTEGER DEFAULT NULL, -- ms since 1970
	is_active INTEGER NOT NULL DEFAULT 1, -- 1: the venue lists it as tradable
	listed_us INTEGER DEFAULT NULL, -- us since 1970: the venue first listed it to us
	last_seen_us INTEGER DEFAULT NULL, -- us since 1970: the venue last listed it to us
	expired_us INTEGER DEFAULT NULL, -- us since 1970: found no longer active past its expiry
	tick_size REAL DEFAULT NULL, -- in price_currency
	contract_size REAL DEFAULT NULL, -- amount units a contract
	base_currency TEXT DEFAULT NULL,
	quote_currency TEXT DEFAULT NULL,
	settlement_currency TEXT DEFAULT NULL,
	price_currency TEXT DEFAULT NULL, -- of the prices stored here
	underlying TEXT DEFAULT NULL, -- the price index or the underlying's symbol
	min_trade_amount REAL DEFAULT NULL, -- in amount units
	listed_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', listed_us / 1000000, 'unixepoch') || printf('.%06dZ', listed_us % 1000000)),
	last_seen TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', last_seen_us / 1000000, 'unixepoch') || printf('.%06dZ', last_seen_us % 1000000)),
	expired_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', expired_us / 1000000, 'unixepoch') || printf('.%06dZ', expired_us % 1000000)),
	UNIQUE (instrument_name, exchange)
);
CREATE INDEX instrument_metadata_currency ON instrument_metadata (currency, is_active);
CREATE INDEX instrument_metadata_expiration ON instrument_metadata (expiration_timestamp);
CREATE INDEX instrument_metadata_active ON instrument_metadata (is_active, last_seen_us);
CREATE INDEX instrument_metadata_expired ON instrument_metadata (expired_us);

-- Best bid and ask, of every kind of instrument. An empty side is NULL.
CREATE TABLE option_quotes_base (
	instrument_id INTEGER NOT NULL REFERENCES instrument_metadata (instrument_id),
	event_us INTEGER NOT NULL, -- us since 1970: the venue's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	bid_price REAL, -- in price_currency
	bid_amount REAL, -- in the venue's amount unit
	ask_price REAL, -- in price_currency
	ask_amount REAL -- in the venue's amount unit
);
CREATE INDEX option_quotes_instrument ON option_quotes_base (instrument_id, event_us);
CREATE INDEX option_quotes_time ON option_quotes_base (event_us);

-- Public trades, of every kind of instrument; each once.
CREATE TABLE option_trades_base (
	instrument_id INTEGER NOT NULL REFERENCES instrument_metadata (instrument_id),
	event_us INTEGER NOT NULL, -- us since 1970: the venue's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	trade_id TEXT, -- the venue's
	trade_seq INTEGER, -- the venue's counter of this instrument
	price REAL, -- in price_currency
	amount REAL, -- in the venue's amount unit
	contracts REAL, -- amount / contract_size
	direction TEXT, -- of the taker: buy, sell
	iv REAL, -- annualised fraction
	mark_price REAL, -- in price_currency
	index_price REAL, -- in the index's currency
	tick_direction INTEGER, -- 0 plus, 1 zero-plus, 2 minus, 3 zero-minus
	liquidation TEXT, -- who was liquidated: M maker, T taker, MT both
	block_trade_id TEXT,
	combo_id TEXT, -- the combo whose leg this is
	refilled INTEGER NOT NULL DEFAULT 0 -- 1: asked for after a gap, not streamed
);
CREATE INDEX option_trades_instrument ON option_trades_base (instrument_id, event_us);
CREATE INDEX option_trades_time ON option_trades_base (event_us);
CREATE UNIQUE INDEX option_trades_seq ON option_trades_base (instrument_id, trade_seq, event_us) WHERE trade_seq IS NOT NULL;
CREATE UNIQUE INDEX option_trades_id ON option_trades_base (instrument_id, trade_id) WHERE trade_seq IS NULL AND trade_id IS NOT NULL;

-- What a venue says of one instrument at one instant.
CREATE TABLE tickers_base (
	instrument_id INTEGER NOT NULL REFERENCES instrument_metadata (instrument_id),
	event_us INTEGER NOT NULL, -- us since 1970: the venue's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	state TEXT, -- listed, open, settlement, closed, removed, suspended
	mark_price REAL, -- in price_currency
	mark_iv REAL, -- annualised fraction, as bid_iv and ask_iv
	bid_iv REAL,
	ask_iv REAL,
	bid_price REAL, -- in price_currency
	bid_amount REAL, -- in the venue's amount unit
	ask_price REAL, -- in price_currency
	ask_amount REAL, -- in the venue's amount unit
	last_price REAL, -- in price_currency
	underlying_price REAL, -- the forward that iv refers to, in the counter currency
	underlying_index TEXT, -- its name
	index_price REAL, -- in the index's currency
	interest_rate REAL, -- fraction a year
	open_interest REAL, -- in the venue's amount unit
	volume REAL, -- 24 h, base currency
	delta REAL, -- per unit of the underlying
	gamma REAL, -- delta per unit of price
	theta REAL, -- per calendar day
	vega REAL, -- per volatility point (0.01 of iv)
	rho REAL, -- per rate point (0.01)
	settlement_price REAL, -- in price_currency
	delivery_price REAL, -- in the index's currency
	min_price REAL, -- in price_currency
	max_price REAL, -- in price_currency
	current_funding REAL, -- fraction per 8 h; perpetuals
	funding_8h REAL -- fraction per 8 h; perpetuals
);
CREATE INDEX tickers_instrument ON tickers_base (instrument_id, event_us);
CREATE INDEX tickers_time ON tickers_base (event_us);

-- Order books: one row a level; what one message changed has one change_id.
CREATE TABLE books_base (
	instrument_id INTEGER NOT NULL REFERENCES instrument_metadata (instrument_id),
	event_us INTEGER NOT NULL, -- us since 1970: the venue's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	change_id INTEGER,
	prev_change_id INTEGER,
	is_snapshot INTEGER NOT NULL, -- 1: replaces the book
	side TEXT, -- bid, ask; NULL: an empty snapshot
	price REAL, -- in price_currency
	amount REAL -- in the venue's amount unit; 0 takes the level out
);
CREATE INDEX books_instrument ON books_base (instrument_id, event_us);
CREATE INDEX books_time ON books_base (event_us);

-- Bars; event_us is the start.
CREATE TABLE candles_base (
	instrument_id INTEGER NOT NULL REFERENCES instrument_metadata (instrument_id),
	event_us INTEGER NOT NULL, -- us since 1970: the bar's start
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	resolution_s INTEGER, -- seconds
	open REAL, -- in price_currency, as high, low and close
	high REAL,
	low REAL,
	close REAL,
	volume REAL, -- base currency
	cost REAL -- quote currency
);
CREATE INDEX candles_instrument ON candles_base (instrument_id, event_us);
CREATE INDEX candles_time ON candles_base (event_us);

-- Index prices, by the index's name.
CREATE TABLE index_prices (
	event_us INTEGER NOT NULL, -- us since 1970: the venue's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	index_name TEXT NOT NULL, -- btc_usd, ...
	price REAL, -- in the index's currency
	event_time TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', event_us / 1000000, 'unixepoch') || printf('.%06dZ', event_us % 1000000)),
	received_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', received_us / 1000000, 'unixepoch') || printf('.%06dZ', received_us % 1000000))
);
CREATE INDEX index_prices_index ON index_prices (index_name, event_us);
CREATE INDEX index_prices_time ON index_prices (event_us);

-- Greeks of brokers' positions. The view greek_snapshots adds those of the venues' tickers.
CREATE TABLE greek_snapshots_base (
	instrument_id INTEGER NOT NULL REFERENCES instrument_metadata (instrument_id),
	event_us INTEGER NOT NULL, -- us since 1970: the broker's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	account TEXT,
	position REAL, -- contracts, short negative
	delta REAL, -- per unit of the underlying
	gamma REAL, -- delta per unit of price
	theta REAL, -- per calendar day
	vega REAL, -- per volatility point (0.01 of iv)
	rho REAL, -- per rate point (0.01)
	iv REAL, -- annualised fraction
	bid REAL, -- in price_currency, as ask and mark
	ask REAL,
	mark REAL,
	underlying_price REAL, -- in the counter currency
	persisted_us INTEGER -- us since 1970: when its batch went
);
CREATE INDEX greek_snapshots_instrument ON greek_snapshots_base (instrument_id, event_us);
CREATE INDEX greek_snapshots_time ON greek_snapshots_base (event_us);

-- Fills of accounts; each once.
CREATE TABLE trades (
	executed_us INTEGER NOT NULL, -- us since 1970: the broker's time
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	broker TEXT NOT NULL, -- the venue
	account TEXT NOT NULL,
	execution_id TEXT NOT NULL, -- the broker's
	order_id TEXT,
	contract TEXT, -- the instrument's name
	underlying TEXT,
	strike NUMERIC, -- in the counter currency
	expiry TEXT, -- date, YYYY-MM-DD
	option_type TEXT, -- call, put
	side TEXT, -- buy, sell
	quantity REAL, -- contracts
	price REAL, -- in currency
	multiplier REAL, -- units of the underlying a contract
	commission REAL, -- in currency
	fees REAL, -- in currency
	currency TEXT,
	persisted_us INTEGER, -- us since 1970: when its batch went
	executed_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', executed_us / 1000000, 'unixepoch') || printf('.%06dZ', executed_us % 1000000)),
	received_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', received_us / 1000000, 'unixepoch') || printf('.%06dZ', received_us % 1000000)),
	persisted_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', persisted_us / 1000000, 'unixepoch') || printf('.%06dZ', persisted_us % 1000000)),
	UNIQUE (broker, account, execution_id)
);
CREATE INDEX trades_time ON trades (executed_us);
CREATE INDEX trades_contract ON trades (contract, executed_us);

-- Events in the life of instruments and feeds.
CREATE TABLE lifecycle_events (
	event_us INTEGER NOT NULL, -- us since 1970
	event_type TEXT NOT NULL, -- instrument_listed, subscription_added, stream_degraded, ...
	currency TEXT,
	instrument_name TEXT,
	connection_id INTEGER,
	reason TEXT,
	success INTEGER, -- 1, 0
	metadata TEXT, -- JSON
	feed TEXT, -- the instance that told it: a feed, a sink
	event_time TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', event_us / 1000000, 'unixepoch') || printf('.%06dZ', event_us % 1000000)),
	timestamp TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', event_us / 1000000, 'unixepoch') || printf('.%06dZ', event_us % 1000000)) -- event_time, by its older name
);
CREATE INDEX lifecycle_events_time ON lifecycle_events (event_us);
CREATE INDEX lifecycle_events_type ON lifecycle_events (event_type, event_us);
CREATE INDEX lifecycle_events_instrument ON lifecycle_events (instrument_name, event_us);

-- Holes in a stream: what was or may have been missed. One told again (ended, filled) is still one row.
CREATE TABLE stream_gaps (
	feed TEXT, -- NULL: every feed
	instrument_name TEXT, -- NULL: every instrument of the feed
	channel TEXT, -- NULL: every channel
	started_us INTEGER, -- us since 1970, NULL: not known
	ended_us INTEGER, -- us since 1970, NULL: not known, or not ended
	first_seq INTEGER, -- trade_seq or change_id
	last_seq INTEGER,
	cause TEXT NOT NULL, -- disconnect, stopped, process, trade_seq, journal_full, ...
	filled_us INTEGER, -- us since 1970, NULL: not filled
	detail TEXT,
	started_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', started_us / 1000000, 'unixepoch') || printf('.%06dZ', started_us % 1000000)),
	ended_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', ended_us / 1000000, 'unixepoch') || printf('.%06dZ', ended_us % 1000000)),
	filled_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', filled_us / 1000000, 'unixepoch') || printf('.%06dZ', filled_us % 1000000))
);
CREATE UNIQUE INDEX stream_gaps_gap ON stream_gaps (ifnull(feed, ''), ifnull(instrument_name, ''), ifnull(channel, ''), ifnull(started_us, 0), cause);
CREATE INDEX stream_gaps_time ON stream_gaps (started_us);

-- Records that a table refused for their content. Their position finds them in the journal as long as it
-- keeps them: `feedloom journal dump`.
CREATE TABLE rejected_records (
	rejected_us INTEGER NOT NULL, -- us since 1970: when its batch went
	event_us INTEGER, -- us since 1970: the record's, NULL: it has none
	received_us INTEGER, -- us since 1970: when its bytes left the socket
	sink TEXT NOT NULL,
	stream TEXT NOT NULL,
	journal_id INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	position INTEGER NOT NULL, -- the record's number in the journal
	feed TEXT,
	instrument_name TEXT,
	kind TEXT NOT NULL, -- quote, ticker, trade, ...
	table_name TEXT NOT NULL,
	reason TEXT NOT NULL, -- the database's words
	event_time TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', event_us / 1000000, 'unixepoch') || printf('.%06dZ', event_us % 1000000)),
	received_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', received_us / 1000000, 'unixepoch') || printf('.%06dZ', received_us % 1000000)),
	rejected_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', rejected_us / 1000000, 'unixepoch') || printf('.%06dZ', rejected_us % 1000000)),
	UNIQUE (sink, stream, journal_id, generation, position)
);
CREATE INDEX rejected_records_time ON rejected_records (rejected_us);

-- How far each stream of a sink has stored the journal. Moved by the first statement of a batch's
-- transaction, so that no record is stored twice.
CREATE TABLE feedloom_cursor (
	sink TEXT NOT NULL, -- the instance's name
	stream TEXT NOT NULL,
	journal_id INTEGER NOT NULL DEFAULT 0, -- drawn when the journal was created
	generation INTEGER NOT NULL DEFAULT 0, -- rises each time the journal is opened
	position INTEGER NOT NULL DEFAULT 0, -- the number of the last record that is stored
	counts TEXT NOT NULL DEFAULT '{}', -- JSON by kind: stored, repeated, rejected, dropped since the journal began
	updated_us INTEGER, -- us since 1970
	updated_at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', updated_us / 1000000, 'unixepoch') || printf('.%06dZ', updated_us % 1000000)),
	PRIMARY KEY (sink, stream)
) WITHOUT ROWID;
