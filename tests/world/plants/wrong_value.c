/* wrong_value: a field is not what was sent. */
#include "bus.h"
#include "plant.h"

int __real_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);
int __wrap_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);

int __wrap_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record)
{
	static unsigned count;

	if (record->kind == FL_QUOTE && plant_each(&count, 300))
		((struct fl_quote *)(void *)record)->bid_amount += 0.1;
	return __real_bus_publish(bus, source, record);
}
