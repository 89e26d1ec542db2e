/* option_value: numbers, durations and sizes as users write them. */
#include "fuzz.h"
#include "option_value.h"

#include <errno.h>
#include <math.h>

static void check_whole(const char *text)
{
	char again[32];
	int64_t value, same;

	if (option_parse_int(text, &value) == 0) {
		snprintf(again, sizeof(again), "%lld", (long long)value);
		CHECK(option_parse_int(again, &same) == 0 && same == value);
	}
	/* 18 digits a number at most */
	if (option_parse_duration(text, &value) == 0) {
		CHECK(value >= 0);
		snprintf(again, sizeof(again), "%lldns", (long long)value);
		if (value < INT64_C(1000000000000000000))
			CHECK(option_parse_duration(again, &same) == 0 && same == value);
	}
	if (option_parse_size(text, &value) == 0) {
		CHECK(value >= 0);
		snprintf(again, sizeof(again), "%lldB", (long long)value);
		if (value < INT64_C(1000000000000000000))
			CHECK(option_parse_size(again, &same) == 0 && same == value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	double value, percent;

	check_whole(text);
	if (option_parse_real(text, &value) == 0)
		CHECK(isfinite(value));
	if (option_parse_ratio(text, &percent) == 0)
		CHECK(isfinite(percent));
	free(text);
	return 0;
}
