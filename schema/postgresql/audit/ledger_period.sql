-- What of the ledger can be expected here: from two seconds behind the first trade that is stored, when all of the
-- market is followed, to two seconds before the last, behind which trades may still be on their way.
SELECT greatest(:from_us, coalesce((extract(epoch FROM min(event_time)) * 1000000)::bigint + 2000000, :to_us)),
	least(:to_us, coalesce((extract(epoch FROM max(event_time)) * 1000000)::bigint, 0) - 2000000), ''
FROM option_trades_base;
