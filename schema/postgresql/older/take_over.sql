-- Takes over the rows of the two lifecycle tables, and makes each view whose name an older table had the union
-- of both. Columns are matched by name, or by another name for the same; one the older table lacks is NULL.

-- The older table's value for one of our columns, as an expression of our type; NULL: it has none.
CREATE FUNCTION pg_temp.older_value(older text, wanted text, wanted_type regtype) RETURNS text LANGUAGE sql AS $$
	SELECT CASE
		WHEN a.atttypid = wanted_type THEN format('o.%I', a.attname)
		WHEN wanted_type = 'bigint'::regtype AND a.atttypid = 'timestamptz'::regtype
			THEN format('(extract(epoch FROM o.%I) * 1000)::bigint', a.attname)
		WHEN wanted_type = 'timestamptz'::regtype AND a.atttypid = 'timestamp'::regtype
			THEN format('o.%I AT TIME ZONE ''UTC''', a.attname)
		WHEN wanted_type = 'timestamptz'::regtype AND a.atttypid IN ('bigint'::regtype, 'numeric'::regtype)
			THEN format('to_timestamp(o.%I / 1000.0)', a.attname)
		ELSE format('o.%I::%s', a.attname, wanted_type) END
	FROM pg_attribute AS a LEFT JOIN (VALUES
			('timestamp', 'event_time', 1), ('timestamp', 'time', 2), ('timestamp', 'received_at', 3),
			('event_time', 'timestamp', 1), ('event_time', 'time', 2), ('event_time', 'created_at', 3),
			('instrument', 'instrument_name', 1), ('instrument_name', 'instrument', 1),
			('best_bid_price', 'bid_price', 1), ('best_bid_amount', 'bid_amount', 1), ('best_bid_amount', 'bid_size', 2),
			('best_ask_price', 'ask_price', 1), ('best_ask_amount', 'ask_amount', 1), ('best_ask_amount', 'ask_size', 2),
			('bid_price', 'best_bid_price', 1), ('bid_amount', 'best_bid_amount', 1),
			('ask_price', 'best_ask_price', 1), ('ask_amount', 'best_ask_amount', 1),
			('direction', 'side', 1), ('amount', 'size', 1), ('amount', 'quantity', 2),
			('iv', 'implied_volatility', 1), ('metadata', 'details', 1)) AS s (ours, theirs, rank)
		ON s.ours = wanted AND s.theirs = a.attname
	WHERE a.attrelid = to_regclass(quote_ident(older)) AND a.attnum > 0 AND NOT a.attisdropped
		AND (a.attname = wanted OR s.theirs IS NOT NULL)
	ORDER BY s.rank NULLS FIRST LIMIT 1
$$;

CREATE FUNCTION pg_temp.take_rows(ours text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	columns text;
	"values" text;
	conditions text;
BEGIN
	IF to_regclass(quote_ident(ours || '_older')) IS NULL THEN
		RETURN;
	END IF;
	-- What must not be NULL has a default, or its row says too little to be taken over.
	SELECT string_agg(quote_ident(attname), ', '), string_agg(CASE WHEN attnotnull AND preset IS NOT NULL
			THEN format('coalesce(%s, %s)', value, preset) ELSE value END, ', '),
			coalesce(string_agg(value || ' IS NOT NULL', ' AND ') FILTER (WHERE attnotnull AND preset IS NULL), 'true')
		INTO columns, "values", conditions
		FROM (SELECT a.attname, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS preset,
				pg_temp.older_value(ours || '_older', a.attname, a.atttypid) AS value
			FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
			WHERE a.attrelid = to_regclass(quote_ident(ours)) AND a.attnum > 0 AND NOT a.attisdropped
				AND a.attgenerated = '' AND a.attidentity = '') AS c
		WHERE value IS NOT NULL;
	IF columns IS NOT NULL THEN
		EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM %I AS o WHERE %s ON CONFLICT DO NOTHING', ours, columns, "values",
			ours || '_older', conditions);
	END IF;
END $$;

SELECT pg_temp.take_rows('instrument_metadata');
SELECT pg_temp.take_rows('lifecycle_events');

-- Our own view stays beneath as feedloom_NAME; NAME shows it and the older table.
CREATE FUNCTION pg_temp.unite(ours text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	beneath text := 'feedloom_' || ours;
	older_values text;
	found record;
BEGIN
	SELECT string_agg(coalesce(pg_temp.older_value(ours || '_older', a.attname, a.atttypid),
			format('NULL::%s', a.atttypid::regtype)), ', ' ORDER BY a.attnum) INTO older_values
		FROM pg_attribute AS a WHERE a.attrelid = to_regclass(quote_ident(ours)) AND a.attnum > 0;
	EXECUTE format('ALTER VIEW %I RENAME TO %I', ours, beneath);
	EXECUTE format('CREATE VIEW %I AS SELECT * FROM %I UNION ALL SELECT %s FROM %I AS o', ours, beneath, older_values,
		ours || '_older');
	EXECUTE format('COMMENT ON VIEW %I IS %L', ours,
		obj_description(to_regclass(quote_ident(beneath))) || '; with the rows of ' || ours || '_older');
	FOR found IN SELECT a.attname, col_description(a.attrelid, a.attnum) AS says FROM pg_attribute AS a
		WHERE a.attrelid = to_regclass(quote_ident(beneath)) AND a.attnum > 0
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', ours, found.attname, found.says);
	END LOOP;
END $$;

SELECT pg_temp.unite(name) FROM feedloom_names WHERE kind = 'view' AND to_regclass(quote_ident(name || '_older')) IS NOT NULL;
