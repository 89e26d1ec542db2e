/*
 * seal.h: the SHA-256 of itself that a plugin file ends in. It tells a whole file from one that is
 * half written or damaged before the dynamic linker, which is no parser, comes to see it.
 *
 * Behind the last byte of the ELF file: 16 bytes that say what follows, then the 32 bytes of the
 * SHA-256 of everything before them. The loader does not look there; strip takes it away.
 */
#ifndef HOST_SEAL_H
#define HOST_SEAL_H

#include <stddef.h>

enum { SEAL_BYTES = 48 };

enum seal {
	SEAL_WHOLE,    /* sealed, and every byte is as it was then */
	SEAL_NONE,     /* not sealed; as long as its headers say, as far as they can be read */
	SEAL_NO_ELF,   /* no ELF file at all */
	SEAL_SHORT,    /* shorter than its headers say */
	SEAL_MISMATCH, /* changed since it was sealed, or it goes on with something else */
};

enum seal seal_check(const void *bytes, size_t length);
/** What is wrong with a file, with the remedy; "" for SEAL_WHOLE. */
const char *seal_problem(enum seal seal);

/**
 * Seals a file in its place, whatever its seal was before; one that is whole stays as it is.
 *
 * @param before  what it was
 * @return 0; -ENOEXEC: `before` says why it cannot be sealed; -EACCES, -EFBIG, ...: the file
 */
int seal_file(const char *path, enum seal *before);

#endif
