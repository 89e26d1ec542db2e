-- The store's side of schema/ledger/trades.sql. Before the trades of an instrument a row with trade_seq -1: the store
-- knows it, so its trades are expected here.
SELECT instrument_name, trade_seq, event_us || ' ' || trade_id || ' ' || direction || ' ' || CAST(round(price * 1e8) AS INTEGER)
	|| ' ' || CAST(round(amount * 1e8) AS INTEGER)
FROM option_trades WHERE event_us >= :from_us AND event_us < :to_us
UNION ALL SELECT instrument_name, -1, '' FROM instrument_metadata
ORDER BY instrument_name, trade_seq;
