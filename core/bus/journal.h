/*
 * journal.h: the log on disk, for the files of core/bus only. Others see bus.h and cursor.h.
 *
 *   journal.c          append, begin the next segment, lose and say so, the tick
 *   journal_open.c     lock, the first segment of a generation; close
 *   journal_recover.c  what earlier generations have left
 *   journal_ahead.c    on a worker: the next segment, pages ahead of the writer
 *   journal_room.c     back-pressure while that worker lags
 *   journal_disk.c     on a worker: naming, syncing, unmapping, removing
 *   journal_retire.c   what goes, and when
 *   cursor*.c          readers
 *
 * Everything here runs on the loop but the `work` functions of jobs, which touch only their job.
 */
#ifndef BUS_JOURNAL_H
#define BUS_JOURNAL_H

#include "bus.h"
#include "file.h"
#include "frame.h"
#include "last_trade.h"
#include "list.h"
#include "open_gaps.h"
#include "timer.h"
#include <stdatomic.h>

enum {
	/* Names (four at most) and a told loss may come before a record. */
	JOURNAL_RESERVE_BYTES = 1024,
	JOURNAL_SEGMENT_BYTES = 16 << 20,
	JOURNAL_AHEAD_MIN_BYTES = 2 << 20, /* populated ahead of the writer: so much at least, ... */
	JOURNAL_AHEAD_MAX_BYTES = 8 << 20, /* ... and at most; in between, a second's worth */
	JOURNAL_CHUNK_BYTES = 1 << 20,     /* populated at a time, and at least by one job */
	JOURNAL_TICK_NS = 1000000000
};

struct since;

/** One file: a spare, the one written, or one that is only read. */
struct segment {
	struct link link; /* in journal.segments, oldest first; in journal.finishing by `finish` */
	struct link finish;
	uint64_t first, last; /* numbers; last is first - 1 while there is none */
	uint32_t generation;
	uint32_t seed;                     /* of the frames' checksums */
	int64_t end;                       /* bytes written; the next frame goes here */
	int64_t file_bytes;                /* on disk */
	int64_t created_ns, ended_ns;      /* real time; ended 0: being written */
	uint64_t published[FL_KIND_COUNT]; /* at its start */
	unsigned users;                    /* cursors that stand in it and jobs at work on it */
	bool is_retired;
	bool is_named;  /* on disk it has its own name, not a spare's */
	uint32_t spare; /* until then: which spare it is */

	struct file *file;   /* while the writer, or a cursor that stands in it, needs it */
	unsigned file_users; /* cursors */

	/* While the writer has it mapped, else NULL. */
	char *map;
	int64_t capacity;
	int64_t populated;     /* pages before this are there to be written */
	int64_t look_at;       /* when `end` comes here, what is ahead is looked at again */
	int64_t given_back;    /* pages before this were given back */
	int64_t synced;        /* bytes before this are synced */
	volatile bool damaged; /* a page could not be had when it was written to */
	bool is_guarded;
};

/** What a worker does for the journal: one of these at a time for each of the two jobs. */
struct journal_job {
	struct journal *journal;
	struct segment *segment;
	void (*work)(struct journal_job *job);
	void (*done)(struct journal_job *job);
	bool is_busy;
	atomic_bool is_over;     /* the worker is through, though the loop has not heard of it yet */
	_Atomic int64_t reached; /* pages before this are ready already */
	/* In: */
	char *path, *other_path; /* freed by the end of the job */
	struct file *file;
	char *map;
	int64_t from, to;
	struct segment *left; /* whose pages behind the writer are given back; NULL: none */
	char *left_map;
	int64_t left_from, left_to;
	uint64_t number;
	bool must_sync;
	/* Out: */
	int error;
};

/** Whether records can be taken without the worker's help for a while. */
enum room {
	ROOM_ENOUGH,
	ROOM_SHORT,   /* whoever brings records is to hold back */
	ROOM_GIVEN_UP /* short, but the worker does not come back: they are lost instead */
};

enum { JOURNAL_SOURCE_MAX = 256 }; /* sources whose last event is kept; feeds are few */

struct journal {
	struct loop *loop;
	char *folder;
	int64_t max_bytes, sync_ns, keep_ns, segment_bytes;
	const struct bus_owner *owner;
	void *data;
	struct file *lock;
	struct since *since; /* NULL: it could not be had */
	struct dictionary *dictionary;
	struct last_trades *trades;
	int64_t opened_ns; /* real time: records received before are an earlier process's */
	int64_t last_event_ns[JOURNAL_SOURCE_MAX]; /* of earlier processes' market data, by source */
	struct open_gaps open_gaps;                /* of earlier processes */

	uint64_t id;
	uint32_t generation;
	uint64_t last_number;
	uint64_t synced_number;
	uint64_t published[FL_KIND_COUNT], lost[FL_KIND_COUNT];
	uint64_t forgotten[FL_KIND_COUNT]; /* of these: a power cut took them, a store had them */

	struct link segments; /* oldest first; the current one last */
	uint32_t segment_count;
	int64_t bytes; /* of the files in `segments` and the spare */
	struct segment *current;
	struct segment *spare;
	uint32_t spares; /* made so far */
	uint32_t serial; /* of the current segment: tells what it has named */

	/* What could not be taken. */
	uint64_t untold[FL_KIND_COUNT];     /* not yet in a FRAME_LOSS */
	uint64_t unreported[FL_KIND_COUNT]; /* not yet logged */
	bool has_untold, has_unreported;
	bool lost_since_tick;
	enum bus_state state;
	bool state_is_news; /* the owner has not been told */
	char reason[256];

	struct journal_job ahead, disk;
	int spare_error;          /* of the last attempt at a spare; 0: well, or lagging */
	int pages_error;          /* of the last populating; likewise */
	bool spare_waits;         /* until the next tick, after an error */
	bool pages_wait;          /* likewise */
	int64_t ahead_since_ns;   /* since when the worker is known to be at it; monotonic */
	int64_t turn_ns;          /* when the last turn that appends began; monotonic */
	int64_t no_help_until_ns; /* the disk, not the processor, is what is slow; monotonic */
	int64_t ahead_bytes;      /* how much is to be populated ahead */
	int64_t tick_bytes;       /* written since the last tick */
	double bytes_per_second;
	enum room room;
	struct timer *room_timer;
	void (*on_room)(void *data, bool has_room); /* may be NULL */
	void *room_data;
	uint64_t holds;        /* how often it was short, since the start */
	struct link finishing; /* segments that the writer has left */
	struct link removing;  /* struct removal */
	bool sync_is_due;
	bool has_new_names; /* that are not synced: nothing written under them is */
	bool disk_waits;    /* until the next tick, after an error */
	struct timer *tick, *sync_timer;

	struct link cursors;   /* all, in the order of opening; cursor.c's */
	struct link expected;  /* struct expectation; bus.c's */
	bool is_hurried;       /* no floor between commits any more: the program stops */
	unsigned cursor_depth; /* walks over `cursors` under way: nothing is freed meanwhile */
	unsigned cursor_jobs;
	bool wake_is_pending;
	bool is_closing;
};

int journal_open(
	struct loop *loop, const struct bus_setup *setup, long *other_pid, struct journal **out);
void journal_close(struct journal *journal);
/**
 * Fills segments, counts, dictionary and last trades from the folder, and the id unless it is
 * empty.
 *
 * @param lock_id  the journal that the lock file names; 0: none
 */
int journal_recover(struct journal *journal, uint64_t lock_id);
void journal_configure(
	struct journal *journal, int64_t max_bytes, int64_t sync_ns, int64_t keep_ns);

/**
 * Appends a valid record: 0, or a negative errno: it is counted as lost.
 */
int journal_append(struct journal *journal, const struct fl_record *record);

/** The tick and the sync. 0 or -ENOMEM. */
int journal_start_timers(struct journal *journal);

/** Cursors look for work, and the owner hears of a change of state, at the end of this turn. */
void journal_wake(struct journal *journal);

/** Writes what was lost into what the current segment has left, if that leaves room for `more`
 * such. */
void journal_tell_loss(struct journal *journal, unsigned more);

/* -- segments ------------------------------------------------------------------------- */

struct segment *segment_create(void);
/** Takes a user off; a retired one without users is freed. */
void segment_release(struct segment *segment);
/** folder/00000000000000000001-00000001.segment; malloc'd, NULL: no memory. */
char *segment_path(const struct journal *journal, uint64_t first, uint32_t generation);
/** Whether `name` is one of a segment; fills in what it says. */
bool segment_parse_name(const char *name, uint64_t *first, uint32_t *generation);
char *journal_path(const char *folder, const char *name);
/** A spare's: folder/spare-00000001.segment. */
char *spare_path(const struct journal *journal, uint32_t spare);
bool spare_is_name(const char *name);
#define JOURNAL_LOCK "lock"

/** The one behind it (the oldest, when it is retired), NULL: it is the current one. */
struct segment *journal_after(const struct journal *journal, const struct segment *segment);

/** Makes the spare the current segment. The spare is ready. */
void journal_roll(struct journal *journal);
bool journal_spare_is_ready(const struct journal *journal, int64_t bytes);
/** Pages of a spare that must be there before it can be begun: the head, last trades and a record.
 */
int64_t journal_spare_needs(const struct segment *spare, int64_t bytes);
/** The current segment is not to be written any further: a reader found it damaged. */
void journal_abandon(struct journal *journal);

/* -- workers -------------------------------------------------------------------------- */

/** Gives the worker something to do ahead of the writer, if there is something and it is idle. */
void journal_look_ahead(struct journal *journal);
/** Takes over what the worker has made ready so far: a turn that brings much outlasts its job. */
void journal_note_reached(struct journal *journal);
/** Before the first record of a turn of the loop. */
void journal_turn_begins(struct journal *journal);
/**
 * The worker has not come this far. When that is for want of a processor, not of a disk, the loop
 * makes the next pages ready itself: true when `bytes` of the segment can be written.
 */
bool journal_help(struct journal *journal, struct segment *segment, int64_t bytes);
/** The worker is at it and has met no error in that: there will be more. */
bool journal_more_is_coming(const struct journal *journal);
/** After an append, and when the worker has answered: is there room, and does on_room know? */
void journal_mind_room(struct journal *journal);
void journal_give_up_room(void *journal); /* the room timer's */
/** The work of making a spare, for open: blocks. */
int spare_make(const char *path, int64_t bytes, struct file **file, char **map);
/** Likewise the slow things behind the writer: names, syncs, unmaps, removes. */
void journal_tend_disk(struct journal *journal);
/** Removes a file on the worker. Takes `path`, malloc'd. */
void journal_remove_file(struct journal *journal, char *path);

/** Retires what is to go now, for its age or for room. */
void journal_retire(struct journal *journal);
/** Likewise, but what every cursor has passed whatever its age: the disk is full. */
void journal_retire_passed(struct journal *journal);

/* -- state ---------------------------------------------------------------------------- */

void journal_degrade(struct journal *journal, const char *format, ...) FL_PRINTF(2, 3);
/** "ticker 12, trade 3", for log lines. */
const char *counts_text(const uint64_t counts[FL_KIND_COUNT], char *text, size_t size);

/* -- cursors, called by the journal --------------------------------------------------- */

/** Every cursor that can deliver does. */
void cursors_run(struct journal *journal);
/** Whether every cursor, and every expected sink's, has passed the segment. */
bool cursors_have_passed(const struct journal *journal, const struct segment *segment);
/** `segment` is about to leave the list: who stands in it, or before it, steps over. */
void cursors_leave(struct journal *journal, struct segment *segment);
/** Losses of cursors that were not yet reported. */
void cursors_report(struct journal *journal);
void cursors_close(struct journal *journal);

#endif
