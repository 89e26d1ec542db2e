-- Silence. Of a whole venue: no quote and no ticker of any instrument for :silence_us and more, which a row of
-- stream_gaps must explain. Of one instrument: twenty times as long as its usual pause and more than :silence_us, which
-- is worth a look but may be a quiet market.
WITH RECURSIVE
	period AS (
		SELECT max(:from_us, coalesce(min(first_us), :to_us)) AS from_us, min(:to_us, coalesce(max(last_us), :from_us)) AS to_us
		FROM (SELECT min(event_us) AS first_us, max(event_us) AS last_us FROM option_quotes_base
			UNION ALL SELECT min(event_us), max(event_us) FROM tickers_base)),
	slots (at_us) AS (
		SELECT from_us FROM period WHERE from_us + :silence_us <= to_us
		UNION ALL SELECT at_us + :silence_us FROM slots, period WHERE at_us + 2 * :silence_us <= to_us),
	venues AS (
		SELECT DISTINCT exchange FROM instrument_metadata AS m
		WHERE EXISTS (SELECT 1 FROM tickers_base AS t, period WHERE t.instrument_id = m.instrument_id
				AND t.event_us >= period.from_us AND t.event_us < period.to_us)
			OR EXISTS (SELECT 1 FROM option_quotes_base AS t, period WHERE t.instrument_id = m.instrument_id
				AND t.event_us >= period.from_us AND t.event_us < period.to_us)),
	silent AS (
		SELECT exchange, at_us, at_us / :silence_us - row_number() OVER (PARTITION BY exchange ORDER BY at_us) AS island
		FROM venues, slots
		WHERE NOT EXISTS (SELECT 1 FROM tickers_base AS t CROSS JOIN instrument_metadata AS m USING (instrument_id)
				WHERE t.event_us >= at_us AND t.event_us < at_us + :silence_us AND m.exchange = venues.exchange)
			AND NOT EXISTS (SELECT 1 FROM option_quotes_base AS t CROSS JOIN instrument_metadata AS m USING (instrument_id)
				WHERE t.event_us >= at_us AND t.event_us < at_us + :silence_us AND m.exchange = venues.exchange)),
	stretches AS (
		SELECT exchange, min(at_us) AS from_us, max(at_us) + :silence_us AS to_us FROM silent GROUP BY exchange, island),
	causes AS (
		SELECT s.*, (SELECT group_concat(DISTINCT g.cause) FROM stream_gaps AS g
			WHERE g.instrument_name IS NULL AND coalesce(g.started_us, g.ended_us) IS NOT NULL AND coalesce(g.started_us, 0) < s.to_us
				AND coalesce(g.ended_us, s.to_us) > s.from_us) AS cause
		FROM stretches AS s),
	pauses AS (
		SELECT instrument_id, event_us - lag(event_us) OVER by_time AS pause_us, lag(event_us) OVER by_time AS before_us, event_us
		FROM tickers_base INDEXED BY tickers_instrument WHERE event_us >= :from_us AND event_us < :to_us
		WINDOW by_time AS (PARTITION BY instrument_id ORDER BY event_us)),
	longest AS (
		SELECT instrument_id, max(pause_us) AS pause_us, before_us, event_us, avg(pause_us) AS usual_us, count(*) AS rows
		FROM pauses GROUP BY instrument_id),
	mute AS (
		SELECT m.instrument_name, l.*, (SELECT group_concat(DISTINCT g.cause) FROM stream_gaps AS g
			WHERE coalesce(g.instrument_name, m.instrument_name) = m.instrument_name AND coalesce(g.started_us, g.ended_us) IS NOT NULL AND coalesce(g.started_us, 0) < l.event_us
				AND coalesce(g.ended_us, l.event_us) > l.before_us) AS cause
		FROM longest AS l JOIN instrument_metadata AS m USING (instrument_id)
		WHERE l.pause_us > :silence_us AND l.rows >= 20 AND l.pause_us > 20 * (l.usual_us * l.rows - l.pause_us) / (l.rows - 1))
SELECT 'sum', printf('%d silent stretches of a venue of %g s and more, %d instruments much quieter than usual for a while',
		(SELECT count(*) FROM stretches), :silence_us / 1e6, (SELECT count(*) FROM mute)),
	json_object('stretches', (SELECT count(*) FROM stretches), 'silence_s', :silence_us / 1e6,
		'instruments', (SELECT count(*) FROM mute))
UNION ALL
SELECT iif(cause IS NULL, 'unexplained', 'explained'), printf('%s: silent for at least %d s from %s to %s: %s', exchange,
		(to_us - from_us) / 1000000, strftime('%Y-%m-%dT%H:%M:%fZ', from_us / 1e6, 'unixepoch'),
		strftime('%Y-%m-%dT%H:%M:%fZ', to_us / 1e6, 'unixepoch'), coalesce(cause, 'no row of stream_gaps says why')),
	json_object('exchange', exchange, 'from', strftime('%Y-%m-%dT%H:%M:%fZ', from_us / 1e6, 'unixepoch'),
		'to', strftime('%Y-%m-%dT%H:%M:%fZ', to_us / 1e6, 'unixepoch'), 'cause', cause)
FROM causes
UNION ALL
SELECT iif(cause IS NULL, 'note', 'explained'), printf('%s: no ticker for %.1f s from %s, usually every %.1f s%s', instrument_name,
		pause_us / 1e6, strftime('%Y-%m-%dT%H:%M:%fZ', before_us / 1e6, 'unixepoch'), usual_us / 1e6, coalesce(': ' || cause, '')),
	json_object('instrument', instrument_name, 'from', strftime('%Y-%m-%dT%H:%M:%fZ', before_us / 1e6, 'unixepoch'),
		'pause_s', pause_us / 1e6, 'usual_s', usual_us / 1e6, 'cause', cause)
FROM mute;
