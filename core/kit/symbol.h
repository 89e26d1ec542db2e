/*
 * symbol.h: what the parsers of names share.
 */
#ifndef KIT_SYMBOL_H
#define KIT_SYMBOL_H

#include <feedloom/kit.h>

/** Nothing is known yet. */
void symbol_clear(struct fl_symbol *out);
/** One or more capital letters and digits. */
bool symbol_word(const char *text, size_t length);
/** Copies with a 0 at the end; -EINVAL: does not fit. */
int symbol_copy(char *out, size_t size, const char *text, size_t length);
/** Digits with at most one `point` between them, above 0; sets mantissa, scale (the least) and
 * strike. */
int symbol_strike(const char *text, size_t length, char point, struct fl_symbol *out);
/** The other way; the length, or -EINVAL. */
int symbol_print_strike(const struct fl_symbol *symbol, char point, char *out, size_t size);
/** Sets year, month, day, and expiry_ns to 0:00 UTC of it; -EINVAL: no such day. */
int symbol_set_date(struct fl_symbol *out, int year, int month, int day);

#endif
