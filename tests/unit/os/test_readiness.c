/* test_readiness.c: somebody else's descriptor: here one end of a socket pair. */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "readiness.h"

struct world {
	struct loop *loop;
	struct readiness *readiness;
	int fds[2];
	unsigned ready;
	int calls;
};

static void on_ready(void *data, unsigned ready)
{
	struct world *world = data;

	world->ready |= ready;
	world->calls++;
	readiness_wait_for(world->readiness, 0);
}

static int begin(void **state)
{
	static struct world world;

	world = (struct world){ 0 };
	*state = &world;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, world.fds) != 0 || loop_open(&world.loop) != 0)
		return -1;
	return readiness_create(world.loop, world.fds[0], on_ready, &world, &world.readiness);
}

static int finish(void **state)
{
	struct world *world = *state;

	readiness_destroy(world->readiness);
	(void)close(world->fds[0]);
	(void)close(world->fds[1]);
	loop_close(world->loop);
	return 0;
}

static void only_what_is_awaited_is_told(void **state)
{
	struct world *world = *state;

	readiness_wait_for(world->readiness, READINESS_READ);
	loop_turn(world->loop, false);
	assert_int_equal(world->ready, 0); /* could be written, cannot be read */
	readiness_wait_for(world->readiness, READINESS_READ | READINESS_WRITE);
	loop_turn(world->loop, true);
	assert_int_equal(world->ready, READINESS_WRITE);

	world->ready = 0;
	assert_int_equal(write(world->fds[1], "x", 1), 1);
	loop_turn(world->loop, false);
	assert_int_equal(world->ready, 0); /* nothing is awaited */
	readiness_wait_for(world->readiness, READINESS_READ);
	loop_turn(world->loop, true);
	assert_int_equal(world->ready, READINESS_READ);
	assert_int_equal(world->calls, 2);
}

static void a_peer_that_is_gone_can_be_read(void **state)
{
	struct world *world = *state;

	assert_int_equal(shutdown(world->fds[1], SHUT_RDWR), 0);
	readiness_wait_for(world->readiness, READINESS_READ);
	loop_turn(world->loop, true);
	assert_true((world->ready & READINESS_READ) != 0);
}

static void what_is_no_descriptor_is_refused(void **state)
{
	struct world *world = *state;
	struct readiness *other = NULL;

	assert_int_equal(readiness_create(world->loop, 12345, on_ready, world, &other), -EBADF);
	assert_null(other);
	readiness_destroy(NULL);
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_LOOP(only_what_is_awaited_is_told),
		ON_A_LOOP(a_peer_that_is_gone_can_be_read),
		ON_A_LOOP(what_is_no_descriptor_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
