/* idle_sync: what is said to be synced is not on the disk. */
#include "file.h"
#include "plant.h"

int __real_file_map_sync(void *address, size_t length);
int __wrap_file_map_sync(void *address, size_t length);
int __real_file_sync(struct file *file);
int __wrap_file_sync(struct file *file);

int __wrap_file_map_sync(void *address, size_t length)
{
	(void)address;
	(void)length;
	return 0;
}

int __wrap_file_sync(struct file *file)
{
	(void)file;
	return 0;
}
