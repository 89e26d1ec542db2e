-- How far each stream has stored which journal, and its counts by kind: `feedloom audit` compares them with the
-- journal. The verdict is the word cursor, the line the sink's name.
SELECT 'cursor', sink, jsonb_build_object('stream', stream, 'journal_id', journal_id, 'generation', generation,
	'position', position, 'counts', counts)
FROM feedloom_cursor ORDER BY sink, stream;
