-- Puts the older relations out of the way; what refers to them (views, foreign keys) follows them.
DO $$
DECLARE
	found record;
BEGIN
	FOR found IN SELECT n.name, c.relkind FROM feedloom_names AS n JOIN pg_class AS c ON c.relname = n.name
		WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
	LOOP
		EXECUTE format(CASE found.relkind WHEN 'i' THEN 'ALTER INDEX %I RENAME TO %I' WHEN 'I' THEN 'ALTER INDEX %I RENAME TO %I'
			WHEN 'v' THEN 'ALTER VIEW %I RENAME TO %I' WHEN 'm' THEN 'ALTER MATERIALIZED VIEW %I RENAME TO %I'
			WHEN 'S' THEN 'ALTER SEQUENCE %I RENAME TO %I' ELSE 'ALTER TABLE %I RENAME TO %I' END,
			found.name, found.name || '_older');
	END LOOP;
END $$;
