/* test_world_os.c: the simulated system itself: what a disk keeps, what a network does, and that
 * time is the seed's alone. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "os_inside.h"
#include "tcp.h"
#include "timer.h"
#include "worker.h"
#include "world.h"

static struct machine *machine;
static struct loop *loop;

static int begin(void **state)
{
	(void)state;
	world_open(1);
	machine = world_machine("box");
	os.current = machine;
	assert_int_equal(0, loop_open(&loop));
	assert_int_equal(0, file_make_folder("/disk/box"));
	return 0;
}

static int end(void **state)
{
	(void)state;
	loop_close(loop);
	os.current = NULL;
	world_close();
	return 0;
}

/* -- disk ----------------------------------------------------------------------------- */

static void what_was_synced_outlives_a_power_cut(void **state)
{
	struct file *file;
	char *text;
	void *map;

	(void)state;
	for (uint64_t draw = 0; draw < 64; draw++) {
		struct random_stream stream = { draw };

		assert_int_equal(0, file_open("/disk/box/a", FILE_READ | FILE_WRITE | FILE_CREATE, &file));
		assert_int_equal(0, file_allocate(file, 8192));
		assert_int_equal(0, file_map(file, 0, 8192, true, &map));
		memset(map, 'x', 8192);
		assert_int_equal(0, file_map_sync(map, 4096));
		assert_int_equal(0, file_sync_folder("/disk/box"));
		((char *)map)[4096] = 'y';
		disk_process_died(machine);
		disk_power_cut(machine, &stream);
		assert_int_equal(0, file_load("/disk/box/a", 8192, &text, NULL));
		assert_int_equal('x', text[0]);
		assert_int_equal('x', text[4095]);
		free(text);
		assert_int_equal(0, file_remove("/disk/box/a"));
	}
}

static void what_was_not_synced_can_be_gone(void **state)
{
	unsigned kept = 0, gone = 0;

	(void)state;
	for (uint64_t draw = 0; draw < 64; draw++) {
		struct random_stream stream = { draw };
		struct file *file;
		char *text;

		assert_int_equal(0, file_open("/disk/box/a", FILE_WRITE | FILE_CREATE, &file));
		assert_int_equal(0, file_sync_folder("/disk/box"));
		assert_int_equal(3, file_write(file, 0, "abc", 3));
		disk_process_died(machine);
		disk_power_cut(machine, &stream);
		assert_int_equal(0, file_load("/disk/box/a", 8192, &text, NULL));
		kept += strcmp(text, "abc") == 0;
		gone += text[0] == '\0';
		free(text);
		assert_int_equal(0, file_remove("/disk/box/a"));
	}
	assert_true(kept > 0 && gone > 0);
}

static void a_name_that_was_not_synced_can_be_the_old_one(void **state)
{
	unsigned old = 0, new = 0;

	(void)state;
	for (uint64_t draw = 0; draw < 64; draw++) {
		struct random_stream stream = { draw };

		assert_int_equal(0, file_store("/disk/box/a", "1", 1));
		assert_int_equal(0, file_rename("/disk/box/a", "/disk/box/b"));
		disk_process_died(machine);
		disk_power_cut(machine, &stream);
		old += file_exists("/disk/box/a");
		new += file_exists("/disk/box/b");
		(void)file_remove("/disk/box/a");
		(void)file_remove("/disk/box/b");
		assert_int_equal(0, file_sync_folder("/disk/box"));
	}
	assert_true(old > 0 && new > 0);
}

static void a_lock_ends_with_its_process(void **state)
{
	struct file *one, *other;

	(void)state;
	assert_int_equal(0, file_open("/disk/box/lock", FILE_WRITE | FILE_CREATE, &one));
	assert_int_equal(0, file_open("/disk/box/lock", FILE_WRITE, &other));
	assert_int_equal(0, file_lock(one));
	assert_int_equal(-EWOULDBLOCK, file_lock(other));
	disk_process_died(machine);
	assert_int_equal(0, file_open("/disk/box/lock", FILE_WRITE, &other));
	assert_int_equal(0, file_lock(other));
	file_close(other);
}

static void a_full_disk_says_so_before_it_is_written_to(void **state)
{
	struct file *file;

	(void)state;
	assert_int_equal(0, file_open("/disk/box/a", FILE_WRITE | FILE_CREATE, &file));
	machine_disk(machine, true, false, 0);
	assert_int_equal(-ENOSPC, file_allocate(file, 4096));
	assert_int_equal(-ENOSPC, file_write(file, 0, "a", 1));
	machine_disk(machine, false, false, 0);
	assert_int_equal(1, file_write(file, 0, "a", 1));
	file_close(file);
}

/* -- time ----------------------------------------------------------------------------- */

static int64_t due_ns;

static void on_due(void *data)
{
	(void)data;
	due_ns = world_now_ns();
}

static void time_jumps_to_what_is_due(void **state)
{
	struct timer *timer = timer_create(loop, on_due, NULL);
	uint64_t turns = world_turns();

	(void)state;
	timer_start(timer, 40 * FL_DAY, 0);
	world_run(41 * FL_DAY);
	assert_int_equal(FL_SECOND + 40 * FL_DAY, due_ns);
	assert_int_equal(turns + 1, world_turns());
	timer_destroy(timer);
}

static int worked, answered;

static void work(void *data)
{
	(void)data;
	worked++;
}

static void done(void *data)
{
	(void)data;
	answered++;
}

static void a_job_is_done_later_than_it_is_asked_for(void **state)
{
	(void)state;
	worked = answered = 0;
	assert_int_equal(0, worker_run(loop, work, done, NULL));
	assert_int_equal(0, worked);
	while (worked == 0)
		assert_true(os_step(INT64_MAX));
	assert_int_equal(0, answered);
	world_run(FL_SECOND);
	assert_int_equal(1, answered);
}

/* -- network -------------------------------------------------------------------------- */

struct end {
	struct tcp *tcp;
	char got[400000];
	size_t length;
	int connected, ended, error;
};

static struct end client, server;

static void on_connected(void *data, int error)
{
	((struct end *)data)->connected = 1;
	((struct end *)data)->error = error;
}

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct end *to = data;

	(void)received_ns;
	memcpy(to->got + to->length, bytes, length);
	to->length += length;
	return true;
}

static void on_end(void *data, int error)
{
	((struct end *)data)->ended = 1;
	((struct end *)data)->error = error;
}

static const struct tcp_events events = {
	.on_connected = on_connected, .on_read = on_read, .on_end = on_end
};

static void on_accept(void *data, struct tcp *tcp)
{
	(void)data;
	server.tcp = tcp;
	tcp_attach(tcp, &events, &server);
}

static void connect_both(struct tcp_listener **listener)
{
	struct address address = { .text = "127.0.0.1", .port = 80 };

	client = server = (struct end){ 0 };
	assert_int_equal(0, tcp_listen(loop, "127.0.0.1", 80, 5, on_accept, NULL, listener));
	assert_int_equal(0, tcp_dial(loop, &address, 1, &events, &client, &client.tcp));
	world_run(FL_SECOND);
	assert_int_equal(1, client.connected);
	assert_int_equal(0, client.error);
	assert_non_null(server.tcp);
}

static void bytes_arrive_whole_and_in_order(void **state)
{
	struct tcp_listener *listener;
	static char sent[150000];

	(void)state;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 + i / 251);
	connect_both(&listener);
	assert_int_equal(0, tcp_write(client.tcp, sent, sizeof(sent)));
	world_run(FL_SECOND);
	assert_int_equal(sizeof(sent), server.length);
	assert_memory_equal(sent, server.got, sizeof(sent));
	tcp_close(client.tcp);
	world_run(FL_SECOND);
	assert_int_equal(1, server.ended);
	assert_int_equal(0, server.error);
	tcp_close(server.tcp);
	tcp_listener_close(listener);
}

static void who_does_not_read_holds_the_sender_up(void **state)
{
	struct tcp_listener *listener;
	static char much[1000000];

	(void)state;
	connect_both(&listener);
	tcp_pause(server.tcp);
	assert_int_equal(0, tcp_write(client.tcp, much, sizeof(much)));
	world_run(FL_MINUTE);
	assert_int_equal(0, server.length);
	assert_true(tcp_queued(client.tcp) > sizeof(much) / 2);
	tcp_abort(client.tcp);
	tcp_resume(server.tcp);
	world_run(FL_SECOND);
	assert_int_equal(-ECONNRESET, server.error);
	tcp_close(server.tcp);
	tcp_listener_close(listener);
}

static void nobody_listens_and_it_is_refused(void **state)
{
	struct address address = { .text = "127.0.0.1", .port = 81 };

	(void)state;
	client = (struct end){ 0 };
	assert_int_equal(0, tcp_dial(loop, &address, 1, &events, &client, &client.tcp));
	world_run(FL_SECOND);
	assert_int_equal(-ECONNREFUSED, client.error);
	tcp_close(client.tcp);
}

int main(void)
{
#define WITH_A_BOX(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH_A_BOX(what_was_synced_outlives_a_power_cut),
		WITH_A_BOX(what_was_not_synced_can_be_gone),
		WITH_A_BOX(a_name_that_was_not_synced_can_be_the_old_one),
		WITH_A_BOX(a_lock_ends_with_its_process),
		WITH_A_BOX(a_full_disk_says_so_before_it_is_written_to),
		WITH_A_BOX(time_jumps_to_what_is_due),
		WITH_A_BOX(a_job_is_done_later_than_it_is_asked_for),
		WITH_A_BOX(bytes_arrive_whole_and_in_order),
		WITH_A_BOX(who_does_not_read_holds_the_sender_up),
		WITH_A_BOX(nobody_listens_and_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
