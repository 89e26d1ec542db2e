/* pg_cancel.c: asks the server, over a second connection, to give up the job in flight. */
#include "pg_session.h"

static void poll_on(struct pg *pg);

static void on_ready(void *data, unsigned ready)
{
	(void)ready;
	poll_on(data);
}

void pg_cancel_end(struct pg *pg)
{
	readiness_destroy(pg->cancel_readiness);
	pg->cancel_readiness = NULL;
	if (pg->cancel != NULL)
		PQcancelFinish(pg->cancel);
	pg->cancel = NULL;
}

/* Whether it went through or not: the deadline of the state decides what follows. */
static void poll_on(struct pg *pg)
{
	PostgresPollingStatusType status;

	readiness_destroy(pg->cancel_readiness);
	pg->cancel_readiness = NULL;
	status = PQcancelPoll(pg->cancel);
	if (status != PGRES_POLLING_READING && status != PGRES_POLLING_WRITING) {
		pg_cancel_end(pg);
		return;
	}
	if (readiness_create(
			pg->loop, PQcancelSocket(pg->cancel), on_ready, pg, &pg->cancel_readiness) != 0) {
		pg_cancel_end(pg);
		return;
	}
	readiness_wait_for(
		pg->cancel_readiness, status == PGRES_POLLING_READING ? READINESS_READ : READINESS_WRITE);
}

int pg_cancel_begin(struct pg *pg)
{
	pg->cancel = PQcancelCreate(pg->conn);
	if (pg->cancel == NULL || PQcancelStart(pg->cancel) == 0) {
		pg_cancel_end(pg);
		return -EIO;
	}
	/* The first wait is for writing, as after PQconnectStart. */
	if (readiness_create(
			pg->loop, PQcancelSocket(pg->cancel), on_ready, pg, &pg->cancel_readiness) != 0) {
		pg_cancel_end(pg);
		return -ENOMEM;
	}
	readiness_wait_for(pg->cancel_readiness, READINESS_WRITE);
	return 0;
}
