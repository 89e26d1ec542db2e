-- trade_seq continuity: what is missing between two trades of an instrument, and why.
--
-- Every file of this folder is one SELECT of `feedloom audit`: a verdict (sum, explained, unexplained, note), a line
-- of text, the same as a JSON object. :from_us and :to_us are the period, :silence_us how long a silence must be.
--
-- A row of stream_gaps explains a hole when it names its numbers, or covers its time and speaks of trades: what a
-- connection or a process missed is asked for again afterwards, so that alone explains no missing trade.
WITH
	seen AS MATERIALIZED (
		SELECT instrument_id, trade_seq, event_us,
			lag(trade_seq) OVER by_seq AS before_seq, lag(event_us) OVER by_seq AS before_us
		FROM option_trades_base WHERE trade_seq IS NOT NULL
		WINDOW by_seq AS (PARTITION BY instrument_id ORDER BY trade_seq)),
	holes AS (
		SELECT m.instrument_name, before_seq + 1 AS first_seq, trade_seq - 1 AS last_seq, before_us, event_us
		FROM seen JOIN instrument_metadata AS m USING (instrument_id)
		WHERE event_us >= :from_us AND event_us < :to_us AND trade_seq > before_seq + 1),
	causes AS (
		SELECT h.*, (SELECT group_concat(DISTINCT g.cause) FROM stream_gaps AS g
			WHERE (g.instrument_name = h.instrument_name AND g.first_seq <= h.first_seq AND g.last_seq >= h.last_seq)
				OR (coalesce(g.instrument_name, h.instrument_name) = h.instrument_name AND g.filled_us IS NULL
					AND g.cause NOT IN ('process', 'reconfigured', 'change_id') AND coalesce(g.channel, '') NOT LIKE 'connection %'
					AND coalesce(g.started_us, g.ended_us) IS NOT NULL
					AND coalesce(g.started_us, 0) <= h.event_us AND coalesce(g.ended_us, h.event_us) >= h.before_us)) AS cause
		FROM holes AS h)
SELECT 'sum', printf('%d trades of %d instruments, %d missing in %d holes', trades, instruments, missing, holes),
	json_object('trades', trades, 'instruments', instruments, 'missing', missing, 'holes', holes)
FROM (SELECT count(*) AS trades, count(DISTINCT instrument_id) AS instruments FROM seen
		WHERE event_us >= :from_us AND event_us < :to_us),
	(SELECT count(*) AS holes, coalesce(sum(last_seq - first_seq + 1), 0) AS missing FROM holes)
UNION ALL
SELECT iif(cause IS NULL, 'unexplained', 'explained'),
	printf('%s: trade_seq %s missing between %s and %s: %s', instrument_name,
		iif(first_seq = last_seq, first_seq, first_seq || ' to ' || last_seq),
		strftime('%Y-%m-%dT%H:%M:%fZ', before_us / 1e6, 'unixepoch'), strftime('%Y-%m-%dT%H:%M:%fZ', event_us / 1e6, 'unixepoch'),
		coalesce(cause, 'no row of stream_gaps says why')),
	json_object('instrument', instrument_name, 'first_seq', first_seq, 'last_seq', last_seq,
		'from', strftime('%Y-%m-%dT%H:%M:%fZ', before_us / 1e6, 'unixepoch'),
		'to', strftime('%Y-%m-%dT%H:%M:%fZ', event_us / 1e6, 'unixepoch'), 'cause', cause)
FROM causes;
