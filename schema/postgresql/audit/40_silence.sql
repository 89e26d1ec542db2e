-- Silence. Of a whole venue: no quote and no ticker of any instrument for :silence_us and more, which a row of
-- stream_gaps must explain. Of one instrument: twenty times as long as its usual pause and more than :silence_us, which
-- is worth a look but may be a quiet market.
WITH
	asked AS (SELECT to_timestamp(:from_us / 1e6) AS begins, to_timestamp(:to_us / 1e6) AS ends, :silence_us * interval '1 us' AS silence),
	seen AS (
		SELECT min(event_time) AS first_time, max(event_time) AS last_time FROM (
			SELECT min(event_time) AS event_time FROM option_quotes_base, asked WHERE event_time >= begins AND event_time < ends
			UNION ALL SELECT max(event_time) FROM option_quotes_base, asked WHERE event_time >= begins AND event_time < ends
			UNION ALL SELECT min(event_time) FROM tickers_base, asked WHERE event_time >= begins AND event_time < ends
			UNION ALL SELECT max(event_time) FROM tickers_base, asked WHERE event_time >= begins AND event_time < ends) AS t),
	-- From the beginning of the period, unless the store began later.
	period AS (
		SELECT CASE WHEN EXISTS (SELECT 1 FROM tickers_base WHERE event_time < begins)
				OR EXISTS (SELECT 1 FROM option_quotes_base WHERE event_time < begins) THEN begins ELSE first_time END AS begins,
			last_time AS ends, silence
		FROM asked, seen WHERE last_time IS NOT NULL),
	slots AS (
		SELECT n, begins + n * silence AS at, begins + (n + 1) * silence AS until
		FROM period, generate_series(0, (extract(epoch FROM ends - begins) / extract(epoch FROM silence))::bigint) AS n
		WHERE begins + (n + 1) * silence <= ends),
	venues AS (
		SELECT DISTINCT exchange FROM instrument_metadata AS m, period
		WHERE EXISTS (SELECT 1 FROM tickers_base AS t WHERE t.instrument_id = m.instrument_id AND t.event_time >= begins AND t.event_time <= ends)
			OR EXISTS (SELECT 1 FROM option_quotes_base AS t WHERE t.instrument_id = m.instrument_id AND t.event_time >= begins AND t.event_time <= ends)),
	silent AS (
		SELECT exchange, at, until, n - row_number() OVER (PARTITION BY exchange ORDER BY n) AS island
		FROM venues, slots
		WHERE NOT EXISTS (SELECT 1 FROM tickers_base AS t JOIN instrument_metadata AS m USING (instrument_id)
				WHERE t.event_time >= at AND t.event_time < until AND m.exchange = venues.exchange)
			AND NOT EXISTS (SELECT 1 FROM option_quotes_base AS t JOIN instrument_metadata AS m USING (instrument_id)
				WHERE t.event_time >= at AND t.event_time < until AND m.exchange = venues.exchange)),
	stretches AS (SELECT exchange, min(at) AS begins, max(until) AS ends FROM silent GROUP BY exchange, island),
	causes AS (
		SELECT s.*, (SELECT string_agg(DISTINCT g.cause, ',') FROM stream_gaps AS g
			WHERE g.instrument_name IS NULL AND coalesce(g.started_at, g.ended_at) IS NOT NULL AND coalesce(g.started_at, '-infinity') < s.ends
				AND coalesce(g.ended_at, 'infinity') > s.begins) AS cause
		FROM stretches AS s),
	pauses AS (
		SELECT instrument_id, event_time - lag(event_time) OVER by_time AS pause, lag(event_time) OVER by_time AS before_time, event_time
		FROM tickers_base, asked WHERE event_time >= begins AND event_time < ends
		WINDOW by_time AS (PARTITION BY instrument_id ORDER BY event_time)),
	usual AS (
		SELECT instrument_id, count(*) AS rows, max(pause) AS pause, avg(pause) AS mean FROM pauses GROUP BY instrument_id),
	mute AS (
		SELECT m.instrument_name, u.pause, u.mean, p.before_time, (SELECT string_agg(DISTINCT g.cause, ',') FROM stream_gaps AS g
			WHERE coalesce(g.instrument_name, m.instrument_name) = m.instrument_name
				AND coalesce(g.started_at, g.ended_at) IS NOT NULL AND coalesce(g.started_at, '-infinity') < p.event_time AND coalesce(g.ended_at, 'infinity') > p.before_time) AS cause
		FROM asked, usual AS u JOIN instrument_metadata AS m USING (instrument_id) JOIN LATERAL (
			SELECT before_time, event_time FROM pauses AS p WHERE p.instrument_id = u.instrument_id AND p.pause = u.pause LIMIT 1) AS p ON true
		WHERE u.pause > silence AND u.rows >= 20 AND u.pause > 20 * (u.mean * u.rows - u.pause) / (u.rows - 1))
SELECT 'sum', format('%s silent stretches of a venue of %s s and more, %s instruments much quieter than usual for a while',
		(SELECT count(*) FROM stretches), :silence_us / 1000000.0::double precision, (SELECT count(*) FROM mute)),
	jsonb_build_object('stretches', (SELECT count(*) FROM stretches), 'silence_s', :silence_us / 1000000.0::double precision,
		'instruments', (SELECT count(*) FROM mute))
UNION ALL
SELECT CASE WHEN cause IS NULL THEN 'unexplained' ELSE 'explained' END, format('%s: silent for at least %s s from %s to %s: %s',
		exchange, extract(epoch FROM ends - begins)::bigint, to_char(begins AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		to_char(ends AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), coalesce(cause, 'no row of stream_gaps says why')),
	jsonb_build_object('exchange', exchange, 'from', to_char(begins AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'to', to_char(ends AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'cause', cause)
FROM causes
UNION ALL
SELECT CASE WHEN cause IS NULL THEN 'note' ELSE 'explained' END, format('%s: no ticker for %s s from %s, usually every %s s%s',
		instrument_name, round(extract(epoch FROM pause)::numeric, 1), to_char(before_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		round(extract(epoch FROM mean)::numeric, 1), coalesce(': ' || cause, '')),
	jsonb_build_object('instrument', instrument_name, 'from', to_char(before_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'pause_s', extract(epoch FROM pause), 'usual_s', extract(epoch FROM mean), 'cause', cause)
FROM mute;
