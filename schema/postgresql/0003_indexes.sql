-- Indexes. The tables that grow have one tree each, by instrument and time, since a tree is three quarters of
-- what a row costs; by time alone there is the day's partition and within it a block range index, which costs
-- next to nothing on rows that come in the order of time.

CREATE UNIQUE INDEX instrument_metadata_name ON instrument_metadata (instrument_name, exchange);
CREATE INDEX instrument_metadata_currency ON instrument_metadata (currency, is_active);
CREATE INDEX instrument_metadata_expiration ON instrument_metadata (expiration_timestamp);
CREATE INDEX instrument_metadata_active ON instrument_metadata (is_active, last_seen);
CREATE INDEX instrument_metadata_expired ON instrument_metadata (expired_at);

CREATE INDEX option_quotes_instrument ON option_quotes_base (instrument_id, event_time);
CREATE INDEX option_quotes_time ON option_quotes_base USING brin (event_time) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX option_trades_instrument ON option_trades_base (instrument_id, event_time);
CREATE INDEX option_trades_time ON option_trades_base (event_time);
-- A unique index of a table cut by time must hold its time.
CREATE UNIQUE INDEX option_trades_seq ON option_trades_base (instrument_id, trade_seq, event_time);
CREATE UNIQUE INDEX option_trades_id ON option_trades_base (instrument_id, trade_id, event_time)
	WHERE trade_seq IS NULL AND trade_id IS NOT NULL;
CREATE INDEX tickers_instrument ON tickers_base (instrument_id, event_time);
CREATE INDEX tickers_time ON tickers_base USING brin (event_time) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX books_instrument ON books_base (instrument_id, event_time);
CREATE INDEX books_time ON books_base USING brin (event_time) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX candles_instrument ON candles_base (instrument_id, event_time);
CREATE INDEX index_prices_index ON index_prices (index_name, event_time);
CREATE INDEX greek_snapshots_instrument ON greek_snapshots_base (instrument_id, event_time);

CREATE INDEX trades_time ON trades (executed_at);
CREATE INDEX trades_contract ON trades (contract, executed_at);

CREATE INDEX lifecycle_events_time ON lifecycle_events (event_time);
CREATE INDEX lifecycle_events_type ON lifecycle_events (event_type, event_time);
CREATE INDEX lifecycle_events_instrument ON lifecycle_events (instrument_name, event_time);

CREATE UNIQUE INDEX stream_gaps_gap ON stream_gaps (coalesce(feed, ''), coalesce(instrument_name, ''),
	coalesce(channel, ''), coalesce(started_at, timestamptz '1970-01-01 00:00:00Z'), cause);
CREATE INDEX stream_gaps_time ON stream_gaps (started_at);
CREATE INDEX rejected_records_time ON rejected_records (rejected_at);
