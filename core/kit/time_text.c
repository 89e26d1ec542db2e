/*
 * time_text.c: instants as text, both ways, and the civil calendar (proleptic Gregorian, UTC).
 */
#include <feedloom/kit.h>
#include <stdio.h>

/*
 * The year is counted from March, so that the leap day is its last; 400 years ("era") have 146,097
 * days. 719,468 is the number of days from 0000-03-01 to 1970-01-01.
 */
int64_t fl_days_from_civil(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
		719468;
}

void fl_civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	*month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

struct reader {
	const char *at, *end;
};

/* Exactly `count` digits, or -1. */
static int digits(struct reader *in, int count)
{
	int value = 0;

	if (in->end - in->at < count)
		return -1;
	for (int i = 0; i < count; i++, in->at++) {
		if (*in->at < '0' || *in->at > '9')
			return -1;
		value = value * 10 + (*in->at - '0');
	}
	return value;
}

static bool take(struct reader *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

static int read_date(struct reader *in, int64_t *days)
{
	int year, month, day, same_year, same_month, same_day;

	year = digits(in, 4);
	if (year < 0 || !take(in, '-'))
		return -EINVAL;
	month = digits(in, 2);
	if (month < 1 || month > 12 || !take(in, '-'))
		return -EINVAL;
	day = digits(in, 2);
	if (day < 1 || day > 31)
		return -EINVAL;
	*days = fl_days_from_civil(year, month, day);
	fl_civil_from_days(*days, &same_year, &same_month, &same_day);
	return same_day == day ? 0 : -EINVAL; /* no 30 February */
}

static int read_clock(struct reader *in, int64_t *seconds, int64_t *fraction_ns)
{
	int hour, minute, second;
	int64_t unit = FL_SECOND / 10;

	hour = digits(in, 2);
	if (hour < 0 || hour > 23 || !take(in, ':'))
		return -EINVAL;
	minute = digits(in, 2);
	if (minute < 0 || minute > 59 || !take(in, ':'))
		return -EINVAL;
	second = digits(in, 2);
	if (second < 0 || second > 60) /* 60: a leap second counts as the next minute's first */
		return -EINVAL;
	*seconds = hour * 3600 + minute * 60 + second;
	*fraction_ns = 0;
	if (!take(in, '.'))
		return 0;
	if (in->at == in->end || *in->at < '0' || *in->at > '9')
		return -EINVAL;
	for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++, unit /= 10) {
		if (unit == 0)
			return -EINVAL;
		*fraction_ns += unit * (*in->at - '0');
	}
	return 0;
}

/* "Z", "+01:00", "+0100". */
static int read_offset(struct reader *in, int64_t *seconds)
{
	int sign, hours, minutes;

	*seconds = 0;
	if (take(in, 'Z') || take(in, 'z'))
		return 0;
	sign = take(in, '-') ? -1 : take(in, '+') ? 1 : 0;
	if (sign == 0)
		return -EINVAL;
	hours = digits(in, 2);
	(void)take(in, ':');
	minutes = digits(in, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return -EINVAL;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int fl_time_parse(const char *text, size_t length, int64_t *out_ns)
{
	struct reader in = { text, text + length };
	int64_t days, clock, fraction_ns, offset, seconds;

	if (read_date(&in, &days) != 0)
		return -EINVAL;
	if (!take(&in, 'T') && !take(&in, 't') && !take(&in, ' '))
		return -EINVAL;
	if (read_clock(&in, &clock, &fraction_ns) != 0 || read_offset(&in, &offset) != 0)
		return -EINVAL;
	if (in.at != in.end)
		return -EINVAL;
	seconds = days * 86400 + clock - offset;
	if (seconds > INT64_MAX / FL_SECOND - 1 || seconds < INT64_MIN / FL_SECOND + 1)
		return -EINVAL; /* before 1678 or after 2261 */
	*out_ns = seconds * FL_SECOND + fraction_ns;
	return 0;
}

int fl_time_print(char out[40], int64_t ns, int digits_wanted)
{
	static const int64_t units[10] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000,
		1000, 100, 10, 1 };
	int places = digits_wanted < 0 ? 0 : digits_wanted > 9 ? 9 : digits_wanted;
	int64_t fraction = ns % FL_SECOND, seconds = ns / FL_SECOND, days, clock;
	int year, month, day, length;

	if (fraction < 0) {
		fraction += FL_SECOND;
		seconds--;
	}
	days = seconds / 86400;
	clock = seconds % 86400;
	if (clock < 0) {
		clock += 86400;
		days--;
	}
	fl_civil_from_days(days, &year, &month, &day);
	length = snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
		(int)(clock / 3600), (int)(clock / 60 % 60), (int)(clock % 60));
	if (places > 0)
		length += snprintf(
			out + length, 40 - (size_t)length, ".%0*d", places, (int)(fraction / units[places]));
	out[length++] = 'Z';
	out[length] = '\0';
	return length;
}
