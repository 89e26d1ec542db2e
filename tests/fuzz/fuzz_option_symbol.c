/* option_symbol: what a name says, printed, is the same name; or its canonical form. */
#include "fuzz.h"

#include <feedloom/kit.h>
#include <math.h>

struct naming {
	int (*parse)(const char *name, size_t length, struct fl_symbol *out);
	int (*print)(const struct fl_symbol *symbol, char *out, size_t size);
};

static const struct naming namings[] = {
	{ fl_symbol_deribit, fl_symbol_deribit_print },
	{ fl_symbol_occ, fl_symbol_occ_print },
	{ fl_symbol_dxfeed, fl_symbol_dxfeed_print },
};

static bool is_same(const struct fl_symbol *a, const struct fl_symbol *b)
{
	return a->kind == b->kind && a->option_type == b->option_type &&
		strcmp(a->underlying, b->underlying) == 0 && strcmp(a->quote, b->quote) == 0 &&
		a->year == b->year && a->month == b->month && a->day == b->day &&
		a->expiry_ns == b->expiry_ns && a->strike_mantissa == b->strike_mantissa &&
		a->strike_scale == b->strike_scale &&
		(a->strike == b->strike || (isnan(a->strike) && isnan(b->strike)));
}

static bool is_combo(const struct fl_symbol *symbol)
{
	return symbol->kind == FL_KIND_OPTION_COMBO || symbol->kind == FL_KIND_FUTURE_COMBO;
}

static void check(const struct naming *naming, const char *name, size_t length)
{
	struct fl_symbol symbol, same;
	char text[80], tight[80];
	int printed;

	if (naming->parse(name, length, &symbol) != 0) {
		CHECK(symbol.underlying[0] == '\0' && symbol.kind == FL_KIND_UNKNOWN);
		return;
	}
	CHECK(symbol.kind != FL_KIND_UNKNOWN && symbol.underlying[0] != '\0');
	CHECK((symbol.kind == FL_KIND_OPTION) == (symbol.option_type != FL_OPTION_NONE));
	CHECK(symbol.kind != FL_KIND_OPTION || symbol.strike > 0);
	printed = naming->print(&symbol, text, sizeof(text));
	if (is_combo(&symbol)) {
		CHECK(printed == -EINVAL); /* it does not say its legs */
		return;
	}
	CHECK(printed > 0 && strlen(text) == (size_t)printed);
	CHECK(naming->parse(text, (size_t)printed, &same) == 0);
	CHECK(is_same(&symbol, &same));
	if (naming->parse == fl_symbol_deribit || (naming->parse == fl_symbol_occ && length == 21))
		CHECK((size_t)printed == length && memcmp(text, name, length) == 0);
	CHECK(naming->print(&symbol, tight, (size_t)printed + 1) == printed);
	CHECK(naming->print(&symbol, tight, (size_t)printed) == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = fuzz_copy(data, size);

	for (size_t i = 0; i < sizeof(namings) / sizeof(namings[0]); i++)
		check(&namings[i], name, size);
	free(name);
	return 0;
}
