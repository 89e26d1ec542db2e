/* pg_error.c: what the server's codes ask of us, and its words on one line. */
#include "pg_session.h"
#include <string.h>

static const struct {
	const char *code; /* or its first characters */
	int error;
} codes[] = {
	{ "40001", -EAGAIN },   /* serialization failure */
	{ "40P01", -EAGAIN },   /* deadlock */
	{ "55P03", -EAGAIN },   /* lock not available in time */
	{ "57014", -EAGAIN },   /* statement timeout, or cancelled */
	{ "57P", -ENOTCONN },   /* shutdown, crash, terminated */
	{ "25P03", -ENOTCONN }, /* idle in transaction for too long */
	{ "08", -ENOTCONN },
	{ "53100", -ENOSPC },
	{ "53200", -ENOMEM },
	{ "53", -EBUSY }, /* too many connections and other limits */
	{ "42501", -EACCES },
	{ "28", -EACCES },
	{ "42P01", -ENOENT }, /* table */
	{ "42703", -ENOENT }, /* column */
	{ "3F000", -ENOENT }, /* schema */
	{ "3D000", -ENOENT }, /* database */
	{ "25006", -EROFS },
	{ "22P04", -EINVAL },  /* COPY form */
	{ "22", -EBADMSG },    /* data */
	{ "23", -EBADMSG },    /* constraints */
	{ "P0001", -EBADMSG }, /* a trigger's word */
	{ "58", -EIO },
	{ "XX001", -EILSEQ },
	{ "XX002", -EILSEQ },
};

int pg_error_of(const char *code)
{
	if (code == NULL || code[0] == '\0')
		return -ENOTCONN;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strncmp(code, codes[i].code, strlen(codes[i].code)) == 0)
			return codes[i].error;
	return -EINVAL;
}

void pg_error_words(const char *text, char *out, size_t size)
{
	size_t length = 0;

	for (; text != NULL && *text != '\0' && length + 3 < size; text++) {
		if (*text != '\n' && *text != '\t')
			out[length++] = *text;
		else if (*text == '\n' && text[1] != '\0') { /* several hosts: a line each */
			if (length > 0 && out[length - 1] != ':')
				out[length++] = ';';
			out[length++] = ' ';
		}
	}
	out[length] = '\0';
}
