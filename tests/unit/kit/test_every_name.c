/* Every instrument name anywhere in the captured messages, of every kind, is read and printed back.
 */
#define _XOPEN_SOURCE 700
#include "unit.h"

#include "captured.h"
#include <feedloom/kit.h>
#include <ftw.h>
#include <string.h>

/* By kind; `refused` holds the first name that is not read. */
static struct {
	int deribit[16], dxfeed, occ;
	char refused[128];
} seen;

static void refuse(const char *name)
{
	if (seen.refused[0] == '\0')
		snprintf(seen.refused, sizeof(seen.refused), "%s", name);
}

static void take_deribit(const char *name)
{
	struct fl_symbol symbol;
	char text[64];

	if (fl_symbol_deribit(name, strlen(name), &symbol) != 0) {
		refuse(name);
		return;
	}
	seen.deribit[symbol.kind]++;
	if (symbol.kind == FL_KIND_OPTION_COMBO || symbol.kind == FL_KIND_FUTURE_COMBO)
		return; /* their legs are not kept */
	if (fl_symbol_deribit_print(&symbol, text, sizeof(text)) < 0 || strcmp(text, name) != 0)
		refuse(name);
}

/* dxFeed's options begin with a dot; what has a space in it is tastytrade's. */
static void take_dxfeed(const char *name)
{
	struct fl_symbol symbol;

	if (name[0] != '.' || strpbrk(name, "{& ") != NULL)
		return;
	seen.dxfeed++;
	if (fl_symbol_dxfeed(name, strlen(name), &symbol) != 0 || symbol.kind != FL_KIND_OPTION)
		refuse(name);
}

/* OCC's: root padded to six, and fifteen behind it. */
static void take_occ(const char *name)
{
	struct fl_symbol symbol;
	char text[64];

	if (strlen(name) != 21 || strspn(name + 6, "0123456789") != 6)
		return;
	seen.occ++;
	if (fl_symbol_occ(name, strlen(name), &symbol) != 0 ||
		fl_symbol_occ_print(&symbol, text, sizeof(text)) < 0 || strcmp(text, name) != 0)
		refuse(name);
}

static void visit(yyjson_val *value, void *data);

static void take_member(const char *key, const char *text)
{
	if (strcmp(key, "instrument_name") == 0 || strcmp(key, "combo_id") == 0)
		take_deribit(text);
	else if (strcmp(key, "eventSymbol") == 0 || strcmp(key, "streamer-symbol") == 0 ||
		strcmp(key, "symbol") == 0) {
		take_dxfeed(text);
		take_occ(text);
	}
}

static void visit(yyjson_val *value, void *data)
{
	yyjson_val *key, *item;
	size_t at, count;

	if (yyjson_is_obj(value)) {
		yyjson_obj_foreach(value, at, count, key, item)
		{
			if (yyjson_is_str(item))
				take_member(yyjson_get_str(key), yyjson_get_str(item));
			visit(item, data);
		}
	} else if (yyjson_is_arr(value)) {
		yyjson_arr_foreach(value, at, count, item) visit(item, data);
	}
}

static int take_file(const char *path, const struct stat *about, int flag, struct FTW *where)
{
	yyjson_doc *document;

	(void)about;
	(void)where;
	if (flag != FTW_F || strstr(path, "README") != NULL)
		return 0;
	document = captured_document(path);
	if (document != NULL)
		visit(yyjson_doc_get_root(document), NULL);
	else
		(void)captured_lines(path, visit, NULL);
	yyjson_doc_free(document);
	return 0;
}

static void every_captured_name_is_read(void **state)
{
	int options;

	(void)state;
	if (nftw(CAPTURES, take_file, 16, FTW_PHYS) != 0 || seen.deribit[FL_KIND_OPTION] == 0) {
		print_message("skipped: no captures in " CAPTURES "\n");
		skip();
	}
	assert_string_equal(seen.refused, "");
	options = seen.deribit[FL_KIND_OPTION];
	print_message(
		"%d options, %d futures, %d perpetuals, %d spot, %d option combos, %d future combos; "
		"%d of dxFeed, %d of OCC\n",
		options, seen.deribit[FL_KIND_FUTURE], seen.deribit[FL_KIND_PERPETUAL],
		seen.deribit[FL_KIND_SPOT], seen.deribit[FL_KIND_OPTION_COMBO],
		seen.deribit[FL_KIND_FUTURE_COMBO], seen.dxfeed, seen.occ);
	assert_true(options > 3000);
	for (int kind = FL_KIND_FUTURE; kind <= FL_KIND_FUTURE_COMBO; kind++)
		if (kind != FL_KIND_SPOT)
			assert_true(seen.deribit[kind] > 0);
	assert_true(seen.dxfeed > 0 && seen.occ > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_captured_name_is_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
