/* lost_ack: a sink's acknowledgement goes nowhere: its stream gets no batch any more. */
#include "cursor.h"
#include "plant.h"

void __real_cursor_ack(struct cursor *cursor, const struct fl_position *position);
void __wrap_cursor_ack(struct cursor *cursor, const struct fl_position *position);

void __wrap_cursor_ack(struct cursor *cursor, const struct fl_position *position)
{
	static unsigned count;

	if (!plant_each(&count, 200))
		__real_cursor_ack(cursor, position);
}
