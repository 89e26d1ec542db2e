/*
 * elf_file.h: how long an ELF file has to be: what the loader maps and what tools append to it can
 * then be told apart from what is missing.
 */
#ifndef BASE_ELF_FILE_H
#define BASE_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether it begins as an ELF file, of whichever machine. */
bool elf_is_one(const void *bytes, size_t length);
/**
 * Where the file ends by its own headers, which may be beyond `length`: it was cut short then.
 * @return 0: they do not say: not ELF, or of another word size or byte order than this machine's
 */
uint64_t elf_end(const void *bytes, size_t length);

#endif
