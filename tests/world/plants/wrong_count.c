/* wrong_count: a batch counts a quote more than it has. */
#include "plant.h"
#include "reader.h"

enum make_result __real_cursor_make_batch(struct cursor *cursor);
enum make_result __wrap_cursor_make_batch(struct cursor *cursor);

enum make_result __wrap_cursor_make_batch(struct cursor *cursor)
{
	static unsigned count;
	enum make_result result = __real_cursor_make_batch(cursor);

	if (result == MADE_BATCH && plant_each(&count, 100))
		cursor->taken[FL_QUOTE]++;
	return result;
}
