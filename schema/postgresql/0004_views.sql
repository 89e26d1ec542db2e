-- The views people query: the instrument's name in place of its number.

CREATE VIEW option_quotes AS SELECT q.event_time, q.received_at, m.instrument_name, q.bid_price, q.bid_amount,
	q.ask_price, q.ask_amount, m.exchange
FROM option_quotes_base AS q JOIN instrument_metadata AS m USING (instrument_id);
COMMENT ON VIEW option_quotes IS 'Best bid and ask, of every kind of instrument (the name is the older one); an empty side is NULL';

CREATE VIEW option_trades AS SELECT t.event_time, t.received_at, m.instrument_name, t.trade_id, t.trade_seq, t.price,
	t.amount, t.contracts, t.direction, t.iv, t.mark_price, t.index_price, t.tick_direction, t.liquidation,
	t.block_trade_id, t.combo_id, t.refilled, m.exchange
FROM option_trades_base AS t JOIN instrument_metadata AS m USING (instrument_id);
COMMENT ON VIEW option_trades IS 'Public trades, of every kind of instrument (the name is the older one); each once';

CREATE VIEW tickers AS SELECT t.event_time, t.received_at, m.instrument_name, t.state, t.mark_price, t.mark_iv,
	t.bid_iv, t.ask_iv, t.bid_price, t.bid_amount, t.ask_price, t.ask_amount, t.last_price, t.underlying_price,
	t.underlying_index, t.index_price, t.interest_rate, t.open_interest, t.volume, t.delta, t.gamma, t.theta, t.vega,
	t.rho, t.settlement_price, t.delivery_price, t.min_price, t.max_price, t.current_funding, t.funding_8h, m.exchange
FROM tickers_base AS t JOIN instrument_metadata AS m USING (instrument_id);
COMMENT ON VIEW tickers IS 'Mark price, iv, greeks, open interest: what a venue says of one instrument at one instant';

CREATE VIEW books AS SELECT b.event_time, b.received_at, m.instrument_name, b.change_id, b.prev_change_id,
	b.is_snapshot, b.side, b.price, b.amount, m.exchange
FROM books_base AS b JOIN instrument_metadata AS m USING (instrument_id);
COMMENT ON VIEW books IS 'Order books: one row a level; what one message changed has one change_id';

CREATE VIEW candles AS SELECT c.event_time, c.received_at, m.instrument_name, c.resolution_s, c.open, c.high, c.low,
	c.close, c.volume, c.cost, m.exchange
FROM candles_base AS c JOIN instrument_metadata AS m USING (instrument_id);
COMMENT ON VIEW candles IS 'Bars; event_time is the start';

CREATE VIEW greek_snapshots AS SELECT s.received_at, s.event_time, m.exchange AS broker, NULL::text AS account,
	m.instrument_name AS contract, coalesce(m.base_currency, m.underlying, nullif(m.currency, '')) AS underlying,
	m.strike, (to_timestamp(m.expiration_timestamp / 1000.0) AT TIME ZONE 'UTC')::date AS expiry, m.option_type,
	NULL::double precision AS position, s.delta, s.gamma, s.theta, s.vega, s.rho, s.mark_iv AS iv,
	s.bid_price AS bid, s.ask_price AS ask, s.mark_price AS mark, s.underlying_price, NULL::timestamptz AS persisted_at
FROM tickers_base AS s JOIN instrument_metadata AS m USING (instrument_id)
WHERE m.kind = 'option'
UNION ALL SELECT s.received_at, s.event_time, m.exchange, s.account,
	m.instrument_name, coalesce(m.base_currency, m.underlying, nullif(m.currency, '')),
	m.strike, (to_timestamp(m.expiration_timestamp / 1000.0) AT TIME ZONE 'UTC')::date, m.option_type,
	s.position, s.delta, s.gamma, s.theta, s.vega, s.rho, s.iv,
	s.bid, s.ask, s.mark, s.underlying_price, s.persisted_at
FROM greek_snapshots_base AS s JOIN instrument_metadata AS m USING (instrument_id);
COMMENT ON VIEW greek_snapshots IS 'Greeks in time: of the venues'' tickers (options; no account, no position) and of brokers'' positions';

-- The older names, in the older shape: by currency, options only, iv in percent.
CREATE VIEW btc_option_quotes AS SELECT q.event_time AS timestamp, m.instrument_name AS instrument, m.instrument_name,
	q.bid_price AS best_bid_price, q.bid_amount AS best_bid_amount, q.ask_price AS best_ask_price,
	q.ask_amount AS best_ask_amount
FROM option_quotes_base AS q JOIN instrument_metadata AS m USING (instrument_id)
WHERE m.currency = 'BTC' AND m.kind = 'option';
COMMENT ON VIEW btc_option_quotes IS 'option_quotes of BTC options, in the older shape';

CREATE VIEW eth_option_quotes AS SELECT q.event_time AS timestamp, m.instrument_name AS instrument, m.instrument_name,
	q.bid_price AS best_bid_price, q.bid_amount AS best_bid_amount, q.ask_price AS best_ask_price,
	q.ask_amount AS best_ask_amount
FROM option_quotes_base AS q JOIN instrument_metadata AS m USING (instrument_id)
WHERE m.currency = 'ETH' AND m.kind = 'option';
COMMENT ON VIEW eth_option_quotes IS 'option_quotes of ETH options, in the older shape';

CREATE VIEW btc_option_trades AS SELECT t.event_time AS timestamp, m.instrument_name AS instrument, m.instrument_name,
	t.trade_id, t.price, t.amount, t.direction, round((t.iv * 100)::numeric, 10)::double precision AS iv, t.index_price
FROM option_trades_base AS t JOIN instrument_metadata AS m USING (instrument_id)
WHERE m.currency = 'BTC' AND m.kind = 'option';
COMMENT ON VIEW btc_option_trades IS 'option_trades of BTC options, in the older shape: iv in percent';

CREATE VIEW eth_option_trades AS SELECT t.event_time AS timestamp, m.instrument_name AS instrument, m.instrument_name,
	t.trade_id, t.price, t.amount, t.direction, round((t.iv * 100)::numeric, 10)::double precision AS iv, t.index_price
FROM option_trades_base AS t JOIN instrument_metadata AS m USING (instrument_id)
WHERE m.currency = 'ETH' AND m.kind = 'option';
COMMENT ON VIEW eth_option_trades IS 'option_trades of ETH options, in the older shape: iv in percent';

-- A view's column says what the table's says; where the name differs, this does.
DO $$
DECLARE
	found record;
BEGIN
	FOR found IN
		WITH words (view_name, column_name, says) AS (VALUES
			('greek_snapshots', 'broker', 'the venue or broker'),
			('greek_snapshots', 'contract', 'the instrument''s name'),
			('greek_snapshots', 'expiry', 'date, UTC'),
			('', 'timestamp', 'time: the venue''s'),
			('', 'instrument', 'the venue''s name, by its older name'),
			('', 'best_bid_price', 'in price_currency'),
			('', 'best_bid_amount', 'in the venue''s amount unit'),
			('', 'best_ask_price', 'in price_currency'),
			('', 'best_ask_amount', 'in the venue''s amount unit'),
			('btc_option_trades', 'iv', 'annualised percent: 65 is 65 %'),
			('eth_option_trades', 'iv', 'annualised percent: 65 is 65 %')),
		views AS (SELECT c.oid, c.relname, a.attname, a.attnum,
				CASE WHEN c.relname ~ '^(btc|eth)_' THEN substr(c.relname::text, 5) ELSE c.relname::text END || '_base' AS base
			FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
			WHERE c.relkind = 'v' AND c.relnamespace = to_regnamespace(quote_ident(current_schema())))
		SELECT v.relname, v.attname, coalesce(
			(SELECT says FROM words WHERE view_name = v.relname AND column_name = v.attname),
			(SELECT col_description(b.attrelid, b.attnum) FROM pg_attribute AS b
				WHERE b.attrelid = to_regclass(v.base) AND b.attname = v.attname),
			(SELECT col_description(b.attrelid, b.attnum) FROM pg_attribute AS b
				WHERE b.attrelid = to_regclass('instrument_metadata') AND b.attname = v.attname),
			(SELECT says FROM words WHERE view_name = '' AND column_name = v.attname)) AS says
		FROM views AS v
		WHERE v.relname = ANY (ARRAY['option_quotes', 'option_trades', 'tickers', 'books', 'candles', 'greek_snapshots',
			'btc_option_quotes', 'btc_option_trades', 'eth_option_quotes', 'eth_option_trades'])
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', found.relname, found.attname, found.says);
	END LOOP;
END $$;
