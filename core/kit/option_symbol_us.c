/*
 * option_symbol_us.c: names of options in the United States.
 *
 *   OCC      root padded to six, YYMMDD, C or P, strike in thousandths  "SPY   260804C00500000"
 *   dxFeed   "." root YYMMDD C or P strike                              ".SPXW260821P6001.5"
 *            "./" root, month's letter, year, C or P, strike, exchange  "./ESU25P900:XCME"
 *
 * A future's option names a month, not a day: day and expiry stay unknown. Of a year in one digit
 * ("./ESM4C5000") the decade is unknown: the year stays 0.
 */
#include "symbol.h"
#include <stdio.h>
#include <string.h>

enum { OCC_ROOT = 6, OCC_TAIL = 15, DATE = 6 };

static int two_digits(const char *text)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	return (text[0] - '0') * 10 + (text[1] - '0');
}

static int read_date(const char *text, struct fl_symbol *out)
{
	int year = two_digits(text), month = two_digits(text + 2), day = two_digits(text + 4);

	if (year < 0 || month < 1 || month > 12 || day < 1)
		return -EINVAL;
	return symbol_set_date(out, 2000 + year, month, day);
}

static int read_type(char letter, struct fl_symbol *out)
{
	if (letter != 'C' && letter != 'P')
		return -EINVAL;
	out->kind = FL_KIND_OPTION;
	out->option_type = letter == 'C' ? FL_CALL : FL_PUT;
	return 0;
}

static int read_occ(const char *name, size_t length, struct fl_symbol *out)
{
	const char *tail;
	char strike[9];
	size_t root;

	if (length <= OCC_TAIL || length > OCC_ROOT + OCC_TAIL)
		return -EINVAL;
	root = length - OCC_TAIL; /* some leave the padding out */
	tail = name + root;
	while (root > 0 && name[root - 1] == ' ')
		root--;
	if (!symbol_word(name, root) ||
		symbol_copy(out->underlying, sizeof(out->underlying), name, root) != 0)
		return -EINVAL;
	if (read_date(tail, out) != 0 || read_type(tail[DATE], out) != 0)
		return -EINVAL;
	memcpy(strike, tail + DATE + 1, 5);
	strike[5] = '.';
	memcpy(strike + 6, tail + DATE + 6, 3);
	return symbol_strike(strike, sizeof(strike), '.', out);
}

int fl_symbol_occ(const char *name, size_t length, struct fl_symbol *out)
{
	symbol_clear(out);
	if (read_occ(name, length, out) == 0)
		return 0;
	symbol_clear(out);
	return -EINVAL;
}

int fl_symbol_occ_print(const struct fl_symbol *symbol, char *out, size_t size)
{
	int64_t thousandths = symbol->strike_mantissa;
	int length;

	if (symbol->kind != FL_KIND_OPTION || symbol->option_type == FL_OPTION_NONE ||
		symbol->year < 2000 || symbol->year > 2099 || symbol->day < 1 || symbol->strike_scale < 0 ||
		symbol->strike_scale > 3 || symbol->strike_mantissa > 99999999)
		return -EINVAL;
	for (int i = symbol->strike_scale; i < 3; i++)
		thousandths *= 10;
	if (thousandths <= 0 || thousandths > 99999999 || strlen(symbol->underlying) > OCC_ROOT)
		return -EINVAL;
	length = snprintf(out, size, "%-6s%02d%02d%02d%c%08lld", symbol->underlying,
		symbol->year - 2000, symbol->month, symbol->day, symbol->option_type == FL_CALL ? 'C' : 'P',
		(long long)thousandths);
	return length == OCC_ROOT + OCC_TAIL && (size_t)length < size ? length : -EINVAL;
}

/* Where the strike begins that the name ends with: behind its last letter. 0: there is none. */
static size_t strike_at(const char *name, size_t length)
{
	size_t at = length;

	while (at > 0 && ((name[at - 1] >= '0' && name[at - 1] <= '9') || name[at - 1] == '.'))
		at--;
	return at == length ? 0 : at;
}

/* "SPXW260821P6001.5" */
static int read_equity(const char *name, size_t length, struct fl_symbol *out)
{
	size_t strike = strike_at(name, length), root;

	if (strike < DATE + 2)
		return -EINVAL;
	root = strike - 1 - DATE;
	/* A class of stock is written with a slash: BRK/B. */
	for (size_t i = 0; i < root; i++)
		if (!symbol_word(name + i, 1) && !(name[i] == '/' && i > 0 && i + 1 < root))
			return -EINVAL;
	if (symbol_copy(out->underlying, sizeof(out->underlying), name, root) != 0 ||
		read_date(name + root, out) != 0 || read_type(name[strike - 1], out) != 0)
		return -EINVAL;
	return symbol_strike(name + strike, length - strike, '.', out);
}

/* "/ESU25P900:XCME"; the underlying is "/ESU25", the contract. */
static int read_future_option(const char *name, size_t length, struct fl_symbol *out)
{
	static const char letters[] = "FGHJKMNQUVXZ"; /* January to December */
	const char *exchange = memchr(name, ':', length), *letter;
	size_t strike, root;
	int year = 0;

	if (exchange != NULL) {
		if (!symbol_word(exchange + 1, length - (size_t)(exchange + 1 - name)))
			return -EINVAL;
		length = (size_t)(exchange - name);
	}
	strike = strike_at(name, length);
	if (strike < 5) /* slash, one letter, month, year, type */
		return -EINVAL;
	root = strike - 1;
	if (!symbol_word(name + 1, root - 1) ||
		symbol_copy(out->underlying, sizeof(out->underlying), name, root) != 0)
		return -EINVAL;
	if (two_digits(name + root - 2) >= 0) {
		year = 2000 + two_digits(name + root - 2);
		root--;
	}
	if (name[root - 1] < '0' || name[root - 1] > '9' || root < 4)
		return -EINVAL;
	letter = memchr(letters, name[root - 2], 12);
	if (letter == NULL || read_type(name[strike - 1], out) != 0)
		return -EINVAL;
	out->year = year;
	out->month = (int)(letter - letters) + 1;
	return symbol_strike(name + strike, length - strike, '.', out);
}

int fl_symbol_dxfeed(const char *name, size_t length, struct fl_symbol *out)
{
	int rc = -EINVAL;

	symbol_clear(out);
	if (length > 2 && name[0] == '.' && name[1] == '/')
		rc = read_future_option(name + 1, length - 1, out);
	else if (length > 1 && name[0] == '.')
		rc = read_equity(name + 1, length - 1, out);
	if (rc != 0)
		symbol_clear(out);
	return rc;
}

int fl_symbol_dxfeed_print(const struct fl_symbol *symbol, char *out, size_t size)
{
	char type = symbol->option_type == FL_CALL ? 'C' : 'P', strike[32];
	int length;

	if (symbol->kind != FL_KIND_OPTION || symbol->option_type == FL_OPTION_NONE ||
		symbol->underlying[0] == '\0' ||
		symbol_print_strike(symbol, '.', strike, sizeof(strike)) < 0)
		return -EINVAL;
	if (symbol->underlying[0] == '/')
		length = snprintf(out, size, ".%s%c%s", symbol->underlying, type, strike);
	else if (symbol->year >= 2000 && symbol->year <= 2099 && symbol->day > 0)
		length = snprintf(out, size, ".%s%02d%02d%02d%c%s", symbol->underlying, symbol->year - 2000,
			symbol->month, symbol->day, type, strike);
	else
		return -EINVAL;
	return length >= 0 && (size_t)length < size ? length : -EINVAL;
}
