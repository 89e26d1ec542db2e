/*
 * file_inside.h: what the files about files share: the descriptor.
 */
#ifndef OS_FILE_INSIDE_H
#define OS_FILE_INSIDE_H

#include "file.h"

struct file {
	int fd;
	bool is_appending;
};

/** write(2) until all is written; negative errno. */
int file_write_all(int fd, const void *bytes, size_t length);

#endif
