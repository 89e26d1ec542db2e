/*
 * reason.c: the words of connection states and of the reasons for their changes.
 */
#include <feedloom/conn.h>

struct words {
	const char *text; /* for people */
	const char *word; /* for metric labels and status */
};

static const struct words reasons[FL_REASON_COUNT] = {
	[FL_REASON_NONE] = { "none", "none" },
	[FL_REASON_ASKED] = { "asked", "asked" },
	[FL_REASON_DONE] = { "done", "done" },
	[FL_REASON_RETRY] = { "retry", "retry" },
	[FL_REASON_RESOLVE_FAILED] = { "name not resolved", "resolve_failed" },
	[FL_REASON_REFUSED] = { "connection refused", "refused" },
	[FL_REASON_UNREACHABLE] = { "unreachable", "unreachable" },
	[FL_REASON_TIMED_OUT] = { "timed out", "timed_out" },
	[FL_REASON_TLS_FAILED] = { "TLS failed", "tls_failed" },
	[FL_REASON_CERTIFICATE] = { "certificate not valid", "certificate" },
	[FL_REASON_HOST_NAME] = { "certificate of another host", "host_name" },
	[FL_REASON_UPGRADE_REFUSED] = { "upgrade refused", "upgrade_refused" },
	[FL_REASON_RATE_LIMITED] = { "rate limited", "rate_limited" },
	[FL_REASON_PEER_CLOSED] = { "closed by the peer", "peer_closed" },
	[FL_REASON_END_OF_STREAM] = { "end of stream", "end_of_stream" },
	[FL_REASON_RESET] = { "connection reset", "reset" },
	[FL_REASON_SILENT] = { "silent", "silent" },
	[FL_REASON_PROTOCOL] = { "protocol error", "protocol" },
	[FL_REASON_BAD_TEXT] = { "text is not UTF-8", "bad_text" },
	[FL_REASON_TOO_LARGE] = { "too large", "too_large" },
	[FL_REASON_SLOW_READER] = { "slow reader", "slow_reader" },
	[FL_REASON_STALE] = { "stale", "stale" },
	[FL_REASON_UNAUTHORIZED] = { "unauthorized", "unauthorized" },
	[FL_REASON_MAINTENANCE] = { "maintenance", "maintenance" },
	[FL_REASON_MEMORY] = { "out of memory", "memory" },
};

static const char *const states[] = {
	[FL_CONN_CLOSED] = "closed",
	[FL_CONN_DIALING] = "dialing",
	[FL_CONN_SECURING] = "securing",
	[FL_CONN_UPGRADING] = "upgrading",
	[FL_CONN_UP] = "up",
	[FL_CONN_CLOSING] = "closing",
	[FL_CONN_BACKOFF] = "backoff",
};

static const struct words *words_of(enum fl_reason reason)
{
	static const struct words unknown = { "unknown", "unknown" };

	if ((unsigned)reason >= FL_REASON_COUNT || reasons[reason].text == NULL)
		return &unknown;
	return &reasons[reason];
}

FL_API const char *fl_reason_text(enum fl_reason reason)
{
	return words_of(reason)->text;
}

FL_API const char *fl_reason_word(enum fl_reason reason)
{
	return words_of(reason)->word;
}

FL_API const char *fl_conn_state_text(enum fl_conn_state state)
{
	return (unsigned)state < sizeof(states) / sizeof(states[0]) ? states[state] : "unknown";
}
