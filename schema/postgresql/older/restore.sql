-- Gives the older tables their names back. What feedloom has made and stored moves to the schema `feedloom`, where
-- `schema: feedloom` in the sink's options goes on with it.
DO $$
DECLARE
	here text := current_schema();
	found record;
BEGIN
	IF NOT EXISTS (SELECT 1 FROM feedloom_names WHERE to_regclass(quote_ident(name || '_older')) IS NOT NULL) THEN
		RAISE EXCEPTION 'nothing was adopted in the schema %', here;
	ELSIF here = 'feedloom' OR to_regclass('feedloom.feedloom_migration') IS NOT NULL THEN
		RAISE EXCEPTION 'the schema feedloom, where feedloom''s own tables would go, has some already';
	END IF;
	CREATE SCHEMA IF NOT EXISTS feedloom;

	FOR found IN SELECT name FROM feedloom_names WHERE to_regclass(quote_ident('feedloom_' || name)) IS NOT NULL
		AND kind = 'view' -- the unions end
	LOOP
		EXECUTE format('DROP VIEW %I', found.name);
		EXECUTE format('ALTER VIEW %I RENAME TO %I', 'feedloom_' || found.name, found.name);
	END LOOP;
	-- Partitions first: they do not follow their table. Indexes and sequences do.
	FOR found IN SELECT p.relname FROM feedloom_names AS n JOIN pg_inherits AS i ON i.inhparent = to_regclass(quote_ident(n.name))
		JOIN pg_class AS p ON p.oid = i.inhrelid
		WHERE n.kind = 'table' AND p.relnamespace = to_regnamespace(quote_ident(here))
	LOOP
		EXECUTE format('ALTER TABLE %I SET SCHEMA feedloom', found.relname);
	END LOOP;
	FOR found IN SELECT name, kind FROM feedloom_names WHERE kind <> 'index' AND to_regclass(quote_ident(name)) IS NOT NULL
		UNION ALL VALUES ('feedloom_migration', 'table')
	LOOP
		EXECUTE format('ALTER %s %I SET SCHEMA feedloom', found.kind, found.name);
	END LOOP;
	FOR found IN SELECT p.oid::regprocedure AS name FROM pg_proc AS p
		WHERE p.pronamespace = to_regnamespace(quote_ident(here)) AND p.proname ~ '^feedloom_'
	LOOP
		EXECUTE format('ALTER FUNCTION %s SET SCHEMA feedloom', found.name);
	END LOOP;

	FOR found IN SELECT n.name, c.relkind FROM feedloom_names AS n JOIN pg_class AS c ON c.relname = n.name || '_older'
		WHERE c.relnamespace = to_regnamespace(quote_ident(here))
	LOOP
		EXECUTE format(CASE found.relkind WHEN 'i' THEN 'ALTER INDEX %I RENAME TO %I' WHEN 'I' THEN 'ALTER INDEX %I RENAME TO %I'
			WHEN 'v' THEN 'ALTER VIEW %I RENAME TO %I' WHEN 'm' THEN 'ALTER MATERIALIZED VIEW %I RENAME TO %I'
			WHEN 'S' THEN 'ALTER SEQUENCE %I RENAME TO %I' ELSE 'ALTER TABLE %I RENAME TO %I' END,
			found.name || '_older', found.name);
	END LOOP;
END $$;
