/* test_world.c: what a simulated machine does and forgets, and that a seed is all there is to a
 * run. */
#include "world.h"
#include <stdio.h>

int main(int argc, char **argv)
{
	struct machine *exchange, *collector;
	int error;
	(void)argc;
	(void)argv;
	world_open(1);
	exchange = world_machine("exchange");
	collector = world_machine("collector");
	error = machine_start(exchange,
		"services:\n  simulator: { listen: 127.0.0.1:8090, seed: 1, btc_options: 40, eth_options: 40, futures: 2, message_rate: 2, ledger: ':memory:ledger' }\n");
	printf("exchange %d\n", error);
	error = machine_start(collector,
		"feeds:\n  deribit: { url: ws://exchange.test:8090/ws/api/v2, currencies: [BTC, ETH] }\nsinks:\n  store: { plugin: sink_sqlite, path: ':memory:store' }\n");
	printf("collector %d\n", error);
	world_run(60 * FL_SECOND);
	world_print_log();
	printf("%lu %lu\n", world_hash(), world_turns());
	world_run(3600 * FL_SECOND);
	printf("%lu %lu\n", world_hash(), world_turns());
	printf("%d\n", machine_stop(collector));
	world_close();
	return 0;
}
