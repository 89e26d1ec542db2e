-- trade_seq continuity: what is missing between two trades of an instrument, and why.
--
-- Every file of this folder is one SELECT of `feedloom audit`: a verdict (sum, explained, unexplained, note), a line
-- of text, the same as a JSON object. :from_us and :to_us are the period, :silence_us how long a silence must be.
--
-- A row of stream_gaps explains a hole when it names its numbers, or covers its time and speaks of trades: what a
-- connection or a process missed is asked for again afterwards, so that alone explains no missing trade. The last
-- trade of each instrument before the period belongs to the first hole within.
WITH
	period AS (SELECT to_timestamp(:from_us / 1e6) AS begins, to_timestamp(:to_us / 1e6) AS ends),
	trades AS (
		SELECT t.instrument_id, t.trade_seq, t.event_time FROM option_trades_base AS t, period
		WHERE t.trade_seq IS NOT NULL AND t.event_time >= begins AND t.event_time < ends),
	before AS (
		SELECT l.* FROM (SELECT DISTINCT instrument_id FROM trades) AS i, period, LATERAL (
			SELECT t.instrument_id, t.trade_seq, t.event_time FROM option_trades_base AS t
			WHERE t.instrument_id = i.instrument_id AND t.event_time < begins AND t.trade_seq IS NOT NULL
			ORDER BY t.event_time DESC, t.trade_seq DESC LIMIT 1) AS l),
	seen AS (
		SELECT instrument_id, trade_seq, event_time, lag(trade_seq) OVER by_seq AS before_seq,
			lag(event_time) OVER by_seq AS before_time
		FROM (SELECT * FROM trades UNION ALL SELECT * FROM before) AS t
		WINDOW by_seq AS (PARTITION BY instrument_id ORDER BY trade_seq)),
	holes AS (
		SELECT m.instrument_name, before_seq + 1 AS first_seq, trade_seq - 1 AS last_seq, before_time, event_time
		FROM seen JOIN instrument_metadata AS m USING (instrument_id) WHERE trade_seq > before_seq + 1),
	causes AS (
		SELECT h.*, (SELECT string_agg(DISTINCT g.cause, ',') FROM stream_gaps AS g
			WHERE (g.instrument_name = h.instrument_name AND g.first_seq <= h.first_seq AND g.last_seq >= h.last_seq)
				OR (coalesce(g.instrument_name, h.instrument_name) = h.instrument_name AND g.filled_at IS NULL
					AND g.cause NOT IN ('process', 'reconfigured', 'change_id') AND coalesce(g.channel, '') NOT LIKE 'connection %'
					AND coalesce(g.started_at, g.ended_at) IS NOT NULL
					AND coalesce(g.started_at, '-infinity') <= h.event_time AND coalesce(g.ended_at, 'infinity') >= h.before_time)) AS cause
		FROM holes AS h)
SELECT 'sum', format('%s trades of %s instruments, %s missing in %s holes', trades, instruments, missing, holes),
	jsonb_build_object('trades', trades, 'instruments', instruments, 'missing', missing, 'holes', holes)
FROM (SELECT count(*) AS trades, count(DISTINCT instrument_id) AS instruments FROM trades) AS t,
	(SELECT count(*) AS holes, coalesce(sum(last_seq - first_seq + 1), 0) AS missing FROM holes) AS h
UNION ALL
SELECT CASE WHEN cause IS NULL THEN 'unexplained' ELSE 'explained' END,
	format('%s: trade_seq %s missing between %s and %s: %s', instrument_name,
		CASE WHEN first_seq = last_seq THEN first_seq::text ELSE first_seq || ' to ' || last_seq END,
		to_char(before_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		coalesce(cause, 'no row of stream_gaps says why')),
	jsonb_build_object('instrument', instrument_name, 'first_seq', first_seq, 'last_seq', last_seq,
		'from', to_char(before_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'to', to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'cause', cause)
FROM causes;
