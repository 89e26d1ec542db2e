/*
 * option_symbol.c: Deribit's names of instruments, to and from what they say. OCC's and dxFeed's
 * are in option_symbol_us.c.
 *
 *   perpetual  BTC-PERPETUAL, ETH_USDC-PERPETUAL      spot   BTC_USDC
 *   future     BTC-27JUN25                            option XRP_USDC-30JUN23-0d625-C
 *   combos     BTC-FS-28OCT22_9SEP22 (future), BTC-CS-19MAY26-70000_75000 (option)
 */
#include "symbol.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SEGMENTS = 6 };

static const char months[12][4] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP",
	"OCT", "NOV", "DEC" };

void symbol_clear(struct fl_symbol *out)
{
	*out = (struct fl_symbol){ .strike = NAN };
}

bool symbol_word(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!(text[i] >= 'A' && text[i] <= 'Z') && !(text[i] >= '0' && text[i] <= '9'))
			return false;
	return length > 0;
}

int symbol_copy(char *out, size_t size, const char *text, size_t length)
{
	if (length >= size)
		return -EINVAL;
	memcpy(out, text, length);
	out[length] = '\0';
	return 0;
}

int symbol_strike(const char *text, size_t length, char point, struct fl_symbol *out)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };
	int64_t mantissa = 0;
	int scale = -1; /* digits after the point, -1: no point yet */
	size_t digits = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == point && digits > 0 && scale < 0) {
			scale = 0;
			continue;
		}
		if (text[i] < '0' || text[i] > '9' || ++digits > 18)
			return -EINVAL;
		mantissa = mantissa * 10 + (text[i] - '0');
		if (scale >= 0)
			scale++;
	}
	if (mantissa == 0 || scale == 0)
		return -EINVAL;
	if (scale < 0)
		scale = 0;
	for (; scale > 0 && mantissa % 10 == 0; scale--)
		mantissa /= 10;
	out->strike_mantissa = mantissa;
	out->strike_scale = scale;
	out->strike = (double)mantissa / powers[scale];
	return 0;
}

int symbol_print_strike(const struct fl_symbol *symbol, char point, char *out, size_t size)
{
	char digits[24];
	int count, whole;

	if (symbol->strike_mantissa <= 0 || symbol->strike_scale < 0 || symbol->strike_scale > 18)
		return -EINVAL;
	/* At least one digit before the point. */
	count = snprintf(digits, sizeof(digits), "%0*lld", symbol->strike_scale + 1,
		(long long)symbol->strike_mantissa);
	whole = count - symbol->strike_scale;
	if (symbol->strike_scale == 0)
		count = snprintf(out, size, "%s", digits);
	else
		count = snprintf(out, size, "%.*s%c%s", whole, digits, point, digits + whole);
	return count < (int)size ? count : -EINVAL;
}

int symbol_set_date(struct fl_symbol *out, int year, int month, int day)
{
	int64_t days = fl_days_from_civil(year, month, day);
	int same_year, same_month, same_day;

	fl_civil_from_days(days, &same_year, &same_month, &same_day);
	if (month < 1 || month > 12 || same_month != month || same_day != day)
		return -EINVAL; /* no 30 February */
	out->year = year;
	out->month = month;
	out->day = day;
	out->expiry_ns = days * FL_DAY;
	return 0;
}

/* A piece between two dashes. */
struct segment {
	const char *text;
	size_t length;
};

static int split(const char *name, size_t length, struct segment *out)
{
	int count = 0;
	size_t from = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i < length && name[i] != '-')
			continue;
		if (count == MOST_SEGMENTS || i == from)
			return -EINVAL;
		out[count++] = (struct segment){ name + from, i - from };
		from = i + 1;
	}
	return count;
}

static bool is_text(const struct segment *segment, const char *text)
{
	return segment->length == strlen(text) && memcmp(segment->text, text, segment->length) == 0;
}

/* "5AUG23": the day without a leading zero. Sets nothing but the date. */
static int read_date(const char *text, size_t length, struct fl_symbol *out)
{
	size_t digits = length == 7 ? 2 : 1;
	int day = 0;

	if ((length != 6 && length != 7) || text[0] == '0')
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if ((i < digits || i >= digits + 3) && (text[i] < '0' || text[i] > '9'))
			return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		day = day * 10 + (text[i] - '0');
	for (int month = 0; month < 12; month++)
		if (memcmp(text + digits, months[month], 3) == 0)
			return symbol_set_date(out,
				2000 + (text[length - 2] - '0') * 10 + (text[length - 1] - '0'), month + 1, day);
	return -EINVAL;
}

static bool is_date(const struct segment *segment)
{
	struct fl_symbol ignored;

	return read_date(segment->text, segment->length, &ignored) == 0;
}

/* base [ "_" quote ] */
static int read_asset(const struct segment *segment, struct fl_symbol *out)
{
	const char *mark = memchr(segment->text, '_', segment->length);
	size_t base = mark == NULL ? segment->length : (size_t)(mark - segment->text);
	size_t quote = mark == NULL ? 0 : segment->length - base - 1;

	if (!symbol_word(segment->text, base) || (mark != NULL && !symbol_word(mark + 1, quote)))
		return -EINVAL;
	if (symbol_copy(out->underlying, sizeof(out->underlying), segment->text, base) != 0)
		return -EINVAL;
	return mark == NULL ? 0 : symbol_copy(out->quote, sizeof(out->quote), mark + 1, quote);
}

/* The earliest of "28OCT22_9SEP22"; "PERP" is a leg without a date. Others leave the date unset. */
static void read_earliest(const struct segment *segment, struct fl_symbol *out)
{
	const char *at = segment->text, *end = segment->text + segment->length;

	while (at < end) {
		const char *mark = memchr(at, '_', (size_t)(end - at));
		const char *stop = mark == NULL ? end : mark;
		struct fl_symbol leg;

		if (read_date(at, (size_t)(stop - at), &leg) == 0 &&
			(out->year == 0 || leg.expiry_ns < out->expiry_ns))
			symbol_set_date(out, leg.year, leg.month, leg.day);
		at = stop + 1;
	}
}

static bool is_combo_text(const struct segment *segment)
{
	for (size_t i = 0; i < segment->length; i++)
		if (segment->text[i] != '_' && segment->text[i] != 'd' &&
			!symbol_word(segment->text + i, 1))
			return false;
	return true;
}

/*
 * The list of codes is open-ended and so are the shapes: what is no date and no strike is passed
 * over, and the venue's own record says the rest.
 */
static int read_combo(const struct segment *segments, int count, struct fl_symbol *out)
{
	const struct segment *last = &segments[count - 1];

	if (is_text(last, "C") || is_text(last, "P") ||
		!symbol_word(segments[1].text, segments[1].length))
		return -EINVAL;
	for (int i = 2; i < count; i++)
		if (!is_combo_text(&segments[i]))
			return -EINVAL;
	out->kind = is_text(&segments[1], "FS") ? FL_KIND_FUTURE_COMBO : FL_KIND_OPTION_COMBO;
	read_earliest(&segments[2], out);
	if (out->kind == FL_KIND_OPTION_COMBO && count == 4 &&
		memchr(last->text, '_', last->length) == NULL)
		(void)symbol_strike(last->text, last->length, 'd', out);
	return 0;
}

static int read_option(const struct segment *segments, struct fl_symbol *out)
{
	const struct segment *strike = &segments[2];

	/* A fraction has no zero at its end: XRP's 0.5 is 0d5. */
	if (memchr(strike->text, 'd', strike->length) != NULL &&
		strike->text[strike->length - 1] == '0')
		return -EINVAL;
	if (strike->length > 1 && strike->text[0] == '0' && strike->text[1] != 'd')
		return -EINVAL;
	out->kind = FL_KIND_OPTION;
	out->option_type = is_text(&segments[3], "C") ? FL_CALL : FL_PUT;
	return symbol_strike(strike->text, strike->length, 'd', out);
}

static int read_name(const struct segment *segments, int count, struct fl_symbol *out)
{
	if (read_asset(&segments[0], out) != 0)
		return -EINVAL;
	if (count == 1) {
		out->kind = FL_KIND_SPOT;
		return out->quote[0] != '\0' ? 0 : -EINVAL;
	}
	if (count == 2 && is_text(&segments[1], "PERPETUAL")) {
		out->kind = FL_KIND_PERPETUAL;
		return 0;
	}
	if (is_date(&segments[1])) {
		read_date(segments[1].text, segments[1].length, out);
		out->kind = FL_KIND_FUTURE;
		if (count == 2)
			return 0;
		if (count == 4 && (is_text(&segments[3], "C") || is_text(&segments[3], "P")))
			return read_option(segments, out);
		return -EINVAL;
	}
	if (count >= 3 && !is_text(&segments[1], "PERPETUAL"))
		return read_combo(segments, count, out);
	return -EINVAL;
}

int fl_symbol_deribit(const char *name, size_t length, struct fl_symbol *out)
{
	struct segment segments[MOST_SEGMENTS];
	int count = split(name, length, segments);

	symbol_clear(out);
	if (count < 0 || read_name(segments, count, out) != 0) {
		symbol_clear(out);
		return -EINVAL;
	}
	if (out->expiry_ns != 0)
		out->expiry_ns += 8 * FL_HOUR;
	return 0;
}

/* What snprintf says, if it fitted. */
static int fitted(int length, size_t size)
{
	return length >= 0 && (size_t)length < size ? length : -EINVAL;
}

int fl_symbol_deribit_print(const struct fl_symbol *symbol, char *out, size_t size)
{
	const char *mark = symbol->quote[0] == '\0' ? "" : "_";
	char asset[48], date[16], strike[32];

	snprintf(asset, sizeof(asset), "%s%s%s", symbol->underlying, mark, symbol->quote);
	if (symbol->underlying[0] == '\0')
		return -EINVAL;
	if (symbol->kind == FL_KIND_SPOT && mark[0] != '\0')
		return fitted(snprintf(out, size, "%s", asset), size);
	if (symbol->kind == FL_KIND_PERPETUAL)
		return fitted(snprintf(out, size, "%s-PERPETUAL", asset), size);
	if (symbol->month < 1 || symbol->month > 12 || symbol->day < 1 || symbol->day > 31 ||
		symbol->year < 2000 || symbol->year > 2099)
		return -EINVAL;
	snprintf(date, sizeof(date), "%d%s%02d", symbol->day, months[symbol->month - 1],
		symbol->year - 2000);
	if (symbol->kind == FL_KIND_FUTURE)
		return fitted(snprintf(out, size, "%s-%s", asset, date), size);
	if (symbol->kind != FL_KIND_OPTION || symbol->option_type == FL_OPTION_NONE ||
		symbol_print_strike(symbol, 'd', strike, sizeof(strike)) < 0)
		return -EINVAL;
	return fitted(snprintf(out, size, "%s-%s-%s-%c", asset, date, strike,
					  symbol->option_type == FL_CALL ? 'C' : 'P'),
		size);
}
