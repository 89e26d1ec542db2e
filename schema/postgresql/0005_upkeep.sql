-- Upkeep: partitions made ahead of need, what is kept how long, compression. The sink calls
-- feedloom_upkeep(...) again and again, each call a transaction of its own, until no step is done any more;
-- ten minutes later again. A step waits 200 ms for a lock at most, so that writers never stand behind it for
-- longer: what it could not have is said and tried again at the next round.

CREATE FUNCTION feedloom_about() RETURNS text STABLE LANGUAGE plpgsql AS $$
DECLARE
	server text := 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1);
	version text := (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb');
BEGIN
	IF version IS NULL THEN
		RETURN server || ' without TimescaleDB in this database: partitions by day; retention by the sink, no compression';
	ELSIF feedloom_has_policies() THEN
		RETURN format('%s, TimescaleDB %s (Community edition): hypertables; retention and compression by policies', server, version);
	END IF;
	RETURN format('%s, TimescaleDB %s (Apache edition): hypertables; retention by the sink, no compression', server, version);
END $$;
COMMENT ON FUNCTION feedloom_about() IS 'What this database is, and what follows for the store, in words';

CREATE FUNCTION feedloom_has_policies() RETURNS boolean STABLE LANGUAGE sql AS $$
	SELECT feedloom_timescaledb() IS NOT NULL AND coalesce(current_setting('timescaledb.license', true), '') = 'timescale'
$$;
COMMENT ON FUNCTION feedloom_has_policies() IS 'Whether the extension is there in the edition that has policies and compression';

CREATE FUNCTION feedloom_kept() RETURNS TABLE (name text, relation text, time_column text, is_cut boolean, preset interval,
	segments text) IMMUTABLE LANGUAGE sql AS $$
	VALUES
		('option_quotes', 'option_quotes_base', 'event_time', true, NULL::interval, 'instrument_id'),
		('option_trades', 'option_trades_base', 'event_time', true, NULL, NULL), -- late ones must still find their like
		('tickers', 'tickers_base', 'event_time', true, NULL, 'instrument_id'),
		('books', 'books_base', 'event_time', true, NULL, 'instrument_id'),
		('candles', 'candles_base', 'event_time', true, NULL, 'instrument_id'),
		('index_prices', 'index_prices', 'event_time', true, NULL, 'index_name'),
		('greek_snapshots', 'greek_snapshots_base', 'event_time', true, NULL, 'instrument_id'),
		('lifecycle_events', 'lifecycle_events', 'event_time', true, interval '90 days', NULL),
		('trades', 'trades', 'executed_at', false, NULL, NULL),
		('stream_gaps', 'stream_gaps', 'started_at', false, NULL, NULL),
		('rejected_records', 'rejected_records', 'rejected_at', false, NULL, NULL)
$$;
COMMENT ON FUNCTION feedloom_kept() IS 'The tables that retention may be set for: their name to users, the table beneath, its time, whether it is cut by day, how long it is kept unless told otherwise, what compression keeps together';

CREATE FUNCTION feedloom_is_hypertable(relation text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
DECLARE
	found boolean := false;
BEGIN
	IF feedloom_timescaledb() IS NOT NULL THEN
		EXECUTE 'SELECT EXISTS (SELECT 1 FROM timescaledb_information.hypertables
			WHERE hypertable_schema = current_schema() AND hypertable_name = $1)' INTO found USING relation;
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION feedloom_is_hypertable(text) IS 'Whether this table is one; a table made before the extension came is not';

-- ---- partitions ----

CREATE FUNCTION feedloom_past_until(relation text) RETURNS timestamptz STABLE LANGUAGE sql AS $$
	SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(.*)''\)')::timestamptz
	FROM pg_class AS c WHERE c.oid = to_regclass(quote_ident(relation || '_past'))
$$;
COMMENT ON FUNCTION feedloom_past_until(text) IS 'Where the native partition of the past ends';

CREATE FUNCTION feedloom_make_partition(relation text, day timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	part text := relation || '_' || to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
	-- Made beside the table and attached: CREATE ... PARTITION OF would lock out all writers.
	EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, relation);
	EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', relation, part, day, day + interval '24 hours');
	RETURN format('%s: made', part);
END $$;
COMMENT ON FUNCTION feedloom_make_partition(text, timestamptz) IS 'Makes the native partition of a day';

CREATE FUNCTION feedloom_lacks_partition(relation text, day timestamptz) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
DECLARE
	is_used boolean;
BEGIN
	IF to_regclass(quote_ident(relation || '_' || to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD'))) IS NOT NULL THEN
		RETURN false;
	END IF;
	-- A day whose rows have gone to the default already stays there.
	EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE event_time >= $1 AND event_time < $2)', relation || '_rest')
		INTO is_used USING day, day + interval '24 hours';
	RETURN NOT is_used;
END $$;
COMMENT ON FUNCTION feedloom_lacks_partition(text, timestamptz) IS 'Whether the native partition of a day is missing and can be made';

-- ---- what goes ----

CREATE FUNCTION feedloom_delete_rows(relation text, time_column text, cutoff timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	deleted bigint;
BEGIN
	EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$I < $1 LIMIT 10000))',
		relation, time_column) USING cutoff;
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN CASE WHEN deleted > 0 THEN format('%s: %s rows deleted', relation, deleted) END;
END $$;
COMMENT ON FUNCTION feedloom_delete_rows(text, text, timestamptz) IS 'Deletes a few of the rows before a time; NULL: there is none';

CREATE FUNCTION feedloom_drop_day(relation text, cutoff timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	part text;
	until timestamptz;
BEGIN
	IF feedloom_is_hypertable(relation) THEN
		EXECUTE 'SELECT chunk_name, range_end FROM timescaledb_information.chunks WHERE hypertable_schema = current_schema()
			AND hypertable_name = $1 AND range_end <= $2 ORDER BY range_end LIMIT 1' INTO part, until USING relation, cutoff;
		IF part IS NOT NULL THEN
			EXECUTE format('SELECT %I.drop_chunks($1::regclass, older_than => $2)', feedloom_timescaledb()) USING quote_ident(relation), until;
			RETURN format('%s: chunk up to %s dropped', relation, to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD'));
		END IF;
		RETURN NULL;
	END IF;
	SELECT c.relname INTO part FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = to_regclass(quote_ident(relation)) AND c.relname ~ '_[0-9]{8}$'
		AND right(c.relname, 8)::date::timestamp AT TIME ZONE 'UTC' + interval '24 hours' <= cutoff
		ORDER BY c.relname LIMIT 1;
	IF part IS NOT NULL THEN
		EXECUTE format('DROP TABLE %I', part);
		RETURN format('%s: dropped', part);
	END IF;
	RETURN coalesce(feedloom_delete_rows(relation || '_past', 'event_time', cutoff),
		feedloom_delete_rows(relation || '_rest', 'event_time', cutoff));
END $$;
COMMENT ON FUNCTION feedloom_drop_day(text, timestamptz) IS 'Drops the oldest day that lies wholly before a time; NULL: there is none';

-- ---- policies ----

CREATE FUNCTION feedloom_set_policy(relation text, kind text, after interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	extension text := feedloom_timescaledb();
	key text := CASE kind WHEN 'retention' THEN 'drop_after' ELSE 'compress_after' END;
	present text;
BEGIN
	EXECUTE 'SELECT config ->> $2 FROM timescaledb_information.jobs WHERE hypertable_schema = current_schema()
		AND hypertable_name = $1 AND config ? $2' INTO present USING relation, key;
	IF present::interval = after THEN
		RETURN NULL;
	ELSIF present IS NOT NULL THEN
		EXECUTE format('SELECT %I.remove_%s_policy($1::regclass)', extension, kind) USING quote_ident(relation);
	END IF;
	EXECUTE format('SELECT %I.add_%s_policy($1::regclass, %s => $2)', extension, kind, key) USING quote_ident(relation), after;
	RETURN format('%s: %s after %s', relation, kind, after);
END $$;
COMMENT ON FUNCTION feedloom_set_policy(text, text, interval) IS 'Gives a hypertable the policy retention or compression; NULL: it has it';

CREATE FUNCTION feedloom_compress(relation text, segments text, after interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	is_on boolean;
BEGIN
	EXECUTE 'SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema()
		AND hypertable_name = $1' INTO is_on USING relation;
	IF NOT is_on THEN
		EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L,
			timescaledb.compress_orderby = ''event_time'')', relation, segments);
	END IF;
	RETURN feedloom_set_policy(relation, 'compression', after);
END $$;
COMMENT ON FUNCTION feedloom_compress(text, text, interval) IS 'Has the chunks of a hypertable compressed when they are this old; NULL: it is so already';

-- ---- a step ----

CREATE FUNCTION feedloom_upkeep_table(wanted text, keep interval, compress_after interval, at timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	kept record;
	is_hypertable boolean;
	day timestamptz;
	done text;
BEGIN
	SELECT * INTO kept FROM feedloom_kept() AS k WHERE k.name = wanted;
	is_hypertable := kept.is_cut AND feedloom_is_hypertable(kept.relation);
	IF kept.is_cut AND NOT is_hypertable THEN
		FOR ahead IN 0..7 LOOP
			day := date_trunc('day', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + ahead * interval '24 hours';
			IF day >= feedloom_past_until(kept.relation) AND feedloom_lacks_partition(kept.relation, day) THEN
				RETURN feedloom_make_partition(kept.relation, day);
			END IF;
		END LOOP;
	END IF;
	IF is_hypertable AND kept.segments IS NOT NULL AND compress_after > interval '0' AND feedloom_has_policies() THEN
		done := feedloom_compress(kept.relation, kept.segments, compress_after);
	END IF;
	IF done IS NOT NULL OR keep IS NULL OR keep = interval '0' THEN
		RETURN done;
	ELSIF is_hypertable AND feedloom_has_policies() THEN
		RETURN feedloom_set_policy(kept.relation, 'retention', keep);
	ELSIF kept.is_cut THEN
		RETURN feedloom_drop_day(kept.relation, at - keep);
	END IF;
	RETURN feedloom_delete_rows(kept.relation, kept.time_column, at - keep);
END $$;
COMMENT ON FUNCTION feedloom_upkeep_table(text, interval, interval, timestamptz) IS 'The next step of upkeep of a row of feedloom_kept(); NULL: there is none';

CREATE FUNCTION feedloom_upkeep(retention jsonb DEFAULT '{}', compress_after interval DEFAULT NULL, at timestamptz DEFAULT now())
RETURNS TABLE (step text, is_done boolean) LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
	kept record;
BEGIN
	FOR kept IN SELECT * FROM feedloom_kept() LOOP
		BEGIN
			step := feedloom_upkeep_table(kept.name, coalesce((retention ->> kept.name)::interval, kept.preset), compress_after, at);
			is_done := true;
		EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
			step := kept.relation || ': another session has it locked';
			is_done := false;
		END;
		IF step IS NOT NULL THEN
			RETURN NEXT;
		END IF;
		EXIT WHEN step IS NOT NULL AND is_done;
	END LOOP;
END $$;
COMMENT ON FUNCTION feedloom_upkeep(jsonb, interval, timestamptz) IS 'One step of upkeep. A row that is_done: call again; rows that are not: a lock was not to be had, the next round tries again; none: nothing is left. `retention` has an interval for each name of feedloom_kept(), "0" keeps for good';

-- The first days, so that the first rows find their partitions.
DO $$
BEGIN
	WHILE EXISTS (SELECT 1 FROM feedloom_upkeep() AS u WHERE u.is_done) LOOP
	END LOOP;
END $$;
