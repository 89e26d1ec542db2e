-- Every trade of the simulated market since :from_us, as the ledger of plugins/simulator has it; the file
-- audit/ledger.sql of a store asks for the same there, and `feedloom audit --ledger` lays the two side by side:
-- instrument, trade_seq, and what must be equal. In the order of instrument, trade_seq.
SELECT instrument_name, trade_seq, event_us || ' ' || trade_id || ' ' || direction || ' ' || CAST(round(price * 1e8) AS INTEGER)
	|| ' ' || CAST(round(amount * 1e8) AS INTEGER)
FROM market_trades WHERE event_us >= :from_us AND event_us < :to_us
ORDER BY instrument_name, trade_seq;
