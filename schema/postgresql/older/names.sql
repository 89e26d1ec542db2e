-- A database of the older collectors has tables of our names. `feedloom migrate` runs this file before each
-- of its neighbours here, all in one transaction:
--   find.sql       what is in the way, and what --adopt would make of it; before the first migration
--   rename.sql     --adopt, before the migrations
--   take_over.sql  --adopt, behind them
--   restore.sql    --unadopt

-- What the migrations make, but functions and partitions; a test compares.
CREATE TEMPORARY TABLE feedloom_names ON COMMIT DROP AS SELECT * FROM (VALUES
	('instrument_metadata', 'table'), ('option_quotes_base', 'table'), ('option_trades_base', 'table'),
	('tickers_base', 'table'), ('books_base', 'table'), ('candles_base', 'table'), ('index_prices', 'table'),
	('greek_snapshots_base', 'table'), ('trades', 'table'), ('lifecycle_events', 'table'), ('stream_gaps', 'table'),
	('rejected_records', 'table'), ('feedloom_cursor', 'table'),
	('option_quotes', 'view'), ('option_trades', 'view'), ('tickers', 'view'), ('books', 'view'), ('candles', 'view'),
	('greek_snapshots', 'view'), ('btc_option_quotes', 'view'), ('eth_option_quotes', 'view'),
	('btc_option_trades', 'view'), ('eth_option_trades', 'view'),
	('instrument_metadata_name', 'index'), ('instrument_metadata_currency', 'index'),
	('instrument_metadata_expiration', 'index'), ('instrument_metadata_active', 'index'),
	('instrument_metadata_expired', 'index'), ('option_quotes_instrument', 'index'), ('option_quotes_time', 'index'),
	('option_trades_instrument', 'index'), ('option_trades_time', 'index'), ('option_trades_seq', 'index'),
	('option_trades_id', 'index'), ('tickers_instrument', 'index'), ('tickers_time', 'index'),
	('books_instrument', 'index'), ('books_time', 'index'), ('candles_instrument', 'index'),
	('index_prices_index', 'index'), ('greek_snapshots_instrument', 'index'), ('trades_time', 'index'),
	('trades_contract', 'index'), ('lifecycle_events_time', 'index'), ('lifecycle_events_type', 'index'),
	('lifecycle_events_instrument', 'index'), ('stream_gaps_gap', 'index'), ('stream_gaps_time', 'index'),
	('rejected_records_time', 'index')) AS n (name, kind);
