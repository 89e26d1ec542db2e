/*
 * flow.h: what tests of the plugin's way share: options that a test may change first, and the core
 * that it makes; both anew for each.
 */
#ifndef FLOW_H
#define FLOW_H

#include "unit.h"
#include "world.h"

static struct deribit_options options;
static struct fl_ctx *ctx;

static int setup(void **state)
{
	(void)state;
	options = world_options();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (ctx != NULL)
		fake_destroy(ctx);
	ctx = NULL;
	return 0;
}

static inline int open_connections(void)
{
	int count = 0;

	for (int conn = 1; conn < 64; conn++)
		count += ctx->conns[conn] != FL_CONN_CLOSED && ctx->conns[conn] != FL_CONN_CLOSING;
	return count;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
