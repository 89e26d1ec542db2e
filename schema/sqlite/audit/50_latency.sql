-- From received to persisted, where a table has both times.
WITH
	waits AS (
		SELECT 'trades' AS name, persisted_us - received_us AS wait_us FROM trades
		WHERE persisted_us >= received_us AND executed_us >= :from_us AND executed_us < :to_us
		UNION ALL SELECT 'greek_snapshots', persisted_us - received_us FROM greek_snapshots_base
		WHERE persisted_us >= received_us AND event_us >= :from_us AND event_us < :to_us),
	ranked AS (
		SELECT name, wait_us, row_number() OVER (PARTITION BY name ORDER BY wait_us) AS place, count(*) OVER (PARTITION BY name) AS rows
		FROM waits),
	figures AS (
		SELECT name, rows, min(iif(place >= rows * 0.5, wait_us, NULL)) / 1e3 AS p50,
			min(iif(place >= rows * 0.95, wait_us, NULL)) / 1e3 AS p95, min(iif(place >= rows * 0.99, wait_us, NULL)) / 1e3 AS p99
		FROM ranked GROUP BY name)
SELECT 'sum', printf('%s: received to persisted p50 %.1f, p95 %.1f, p99 %.1f ms of %d rows', name, p50, p95, p99, rows),
	json_object('table', name, 'rows', rows, 'p50_ms', p50, 'p95_ms', p95, 'p99_ms', p99)
FROM figures;
