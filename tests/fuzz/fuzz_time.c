/*
 * time: instants as text and back, and days as dates and back.
 *
 * input: the text; its first eight bytes are also taken as an instant
 */
#include "fuzz.h"

#include <feedloom/kit.h>

enum { NINE = 9 };

static void round_trip(int64_t ns)
{
	/* fl_time_parse takes no seconds beyond these. */
	bool is_within = ns < INT64_MAX - 2 * FL_SECOND && ns > INT64_MIN + 2 * FL_SECOND;
	int64_t unit = FL_SECOND, same;
	char text[40];

	for (int digits = 0; digits <= NINE; digits++, unit /= 10) {
		int length = fl_time_print(text, ns, digits);

		CHECK((size_t)length == strlen(text));
		CHECK(length == (digits == 0 ? 20 : 21 + digits));
		if (!is_within)
			continue;
		CHECK(fl_time_parse(text, (size_t)length, &same) == 0);
		CHECK(same <= ns && ns - same < unit); /* rounded down */
	}
}

static void check_days(int64_t days)
{
	int year, month, day;

	days %= INT64_C(700000000000); /* years fit in an int */
	fl_civil_from_days(days, &year, &month, &day);
	CHECK(month >= 1 && month <= 12 && day >= 1 && day <= 31);
	CHECK(fl_days_from_civil(year, month, day) == days);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	int64_t ns;

	if (fl_time_parse(copy, size, &ns) == 0)
		round_trip(ns);
	if (size >= sizeof(ns)) {
		memcpy(&ns, data, sizeof(ns));
		round_trip(ns);
		check_days(ns);
	}
	free(copy);
	return 0;
}
