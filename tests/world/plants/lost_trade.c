/* lost_trade: a trade is not published, and what follows it is not held for it. */
#include "bus.h"
#include "plant.h"

int __real_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);
int __wrap_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);

int __wrap_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record)
{
	static unsigned count;

	if (record->kind == FL_TRADE && plant_each(&count, 100))
		return 0;
	return __real_bus_publish(bus, source, record);
}
