-- The store in SQLite: the views people query. `event_time` and `received_at` are text; order and filter by
-- event_us and received_us, which have the indexes.

-- Best bid and ask, of every kind of instrument (the name is the older one).
CREATE VIEW option_quotes AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', q.event_us / 1000000, 'unixepoch') || printf('.%06dZ', q.event_us % 1000000) AS event_time,
	strftime('%Y-%m-%dT%H:%M:%S', q.received_us / 1000000, 'unixepoch') || printf('.%06dZ', q.received_us % 1000000) AS received_at,
	q.event_us AS event_us,
	q.received_us AS received_us,
	m.instrument_name AS instrument_name,
	q.bid_price AS bid_price,
	q.bid_amount AS bid_amount,
	q.ask_price AS ask_price,
	q.ask_amount AS ask_amount,
	m.exchange AS exchange
FROM option_quotes_base AS q JOIN instrument_metadata AS m ON m.instrument_id = q.instrument_id;

-- Public trades, of every kind of instrument.
CREATE VIEW option_trades AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', t.event_us / 1000000, 'unixepoch') || printf('.%06dZ', t.event_us % 1000000) AS event_time,
	strftime('%Y-%m-%dT%H:%M:%S', t.received_us / 1000000, 'unixepoch') || printf('.%06dZ', t.received_us % 1000000) AS received_at,
	t.event_us AS event_us,
	t.received_us AS received_us,
	m.instrument_name AS instrument_name,
	t.trade_id AS trade_id,
	t.trade_seq AS trade_seq,
	t.price AS price,
	t.amount AS amount,
	t.contracts AS contracts,
	t.direction AS direction,
	t.iv AS iv,
	t.mark_price AS mark_price,
	t.index_price AS index_price,
	t.tick_direction AS tick_direction,
	t.liquidation AS liquidation,
	t.block_trade_id AS block_trade_id,
	t.combo_id AS combo_id,
	t.refilled AS refilled,
	m.exchange AS exchange
FROM option_trades_base AS t JOIN instrument_metadata AS m ON m.instrument_id = t.instrument_id;

-- Mark price, iv, greeks, open interest.
CREATE VIEW tickers AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', t.event_us / 1000000, 'unixepoch') || printf('.%06dZ', t.event_us % 1000000) AS event_time,
	strftime('%Y-%m-%dT%H:%M:%S', t.received_us / 1000000, 'unixepoch') || printf('.%06dZ', t.received_us % 1000000) AS received_at,
	t.event_us AS event_us,
	t.received_us AS received_us,
	m.instrument_name AS instrument_name,
	t.state AS state,
	t.mark_price AS mark_price,
	t.mark_iv AS mark_iv,
	t.bid_iv AS bid_iv,
	t.ask_iv AS ask_iv,
	t.bid_price AS bid_price,
	t.bid_amount AS bid_amount,
	t.ask_price AS ask_price,
	t.ask_amount AS ask_amount,
	t.last_price AS last_price,
	t.underlying_price AS underlying_price,
	t.underlying_index AS underlying_index,
	t.index_price AS index_price,
	t.interest_rate AS interest_rate,
	t.open_interest AS open_interest,
	t.volume AS volume,
	t.delta AS delta,
	t.gamma AS gamma,
	t.theta AS theta,
	t.vega AS vega,
	t.rho AS rho,
	t.settlement_price AS settlement_price,
	t.delivery_price AS delivery_price,
	t.min_price AS min_price,
	t.max_price AS max_price,
	t.current_funding AS current_funding,
	t.funding_8h AS funding_8h,
	m.exchange AS exchange
FROM tickers_base AS t JOIN instrument_metadata AS m ON m.instrument_id = t.instrument_id;

-- Order books, one row a level.
CREATE VIEW books AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', b.event_us / 1000000, 'unixepoch') || printf('.%06dZ', b.event_us % 1000000) AS event_time,
	strftime('%Y-%m-%dT%H:%M:%S', b.received_us / 1000000, 'unixepoch') || printf('.%06dZ', b.received_us % 1000000) AS received_at,
	b.event_us AS event_us,
	b.received_us AS received_us,
	m.instrument_name AS instrument_name,
	b.change_id AS change_id,
	b.prev_change_id AS prev_change_id,
	b.is_snapshot AS is_snapshot,
	b.side AS side,
	b.price AS price,
	b.amount AS amount,
	m.exchange AS exchange
FROM books_base AS b JOIN instrument_metadata AS m ON m.instrument_id = b.instrument_id;

-- Bars; event_time is the start.
CREATE VIEW candles AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', c.event_us / 1000000, 'unixepoch') || printf('.%06dZ', c.event_us % 1000000) AS event_time,
	strftime('%Y-%m-%dT%H:%M:%S', c.received_us / 1000000, 'unixepoch') || printf('.%06dZ', c.received_us % 1000000) AS received_at,
	c.event_us AS event_us,
	c.received_us AS received_us,
	m.instrument_name AS instrument_name,
	c.resolution_s AS resolution_s,
	c.open AS open,
	c.high AS high,
	c.low AS low,
	c.close AS close,
	c.volume AS volume,
	c.cost AS cost,
	m.exchange AS exchange
FROM candles_base AS c JOIN instrument_metadata AS m ON m.instrument_id = c.instrument_id;

-- Greeks in time: of the venues' tickers (options; no account, no position) and of brokers' positions.
CREATE VIEW greek_snapshots AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', s.received_us / 1000000, 'unixepoch') || printf('.%06dZ', s.received_us % 1000000) AS received_at,
	strftime('%Y-%m-%dT%H:%M:%S', s.event_us / 1000000, 'unixepoch') || printf('.%06dZ', s.event_us % 1000000) AS event_time,
	s.event_us AS event_us, s.received_us AS received_us,
	m.exchange AS broker, NULL AS account, m.instrument_name AS contract,
	coalesce(m.base_currency, m.underlying, nullif(m.currency, '')) AS underlying, m.strike AS strike,
	strftime('%Y-%m-%d', m.expiration_timestamp / 1000, 'unixepoch') AS expiry, m.option_type AS option_type,
	NULL AS position, s.delta AS delta, s.gamma AS gamma, s.theta AS theta, s.vega AS vega, s.rho AS rho,
	s.mark_iv AS iv, s.bid_price AS bid, s.ask_price AS ask, s.mark_price AS mark,
	s.underlying_price AS underlying_price, NULL AS persisted_us, NULL AS persisted_at
FROM tickers_base AS s JOIN instrument_metadata AS m ON m.instrument_id = s.instrument_id
WHERE m.kind = 'option'
UNION ALL SELECT
	strftime('%Y-%m-%dT%H:%M:%S', s.received_us / 1000000, 'unixepoch') || printf('.%06dZ', s.received_us % 1000000),
	strftime('%Y-%m-%dT%H:%M:%S', s.event_us / 1000000, 'unixepoch') || printf('.%06dZ', s.event_us % 1000000),
	s.event_us, s.received_us,
	m.exchange, s.account, m.instrument_name,
	coalesce(m.base_currency, m.underlying, nullif(m.currency, '')), m.strike,
	strftime('%Y-%m-%d', m.expiration_timestamp / 1000, 'unixepoch'), m.option_type,
	s.position, s.delta, s.gamma, s.theta, s.vega, s.rho,
	s.iv, s.bid, s.ask, s.mark,
	s.underlying_price, s.persisted_us, strftime('%Y-%m-%dT%H:%M:%S', s.persisted_us / 1000000, 'unixepoch') || printf('.%06dZ', s.persisted_us % 1000000)
FROM greek_snapshots_base AS s JOIN instrument_metadata AS m ON m.instrument_id = s.instrument_id;

-- The older names, in the older shape: by currency, options only, iv in percent.
CREATE VIEW btc_option_quotes AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', q.event_us / 1000000, 'unixepoch') || printf('.%06dZ', q.event_us % 1000000) AS timestamp,
	q.event_us AS event_us, q.received_us AS received_us,
	m.instrument_name AS instrument, m.instrument_name AS instrument_name,
	q.bid_price AS best_bid_price, q.bid_amount AS best_bid_amount,
	q.ask_price AS best_ask_price, q.ask_amount AS best_ask_amount
FROM option_quotes_base AS q JOIN instrument_metadata AS m ON m.instrument_id = q.instrument_id
WHERE m.currency = 'BTC' AND m.kind = 'option';

CREATE VIEW btc_option_trades AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', t.event_us / 1000000, 'unixepoch') || printf('.%06dZ', t.event_us % 1000000) AS timestamp,
	t.event_us AS event_us, t.received_us AS received_us,
	m.instrument_name AS instrument, m.instrument_name AS instrument_name,
	t.trade_id AS trade_id, t.price AS price, t.amount AS amount, t.direction AS direction,
	round(t.iv * 100, 10) AS iv, t.index_price AS index_price
FROM option_trades_base AS t JOIN instrument_metadata AS m ON m.instrument_id = t.instrument_id
WHERE m.currency = 'BTC' AND m.kind = 'option';

CREATE VIEW eth_option_quotes AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', q.event_us / 1000000, 'unixepoch') || printf('.%06dZ', q.event_us % 1000000) AS timestamp,
	q.event_us AS event_us, q.received_us AS received_us,
	m.instrument_name AS instrument, m.instrument_name AS instrument_name,
	q.bid_price AS best_bid_price, q.bid_amount AS best_bid_amount,
	q.ask_price AS best_ask_price, q.ask_amount AS best_ask_amount
FROM option_quotes_base AS q JOIN instrument_metadata AS m ON m.instrument_id = q.instrument_id
WHERE m.currency = 'ETH' AND m.kind = 'option';

CREATE VIEW eth_option_trades AS SELECT
	strftime('%Y-%m-%dT%H:%M:%S', t.event_us / 1000000, 'unixepoch') || printf('.%06dZ', t.event_us % 1000000) AS timestamp,
	t.event_us AS event_us, t.received_us AS received_us,
	m.instrument_name AS instrument, m.instrument_name AS instrument_name,
	t.trade_id AS trade_id, t.price AS price, t.amount AS amount, t.direction AS direction,
	round(t.iv * 100, 10) AS iv, t.index_price AS index_price
FROM option_trades_base AS t JOIN instrument_metadata AS m ON m.instrument_id = t.instrument_id
WHERE m.currency = 'ETH' AND m.kind = 'option';
