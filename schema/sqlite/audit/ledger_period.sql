-- What of the ledger can be expected here: from two seconds behind the first trade that is stored, when all of the
-- market is followed, to two seconds before the last, behind which trades may still be on their way.
SELECT max(:from_us, coalesce(min(event_us) + 2000000, :to_us)), min(:to_us, coalesce(max(event_us), 0) - 2000000), ''
FROM option_trades_base;
