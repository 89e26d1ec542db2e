-- Trades that are there more than once under their own id; fills likewise.
WITH
	twice AS (
		SELECT m.instrument_name, t.trade_id, count(*) AS rows
		FROM option_trades_base AS t JOIN instrument_metadata AS m USING (instrument_id)
		WHERE t.trade_id IS NOT NULL AND t.event_us >= :from_us AND t.event_us < :to_us
		GROUP BY t.instrument_id, t.trade_id HAVING count(*) > 1),
	fills AS (
		SELECT broker || ' ' || account AS instrument_name, execution_id AS trade_id, count(*) AS rows
		FROM trades WHERE executed_us >= :from_us AND executed_us < :to_us
		GROUP BY broker, account, execution_id HAVING count(*) > 1),
	found AS (SELECT * FROM twice UNION ALL SELECT * FROM fills)
SELECT 'sum', printf('%d trades are there more than once', count(*)), json_object('repeated', count(*)) FROM found
UNION ALL
SELECT 'unexplained', printf('%s: %s is there %d times', instrument_name, trade_id, rows),
	json_object('instrument', instrument_name, 'trade_id', trade_id, 'rows', rows)
FROM found;
