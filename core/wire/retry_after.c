/*
 * retry_after.c: seconds or an IMF-fixdate (RFC 9110, 5.6.7); the two obsolete forms are not taken.
 */
#include "retry_after.h"

#include <feedloom/kit.h>
#include <string.h>

enum { LONGEST_DAYS = 30 };

/** `count` digits; -1. */
static int digits(const char *text, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static int month_of(const char *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int month = 1; month <= 12; month++)
		if (memcmp(text, names + 3 * (month - 1), 3) == 0)
			return month;
	return -1;
}

int http_date_parse(const char *text, int64_t *out_ns)
{
	static const char shape[] =
		"ddd, 00 mmm 0000 00:00:00 GMT"; /* letters and digits stand for some */

	if (strlen(text) != sizeof(shape) - 1)
		return -EINVAL;
	for (size_t i = 3; i < sizeof(shape) - 1; i++)
		if (shape[i] != '0' && shape[i] != 'm' && shape[i] != text[i])
			return -EINVAL;
	int day = digits(text + 5, 2), month = month_of(text + 8), year = digits(text + 12, 4);
	int hour = digits(text + 17, 2), minute = digits(text + 20, 2), second = digits(text + 23, 2);

	if (day < 1 || day > 31 || month < 1 || year < 1970 || year > 2200 || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60)
		return -EINVAL;
	*out_ns = fl_days_from_civil(year, month, day) * FL_DAY + hour * FL_HOUR + minute * FL_MINUTE +
		second * FL_SECOND;
	return 0;
}

int64_t retry_after_parse(const char *text, int64_t now_ns)
{
	int64_t wait_ns;

	if (text == NULL)
		return -1;
	size_t length = strlen(text);
	if (length > 0 && length <= 9 && digits(text, (int)length) >= 0)
		wait_ns = digits(text, (int)length) * FL_SECOND;
	else if (http_date_parse(text, &wait_ns) == 0)
		wait_ns -= now_ns;
	else
		return -1;
	if (wait_ns < 0)
		return 0;
	return wait_ns < LONGEST_DAYS * FL_DAY ? wait_ns : LONGEST_DAYS * FL_DAY;
}
