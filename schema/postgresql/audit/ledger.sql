-- The store's side of schema/ledger/trades.sql. Before the trades of an instrument a row with trade_seq -1: the store
-- knows it, so its trades are expected here.
SELECT instrument_name, trade_seq, fields FROM (
	SELECT instrument_name, trade_seq, concat((extract(epoch FROM event_time) * 1000000)::bigint, ' ', trade_id, ' ', direction,
		' ', round(price * 1e8)::bigint, ' ', round(amount * 1e8)::bigint) AS fields
	FROM option_trades WHERE event_time >= to_timestamp(:from_us / 1e6) AND event_time < to_timestamp(:to_us / 1e6)
	UNION ALL SELECT instrument_name, -1, '' FROM instrument_metadata) AS t
ORDER BY instrument_name COLLATE "C", trade_seq;
