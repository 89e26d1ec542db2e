#include "seal.h"

#include "elf_file.h"
#include "file.h"

#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_BYTES = 16, HASH_BYTES = SEAL_BYTES - MARK_BYTES, FILE_LIMIT_BYTES = 256 << 20 };

static const unsigned char mark[MARK_BYTES + 1] = "feedloom seal 1\n";

static bool has_mark(const unsigned char *bytes, size_t length)
{
	return length >= SEAL_BYTES && memcmp(bytes + length - SEAL_BYTES, mark, MARK_BYTES) == 0;
}

/* Of `length` bytes and the mark behind them. */
static int hash(const unsigned char *bytes, size_t length, unsigned char out[HASH_BYTES])
{
	mbedtls_sha256_context context;
	int result;

	mbedtls_sha256_init(&context);
	result = mbedtls_sha256_starts(&context, 0);
	if (result == 0)
		result = mbedtls_sha256_update(&context, bytes, length);
	if (result == 0)
		result = mbedtls_sha256_update(&context, mark, MARK_BYTES);
	if (result == 0)
		result = mbedtls_sha256_finish(&context, out);
	mbedtls_sha256_free(&context);
	return result == 0 ? 0 : -EIO;
}

static bool is_whole(const unsigned char *bytes, size_t length)
{
	unsigned char expected[HASH_BYTES];

	return hash(bytes, length - SEAL_BYTES, expected) == 0 &&
		memcmp(bytes + length - HASH_BYTES, expected, HASH_BYTES) == 0;
}

/* What the linker writes ends where its headers say: more is a seal, or was one. */
enum seal seal_check(const void *bytes, size_t length)
{
	uint64_t end = elf_end(bytes, length);

	if (!elf_is_one(bytes, length))
		return SEAL_NO_ELF;
	if (has_mark(bytes, length))
		return is_whole(bytes, length) ? SEAL_WHOLE : SEAL_MISMATCH;
	if (end > length)
		return SEAL_SHORT;
	return end == 0 || end == length ? SEAL_NONE : SEAL_MISMATCH;
}

const char *seal_problem(enum seal seal)
{
	switch (seal) {
	case SEAL_WHOLE: break;
	case SEAL_NONE: return "it has no seal: feedloom plugins --seal FILE";
	case SEAL_NO_ELF: return "no ELF file: a plugin is a shared object";
	case SEAL_SHORT: return "cut short: its headers promise more than it has; copy it anew";
	case SEAL_MISMATCH:
		return "its seal does not match: damaged, half written, or changed since it was sealed; copy "
			   "it anew, or build it anew and then: feedloom plugins --seal FILE";
	}
	return "";
}

/* ---- sealing ---- */

/* Tools that move sections about leave zeros at the end; what else is there is not the linker's. */
static bool is_padding(const unsigned char *bytes, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static enum seal can_be_sealed(const unsigned char *bytes, size_t length)
{
	uint64_t end = elf_end(bytes, length);

	if (!elf_is_one(bytes, length))
		return SEAL_NO_ELF;
	if (end > length)
		return SEAL_SHORT;
	return end == 0 || is_padding(bytes, (size_t)end, length) ? SEAL_NONE : SEAL_MISMATCH;
}

static int write_seal(const char *path, const unsigned char *bytes, size_t length)
{
	unsigned char seal[SEAL_BYTES];
	struct file *file;
	int64_t wrote;
	int result;

	memcpy(seal, mark, MARK_BYTES);
	result = hash(bytes, length, seal + MARK_BYTES);
	if (result == 0)
		result = file_open(path, FILE_WRITE, &file);
	if (result < 0)
		return result;
	wrote = file_write(file, (int64_t)length, seal, sizeof(seal));
	result = wrote < 0 ? (int)wrote : file_sync(file);
	file_close(file);
	return result;
}

int seal_file(const char *path, enum seal *before)
{
	unsigned char *bytes;
	char *text;
	size_t length;
	enum seal can;
	int result = file_load(path, FILE_LIMIT_BYTES, &text, &length);

	if (result < 0)
		return result;
	bytes = (unsigned char *)text;
	*before = seal_check(bytes, length);
	if (*before == SEAL_WHOLE)
		goto free_bytes;
	if (has_mark(bytes, length))
		length -= SEAL_BYTES;
	can = can_be_sealed(bytes, length);
	if (can == SEAL_NONE)
		result = write_seal(path, bytes, length);
	else
		result = -ENOEXEC;
	if (result == -ENOEXEC)
		*before = can;
free_bytes:
	free(bytes);
	return result;
}
