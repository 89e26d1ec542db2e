/*
 * bytes.h: values one behind the other, for what a snapshot holds many of: field by field, never an
 * image of a struct, so that a changed struct cannot misread them. Pure; linked into each plugin.
 *
 * Who appends fields later raises the plugin's state_version, and reads them only of that version.
 */
#ifndef FEEDLOOM_BYTES_H
#define FEEDLOOM_BYTES_H

#include <feedloom/plugin.h>

/** Zeroed: empty. */
struct fl_writer {
	char *data;
	size_t length, capacity;
	bool is_broken; /* no memory: nothing more is taken */
};

/** Room for so many bytes more, where it is known that they come. */
void fl_writer_reserve(struct fl_writer *to, size_t length);
void fl_write(struct fl_writer *to, const void *bytes, size_t length);
void fl_write_int(struct fl_writer *to, int64_t value);
void fl_write_real(struct fl_writer *to, double value);
/** At most 65,535 bytes; what is longer is cut. */
void fl_write_text(struct fl_writer *to, const char *text);
/** Puts it into the snapshot, and frees it. 0 or -ENOMEM. */
int fl_writer_save(struct fl_writer *writer, struct fl_snapshot *to, const char *key);

struct fl_reader {
	const char *data;
	size_t left;
	uint32_t version; /* of the state, as restore was told; the reader's to look at */
	bool is_broken;   /* it is shorter than what was asked of it: values are 0 from there on */
};

/** The bytes under `key`; empty when there are none. */
struct fl_reader fl_reader_open(const struct fl_snapshot *from, const char *key, uint32_t version);
void fl_read(struct fl_reader *from, void *bytes, size_t length);
int64_t fl_read_int(struct fl_reader *from);
double fl_read_real(struct fl_reader *from);
/** 0-terminated; what does not fit is cut. */
void fl_read_text(struct fl_reader *from, char *text, size_t size);

#endif
