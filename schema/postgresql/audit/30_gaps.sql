-- What stream_gaps tells of the period, by cause.
WITH
	period AS (SELECT to_timestamp(:from_us / 1e6) AS begins, to_timestamp(:to_us / 1e6) AS ends),
	found AS (
		SELECT coalesce(instrument_name, feed, 'every feed') AS subject, g.*
		FROM period, stream_gaps AS g
		WHERE coalesce(ended_at, ends) >= begins AND coalesce(started_at, ended_at, begins) < ends)
SELECT 'sum', format('%s gaps told of, %s of them filled, %s not ended', count(*), count(filled_at),
		count(*) - count(coalesce(ended_at, filled_at))),
	jsonb_build_object('gaps', count(*), 'filled', count(filled_at), 'not_ended', count(*) - count(coalesce(ended_at, filled_at)))
FROM found
UNION ALL
(SELECT 'explained', format('%s%s: %s, from %s to %s%s%s', subject, coalesce(' (' || channel || ')', ''), cause,
		coalesce(to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'an unknown time'),
		coalesce(to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'now'),
		CASE WHEN filled_at IS NOT NULL THEN ', filled' END, coalesce(': ' || detail, '')),
	jsonb_build_object('subject', subject, 'channel', channel, 'cause', cause,
		'from', to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'to', to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'filled', filled_at IS NOT NULL, 'detail', detail)
FROM found ORDER BY started_at);
