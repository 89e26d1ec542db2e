-- Trades that are there more than once under their own id; fills likewise.
WITH
	period AS (SELECT to_timestamp(:from_us / 1e6) AS begins, to_timestamp(:to_us / 1e6) AS ends),
	found AS (
		SELECT m.instrument_name, t.trade_id, count(*) AS rows
		FROM period, option_trades_base AS t JOIN instrument_metadata AS m USING (instrument_id)
		WHERE t.trade_id IS NOT NULL AND t.event_time >= begins AND t.event_time < ends
		GROUP BY m.instrument_id, t.trade_id HAVING count(*) > 1
		UNION ALL SELECT broker || ' ' || account, execution_id, count(*)
		FROM period, trades WHERE executed_at >= begins AND executed_at < ends
		GROUP BY broker, account, execution_id HAVING count(*) > 1)
SELECT 'sum', format('%s trades are there more than once', count(*)), jsonb_build_object('repeated', count(*)) FROM found
UNION ALL
SELECT 'unexplained', format('%s: %s is there %s times', instrument_name, trade_id, rows),
	jsonb_build_object('instrument', instrument_name, 'trade_id', trade_id, 'rows', rows)
FROM found;
