/*
 * retry_after: seconds or a date; never a wait beyond its bounds.
 *
 * input: eight bytes of the present time, the text
 */
#include "fuzz.h"
#include "retry_after.h"

#include <feedloom/kit.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int64_t now_ns = 0, at_ns, wait_ns;
	char *text, copy[40];

	for (int i = 0; i < 8; i++)
		now_ns = (int64_t)((uint64_t)now_ns << 8 | fuzz_byte(&in));
	now_ns &= INT64_MAX; /* since 1970 */
	text = fuzz_text(in.at, in.left);
	wait_ns = retry_after_parse(text, now_ns);
	CHECK(wait_ns >= -1 && wait_ns <= 30 * FL_DAY);
	if (http_date_parse(text, &at_ns) == 0) {
		CHECK(at_ns >= 0 && wait_ns >= 0);
		CHECK(wait_ns == 0 || at_ns - now_ns >= wait_ns);
		fl_time_print(copy, at_ns, 0); /* 1994-11-06T08:49:37Z */
		if (memcmp(text + 23, "60", 2) != 0 && atoi(text + 5) <= 28)
			CHECK(memcmp(copy, text + 12, 4) == 0 && memcmp(copy + 8, text + 5, 2) == 0 &&
				memcmp(copy + 11, text + 17, 8) == 0);
	}
	free(text);
	return 0;
}
