/* seal: whatever stands in a plugin file's headers, only its own bytes are looked at; and no byte
 * of a sealed one can be another. */
#include "elf_file.h"
#include "fuzz.h"
#include "seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *bytes = fuzz_copy(data, size);
	enum seal seal = seal_check(bytes, size);
	uint64_t end = elf_end(bytes, size);

	CHECK((seal == SEAL_NO_ELF) == !elf_is_one(bytes, size));
	CHECK((*seal_problem(seal) == '\0') == (seal == SEAL_WHOLE));
	if (seal == SEAL_SHORT)
		CHECK(end > size);
	if (seal == SEAL_NONE)
		CHECK(end == 0 || end == size);
	if (seal == SEAL_WHOLE) {
		size_t at = 4 + data[size - 1] % (size - 4); /* what begins otherwise is no ELF file */

		bytes[at] ^= 1;
		CHECK(size > SEAL_BYTES && seal_check(bytes, size) != SEAL_WHOLE);
	}
	free(bytes);
	return 0;
}
