/* leaked_connection: what is to be closed stays open; nobody knows of it any more. */
#include "plant.h"
#include "tcp.h"

void __real_tcp_close(struct tcp *tcp);
void __wrap_tcp_close(struct tcp *tcp);
void __real_tcp_abort(struct tcp *tcp);
void __wrap_tcp_abort(struct tcp *tcp);

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	(void)data;
	(void)bytes;
	(void)length;
	(void)received_ns;
	return true;
}

static void on_end(void *data, int error)
{
	(void)data;
	(void)error;
}

static const struct tcp_events nobody = { .on_read = on_read, .on_end = on_end };

void __wrap_tcp_close(struct tcp *tcp)
{
	if (tcp != NULL)
		tcp_attach(tcp, &nobody, NULL);
}

void __wrap_tcp_abort(struct tcp *tcp)
{
	__wrap_tcp_close(tcp);
}
