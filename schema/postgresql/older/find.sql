-- The relations in the way, and what --adopt would make of each.
SELECT c.relname, CASE
	WHEN n.kind = 'index' THEN 'renamed to ' || n.name || '_older'
	WHEN n.name IN ('instrument_metadata', 'lifecycle_events') THEN 'renamed to ' || n.name || '_older, its rows taken over into ' || n.name
	WHEN n.kind = 'view' THEN 'renamed to ' || n.name || '_older, ' || n.name || ' becomes a view of both'
	ELSE 'renamed to ' || n.name || '_older' END
FROM feedloom_names AS n JOIN pg_class AS c ON c.relname = n.name
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
ORDER BY n.kind = 'index', c.relname;
