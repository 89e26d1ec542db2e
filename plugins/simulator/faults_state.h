/* faults_state.h: what of a fault is remembered, in a session and in the simulator. */
#ifndef SIMULATOR_FAULTS_STATE_H
#define SIMULATOR_FAULTS_STATE_H

#include "rng.h"
#include "text.h"

/** What can be done to one stream message. */
enum message_fault {
	MESSAGE_BAD_JSON,    /* cut off */
	MESSAGE_BAD_SHAPE,   /* JSON, but not what was agreed */
	MESSAGE_HUGE_NUMBER, /* beyond what any type holds */
	MESSAGE_BAD_UTF8,
	MESSAGE_LOST,
	MESSAGE_REPEATED,
	MESSAGE_LATE,   /* behind the next one of its instrument */
	MESSAGE_PIECES, /* in many frames, with pings between */
	MESSAGE_FAULT_COUNT
};

/** How many of the next messages it befalls, and of which kind. */
struct message_faults {
	int64_t left[MESSAGE_FAULT_COUNT];
	char kind[MESSAGE_FAULT_COUNT][8]; /* "": any */
};

struct kept_message;

/** Times are monotonic; 0: it is not so. */
struct session_faults {
	bool is_any;
	struct message_faults messages;
	int64_t stalled_until_ns, frozen_until_ns, dripping_until_ns, slow_until_ns;
	bool is_dumb;              /* while it stalls, requests are not answered either */
	struct kept_message *kept; /* owned */
};

enum rest_fault {
	REST_STATUS,  /* an HTTP status and little else */
	REST_SHORT,   /* half the body */
	REST_SHAPE,   /* JSON, but not what was agreed */
	REST_PAGE,    /* a page for people */
	REST_STALLED, /* begins and does not end */
};

struct faults {
	struct rng rng;
	int64_t every_ns, next_ns; /* by chance */
	uint32_t turn;             /* whose turn "next" is */
	uint64_t applied_count;
	bool is_any; /* the next messages, whosever they are */
	struct message_faults messages;
	int64_t piece_bytes;
	int connect_status;
	int64_t connect_left, connect_until_ns;
	enum rest_fault rest;
	int rest_status;
	int64_t rest_left, rest_retry_after;
	int64_t ignored_channels, swallowed_answers; /* how many more */
	int64_t maintenance_until_ns, skew_ns;
	uint8_t *muted; /* of each instrument: enum mute */
	int64_t muted_ns, muted_until_ns;
	struct text scratch;
};

#endif
