/* double_publish: now and then a record is published twice. */
#include "bus.h"
#include "plant.h"

int __real_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);
int __wrap_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);

int __wrap_bus_publish(struct bus *bus, uint16_t source, struct fl_record *record)
{
	static unsigned count;

	if (record->kind == FL_QUOTE && plant_each(&count, 300))
		(void)__real_bus_publish(bus, source, record);
	return __real_bus_publish(bus, source, record);
}
