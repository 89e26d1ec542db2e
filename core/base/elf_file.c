#include "elf_file.h"

#include <link.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { OWN_ORDER = ELFDATA2LSB };
#else
enum { OWN_ORDER = ELFDATA2MSB };
#endif
enum { OWN_WORD = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32 };

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

bool elf_is_one(const void *bytes, size_t length)
{
	return length >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

/* What the loader maps. */
static uint64_t segments_end(const char *bytes, size_t length, const ElfW(Ehdr) * head)
{
	uint64_t end = sum(head->e_phoff, (uint64_t)head->e_phnum * sizeof(ElfW(Phdr)));

	if (end > length)
		return end;
	for (unsigned i = 0; i < head->e_phnum; i++) {
		ElfW(Phdr) part;

		memcpy(&part, bytes + head->e_phoff + i * sizeof(part), sizeof(part));
		end = later(end, sum(part.p_offset, part.p_filesz));
	}
	return end;
}

/* What it does not map lies behind: symbols, debugging, and the table that names them. */
static uint64_t sections_end(const char *bytes, size_t length, const ElfW(Ehdr) * head)
{
	uint64_t end = sum(head->e_shoff, (uint64_t)head->e_shnum * sizeof(ElfW(Shdr)));

	if (end > length)
		return end;
	for (unsigned i = 0; i < head->e_shnum; i++) {
		ElfW(Shdr) section;

		memcpy(&section, bytes + head->e_shoff + i * sizeof(section), sizeof(section));
		if (section.sh_type != SHT_NOBITS)
			end = later(end, sum(section.sh_offset, section.sh_size));
	}
	return end;
}

uint64_t elf_end(const void *bytes, size_t length)
{
	ElfW(Ehdr) head;

	if (!elf_is_one(bytes, length) || length < sizeof(head))
		return 0;
	memcpy(&head, bytes, sizeof(head));
	if (head.e_ident[EI_CLASS] != OWN_WORD || head.e_ident[EI_DATA] != OWN_ORDER ||
		head.e_phentsize != sizeof(ElfW(Phdr)) ||
		(head.e_shnum > 0 && head.e_shentsize != sizeof(ElfW(Shdr))))
		return 0;
	return later(segments_end(bytes, length, &head), sections_end(bytes, length, &head));
}
