/*
 * option_value.h: numbers, durations and sizes as users write them. Pure.
 */
#ifndef CONFIG_OPTION_VALUE_H
#define CONFIG_OPTION_VALUE_H

#include <stdint.h>

/* 0, or -EINVAL (not one), -ERANGE (does not fit). */
int option_parse_int(const char *text, int64_t *out);
int option_parse_real(const char *text, double *out);  /* finite */
int option_parse_ratio(const char *text, double *out); /* "5%", "0.05" */
/** "5s", "1.5h", "1h30m", "0"; units ns us ms s m h d, the larger first. */
int option_parse_duration(const char *text, int64_t *out_ns);
/** "16MiB", "500MB", "0"; units B KiB MiB GiB TiB KB MB GB TB. */
int option_parse_size(const char *text, int64_t *out_bytes);

#endif
