-- The tables that grow, cut by day: hypertables where TimescaleDB is in this database, else PostgreSQL's
-- own partitions. Same names, columns and keys either way.
--
-- Native partitions of TABLE are TABLE_past (before the day of this migration), TABLE_20261129 (a day, made
-- ahead of need by feedloom_upkeep) and TABLE_rest, the default, which is empty as long as upkeep runs: so
-- no row is ever refused for want of a partition, and attaching a day finds nothing to look through.

CREATE FUNCTION feedloom_timescaledb() RETURNS text STABLE LANGUAGE sql AS $$
	SELECT n.nspname::text FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
	WHERE e.extname = 'timescaledb'
$$;
COMMENT ON FUNCTION feedloom_timescaledb() IS 'The schema of TimescaleDB''s functions; NULL: the extension is not in this database';

CREATE FUNCTION feedloom_today() RETURNS timestamptz STABLE LANGUAGE sql AS $$
	SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
$$;
COMMENT ON FUNCTION feedloom_today() IS 'The start of this day, UTC';

DO $$
DECLARE
	extension text := feedloom_timescaledb();
	parent text;
BEGIN
	FOREACH parent IN ARRAY ARRAY['option_quotes_base', 'option_trades_base', 'tickers_base', 'books_base',
		'candles_base', 'index_prices', 'greek_snapshots_base', 'lifecycle_events']
	LOOP
		IF extension IS NOT NULL THEN
			EXECUTE format('SELECT %I.create_hypertable(%L::regclass, ''event_time'',
				chunk_time_interval => interval ''1 day'', create_default_indexes => false)', extension, parent);
			CONTINUE;
		END IF;
		EXECUTE format('ALTER TABLE %I RENAME TO feedloom_plain', parent);
		EXECUTE format('CREATE TABLE %I (LIKE feedloom_plain INCLUDING ALL) PARTITION BY RANGE (event_time)', parent);
		EXECUTE format('COMMENT ON TABLE %I IS %L', parent, obj_description('feedloom_plain'::regclass));
		EXECUTE format('CREATE TABLE %I (LIKE feedloom_plain INCLUDING ALL)', parent || '_past');
		EXECUTE format('CREATE TABLE %I (LIKE feedloom_plain INCLUDING ALL)', parent || '_rest');
		DROP TABLE feedloom_plain;
		EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
			parent, parent || '_past', feedloom_today());
		EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', parent, parent || '_rest');
	END LOOP;
END $$;
