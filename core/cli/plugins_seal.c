#include "plugins_seal.h"

#include "error.h"
#include "seal.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

static int seal_one(const char *file)
{
	enum seal before;
	int result = seal_file(file, &before);

	if (result == -ENOEXEC) {
		fprintf(stderr, "%s: %s\n", file, seal_problem(before));
		return 1;
	}
	if (result < 0) {
		fprintf(stderr, "%s: cannot be sealed: %s\n", file, error_text(result));
		return EX_IOERR;
	}
	printf("%s: %s\n", file,
		before == SEAL_WHOLE      ? "is sealed"
			: before == SEAL_NONE ? "sealed"
								  : "sealed anew");
	return EX_OK;
}

int plugins_seal(const char *const *files)
{
	int code = EX_OK;

	if (*files == NULL) {
		fputs("feedloom plugins --seal: name the files; see feedloom plugins --help\n", stderr);
		return EX_USAGE;
	}
	for (; *files != NULL; files++) {
		int of_this = seal_one(*files);

		if (of_this > code)
			code = of_this;
	}
	return code;
}
