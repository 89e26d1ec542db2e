/* lost_commit: a job is answered as done and was not: its rows are nowhere. */
#include "plant.h"
#include "result.h"
#include "sqlite_session.h"

void __real_session_run(
	struct session *session, const struct fl_sqlite_job *job, struct result *result);
void __wrap_session_run(
	struct session *session, const struct fl_sqlite_job *job, struct result *result);

void __wrap_session_run(
	struct session *session, const struct fl_sqlite_job *job, struct result *result)
{
	static unsigned count;

	if (job->statement_count > 3 && plant_each(&count, 100))
		result_clear(result);
	else
		__real_session_run(session, job, result);
}
