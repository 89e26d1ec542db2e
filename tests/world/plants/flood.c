/* flood: what asks the venue to subscribe is sent many times over. */
#include "conn.h"
#include "plant.h"

#include <string.h>

int __real_conn_send(struct conn *conn, const void *data, size_t length);
int __wrap_conn_send(struct conn *conn, const void *data, size_t length);

int __wrap_conn_send(struct conn *conn, const void *data, size_t length)
{
	if (conn_url(conn)[0] != '\0' && memmem(data, length, "public/subscribe", 16) != NULL)
		for (int i = 0; i < 20; i++)
			(void)__real_conn_send(conn, data, length);
	return __real_conn_send(conn, data, length);
}
