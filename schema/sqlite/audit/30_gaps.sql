-- What stream_gaps tells of the period, by cause.
WITH found AS (
	SELECT coalesce(instrument_name, feed, 'every feed') AS subject, channel, cause, detail, started_us, ended_us, filled_us
	FROM stream_gaps
	WHERE coalesce(ended_us, :to_us) >= :from_us AND coalesce(started_us, ended_us, :from_us) < :to_us)
SELECT 'sum', printf('%d gaps told of, %d of them filled, %d not ended', count(*), count(filled_us),
		count(*) - count(coalesce(ended_us, filled_us))),
	json_object('gaps', count(*), 'filled', count(filled_us), 'not_ended', count(*) - count(coalesce(ended_us, filled_us)))
FROM found
UNION ALL
SELECT 'explained', printf('%s%s: %s, from %s to %s%s%s', subject, coalesce(' (' || channel || ')', ''), cause,
		coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', started_us / 1e6, 'unixepoch'), 'an unknown time'),
		coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', ended_us / 1e6, 'unixepoch'), 'now'),
		iif(filled_us IS NULL, '', ', filled'), coalesce(': ' || detail, '')),
	json_object('subject', subject, 'channel', channel, 'cause', cause,
		'from', strftime('%Y-%m-%dT%H:%M:%fZ', started_us / 1e6, 'unixepoch'),
		'to', strftime('%Y-%m-%dT%H:%M:%fZ', ended_us / 1e6, 'unixepoch'),
		'filled', json(iif(filled_us IS NULL, 'false', 'true')), 'detail', detail)
FROM (SELECT * FROM found ORDER BY started_us);
