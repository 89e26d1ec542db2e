-- From received to persisted, where a table has both times.
WITH
	period AS (SELECT to_timestamp(:from_us / 1e6) AS begins, to_timestamp(:to_us / 1e6) AS ends),
	waits AS (
		SELECT 'trades' AS name, extract(epoch FROM persisted_at - received_at)::double precision * 1e3 AS wait_ms FROM trades, period
		WHERE persisted_at >= received_at AND executed_at >= begins AND executed_at < ends
		UNION ALL SELECT 'greek_snapshots', extract(epoch FROM persisted_at - received_at)::double precision * 1e3
		FROM greek_snapshots_base, period
		WHERE persisted_at >= received_at AND event_time >= begins AND event_time < ends),
	figures AS (
		SELECT name, count(*) AS rows, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY wait_ms) AS p
		FROM waits GROUP BY name)
SELECT 'sum', format('%s: received to persisted p50 %s, p95 %s, p99 %s ms of %s rows', name, round(p[1]::numeric, 1),
		round(p[2]::numeric, 1), round(p[3]::numeric, 1), rows),
	jsonb_build_object('table', name, 'rows', rows, 'p50_ms', p[1], 'p95_ms', p[2], 'p99_ms', p[3])
FROM figures;
