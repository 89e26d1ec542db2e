/*
 * metrics.c: the registry, a family for each name, in the order in which names first came; and the
 * histogram: log-linear, 50 buckets an octave, so that none is wider than 2 % of its value.
 */
#include "metrics.h"
#include "log.h"
#include "map.h"

#include <feedloom/kit.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOST_METRICS = 10000,
	PER_OCTAVE = 50,
	OCTAVES = 30,   /* 1 us * 2^30 is 1,074 s */
	BASE_NS = 1000, /* what lies at or below is one bucket */
	BUCKETS = 1 + PER_OCTAVE * OCTAVES + 1,
	BEYOND = BUCKETS - 1, /* over the last octave */
};

struct fl_metric {
	enum fl_metric_kind kind;
	bool is_nobody;   /* takes everything, counts nothing */
	char *labels;     /* "" for none */
	double value;     /* of a counter or gauge; a histogram's sum */
	uint64_t count;   /* a histogram's observations */
	uint64_t *counts; /* by bucket; histograms only */
	struct family *family;
	struct fl_metric *next;
};

struct family {
	enum fl_metric_kind kind;
	char *name, *help;
	struct fl_metric *first;
	struct family *next;
};

struct metrics {
	struct family *first;
	struct map *families; /* by name */
	struct map *by_key;   /* by name, 0, labels */
	struct fl_metric nobody;
	bool has_complained;
};

/* ---- the registry ---- */

struct metrics *metrics_create(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL)
		return NULL;
	metrics->nobody.is_nobody = true;
	metrics->families = map_create();
	metrics->by_key = map_create();
	if (metrics->families == NULL || metrics->by_key == NULL) {
		metrics_destroy(metrics);
		return NULL;
	}
	return metrics;
}

static void metric_destroy(struct fl_metric *metric)
{
	if (metric == NULL)
		return;
	free(metric->labels);
	free(metric->counts);
	free(metric);
}

static void family_destroy(struct family *family)
{
	if (family == NULL)
		return;
	while (family->first != NULL) {
		struct fl_metric *metric = family->first;

		family->first = metric->next;
		metric_destroy(metric);
	}
	free(family->name);
	free(family->help);
	free(family);
}

void metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	while (metrics->first != NULL) {
		struct family *family = metrics->first;

		metrics->first = family->next;
		family_destroy(family);
	}
	map_destroy(metrics->families);
	map_destroy(metrics->by_key);
	free(metrics);
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The end of the name that begins here; the same place when none does. */
static const char *skip_name(const char *at)
{
	if (!is_name_start(*at))
		return at;
	while (is_name_start(*at) || (*at >= '0' && *at <= '9'))
		at++;
	return at;
}

/* name="value",name="value": what would break the page for everybody is not let in. */
static bool labels_are_sound(const char *at)
{
	while (*at != '\0') {
		const char *end = skip_name(at);

		if (end == at || end[0] != '=' || end[1] != '"')
			return false;
		for (at = end + 2; *at != '"'; at++)
			if (*at == '\0' || *at == '\\' || *at == '\n')
				return false;
		at++;
		if (*at == ',' && at[1] != '\0')
			at++;
		else if (*at != '\0')
			return false;
	}
	return true;
}

static struct family *find_family(
	struct metrics *metrics, enum fl_metric_kind kind, const char *name, const char *help)
{
	struct family *family = map_get(metrics->families, name, strlen(name)), **end;

	if (family != NULL)
		return family;
	family = calloc(1, sizeof(*family));
	if (family == NULL)
		return NULL;
	family->kind = kind;
	family->name = strdup(name);
	family->help = strdup(help == NULL ? "" : help);
	if (family->name == NULL || family->help == NULL ||
		map_set(metrics->families, name, strlen(name), family) != 0) {
		family_destroy(family);
		return NULL;
	}
	for (end = &metrics->first; *end != NULL; end = &(*end)->next)
		;
	*end = family;
	return family;
}

static struct fl_metric *add_metric(
	struct metrics *metrics, struct family *family, const char *labels, const struct buf *key)
{
	struct fl_metric *metric = calloc(1, sizeof(*metric)), **end;

	if (metric == NULL)
		return NULL;
	metric->kind = family->kind;
	metric->family = family;
	metric->labels = strdup(labels);
	if (family->kind == FL_HISTOGRAM)
		metric->counts = calloc(BUCKETS, sizeof(*metric->counts));
	if (metric->labels == NULL || (family->kind == FL_HISTOGRAM && metric->counts == NULL) ||
		map_set(metrics->by_key, buf_bytes(key), buf_length(key), metric) != 0) {
		metric_destroy(metric);
		return NULL;
	}
	for (end = &family->first; *end != NULL; end = &(*end)->next)
		;
	*end = metric;
	return metric;
}

static void key_of(struct buf *key, const char *name, const char *labels)
{
	buf_append(key, name, strlen(name) + 1);
	buf_text(key, labels);
}

static struct fl_metric *refuse(struct metrics *metrics, const char *name, const char *why)
{
	if (!metrics->has_complained)
		log_warn("metrics", "%s is not counted: %s (said once)", name, why);
	metrics->has_complained = true;
	return &metrics->nobody;
}

struct fl_metric *metrics_find(struct metrics *metrics, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help)
{
	struct fl_metric *metric;
	struct family *family;
	struct buf key;

	if (labels == NULL)
		labels = "";
	if (name == NULL || name[0] == '\0' || *skip_name(name) != '\0')
		return refuse(metrics, name == NULL ? "a metric" : name, "that is no name of a metric");
	if (!labels_are_sound(labels))
		return refuse(metrics, name, "its labels are not name=\"value\",...");
	buf_init(&key, 0);
	key_of(&key, name, labels);
	metric = key.failed ? NULL : map_get(metrics->by_key, buf_bytes(&key), buf_length(&key));
	if (metric == NULL && map_count(metrics->by_key) >= MOST_METRICS) {
		buf_finish(&key);
		return refuse(metrics, name, "there are 10,000 metrics already");
	}
	if (metric == NULL && !key.failed) {
		family = find_family(metrics, kind, name, help);
		if (family != NULL && family->kind == kind)
			metric = add_metric(metrics, family, labels, &key);
	}
	buf_finish(&key);
	if (metric == NULL || metric->kind != kind)
		return refuse(metrics, name, "the name is another kind's, or memory ran out");
	return metric;
}

void metrics_drop(struct metrics *metrics, struct fl_metric *metric)
{
	struct fl_metric **at;
	struct buf key;

	if (metric == NULL || metric->is_nobody)
		return;
	buf_init(&key, 0);
	key_of(&key, metric->family->name, metric->labels);
	if (key.failed)
		return; /* no memory: it stays, still counted */
	map_remove(metrics->by_key, buf_bytes(&key), buf_length(&key));
	buf_finish(&key);
	for (at = &metric->family->first; *at != metric; at = &(*at)->next)
		;
	*at = metric->next;
	metric_destroy(metric);
}

/* ---- counting ---- */

FL_API void fl_metric_add(struct fl_metric *counter, double amount)
{
	if (counter->is_nobody || isnan(amount) || counter->kind == FL_HISTOGRAM)
		return;
	if (counter->kind == FL_COUNTER && amount < 0)
		return;
	counter->value += amount;
}

FL_API void fl_metric_set(struct fl_metric *gauge, double value)
{
	if (!gauge->is_nobody && gauge->kind != FL_HISTOGRAM)
		gauge->value = value;
}

/* Buckets are closed above, as Prometheus wants them: (lower, upper]. */
static size_t bucket_of(double seconds)
{
	uint64_t above, width;
	int octave;

	if (seconds >= (double)((int64_t)BASE_NS << OCTAVES) / 1e9)
		return BEYOND;
	above = (uint64_t)ceil(seconds * 1e9);
	if (above <= BASE_NS)
		return 0;
	above--;
	octave = 63 - __builtin_clzll(above / BASE_NS);
	width = ((uint64_t)BASE_NS / PER_OCTAVE) << octave;
	return 1 + (size_t)octave * PER_OCTAVE +
		(size_t)((above - ((uint64_t)BASE_NS << octave)) / width);
}

static double width_ns(size_t bucket)
{
	return (double)(((uint64_t)BASE_NS / PER_OCTAVE) << ((bucket - 1) / PER_OCTAVE));
}

static double upper_ns(size_t bucket)
{
	uint64_t lowest = (uint64_t)BASE_NS << ((bucket - 1) / PER_OCTAVE);

	return (double)lowest + (double)((bucket - 1) % PER_OCTAVE + 1) * width_ns(bucket);
}

void metrics_observe(struct fl_metric *histogram, double seconds, uint32_t times)
{
	if (histogram->counts == NULL || isnan(seconds))
		return;
	if (seconds < 0)
		seconds = 0; /* clocks of two machines, or one that was set */
	histogram->counts[bucket_of(seconds)] += times;
	histogram->count += times;
	histogram->value += seconds * times;
}

FL_API void fl_metric_observe(struct fl_metric *histogram, double seconds)
{
	metrics_observe(histogram, seconds, 1);
}

/** Of a histogram: the sum. */
FL_API double fl_metric_value(const struct fl_metric *metric)
{
	return metric->value;
}

struct metrics_mark {
	uint64_t count;
	uint64_t counts[BUCKETS];
};

struct metrics_mark *metrics_mark_create(void)
{
	return calloc(1, sizeof(struct metrics_mark));
}

void metrics_mark_destroy(struct metrics_mark *mark)
{
	free(mark);
}

void metrics_mark_set(struct metrics_mark *mark, const struct fl_metric *histogram)
{
	if (histogram->counts == NULL)
		return;
	mark->count = histogram->count;
	memcpy(mark->counts, histogram->counts, sizeof(mark->counts));
}

/* The middle of a bucket: at most 1 % from any value in it. */
static double middle_of(size_t bucket)
{
	if (bucket == 0)
		return (double)BASE_NS / 1e9;
	if (bucket == BEYOND)
		return (double)((int64_t)BASE_NS << OCTAVES) / 1e9;
	return (upper_ns(bucket) - width_ns(bucket) / 2) / 1e9;
}

double metrics_quantile_since(
	const struct fl_metric *histogram, const struct metrics_mark *mark, double quantile)
{
	uint64_t count = histogram->count - (mark == NULL ? 0 : mark->count), seen = 0, rank;
	size_t bucket = 0;

	if (histogram->counts == NULL || count == 0 || !(quantile >= 0 && quantile <= 1))
		return NAN;
	rank = (uint64_t)ceil(quantile * (double)count);
	if (rank == 0)
		rank = 1;
	for (; bucket < BEYOND; bucket++) {
		seen += histogram->counts[bucket] - (mark == NULL ? 0 : mark->counts[bucket]);
		if (seen >= rank)
			break;
	}
	return middle_of(bucket);
}

FL_API double fl_metric_quantile(const struct fl_metric *histogram, double quantile)
{
	return metrics_quantile_since(histogram, NULL, quantile);
}

uint64_t metrics_count(const struct fl_metric *histogram)
{
	return histogram->count;
}

/* ---- Prometheus text ---- */

static void put_number(struct buf *to, double value)
{
	char text[32];

	if (isnan(value))
		buf_text(to, "NaN");
	else if (isinf(value))
		buf_text(to, value > 0 ? "+Inf" : "-Inf");
	else
		buf_append(to, text, (size_t)fl_real_print(text, value));
}

static void put_help(struct buf *to, const struct family *family)
{
	static const char *const words[] = {
		[FL_COUNTER] = "counter", [FL_GAUGE] = "gauge", [FL_HISTOGRAM] = "histogram"
	};

	buf_printf(to, "# HELP %s ", family->name);
	for (const char *at = family->help; *at != '\0'; at++) {
		if (*at == '\\')
			buf_text(to, "\\\\");
		else if (*at == '\n')
			buf_text(to, "\\n");
		else
			buf_append(to, at, 1);
	}
	buf_printf(to, "\n# TYPE %s %s\n", family->name, words[family->kind]);
}

/* name_suffix{labels} */
static void put_series(struct buf *to, const struct fl_metric *metric, const char *suffix)
{
	buf_printf(to, "%s%s", metric->family->name, suffix);
	if (metric->labels[0] != '\0')
		buf_printf(to, "{%s}", metric->labels);
	buf_text(to, " ");
}

static void put_bucket(struct buf *to, const struct fl_metric *metric, double upper, uint64_t count)
{
	buf_printf(to, "%s_bucket{%s%sle=\"", metric->family->name, metric->labels,
		metric->labels[0] == '\0' ? "" : ",");
	put_number(to, upper);
	buf_printf(to, "\"} %" PRIu64 "\n", count);
}

/* One bucket an octave; the 50 within are for our own quantiles. */
static void put_histogram(struct buf *to, const struct fl_metric *metric)
{
	uint64_t seen = metric->counts[0];

	put_bucket(to, metric, (double)BASE_NS / 1e9, seen);
	for (size_t octave = 0; octave < OCTAVES; octave++) {
		for (size_t i = 0; i < PER_OCTAVE; i++)
			seen += metric->counts[1 + octave * PER_OCTAVE + i];
		put_bucket(to, metric, (double)((int64_t)BASE_NS << (octave + 1)) / 1e9, seen);
	}
	put_bucket(to, metric, INFINITY, metric->count);
	put_series(to, metric, "_sum");
	put_number(to, metric->value);
	buf_text(to, "\n");
	put_series(to, metric, "_count");
	buf_printf(to, "%" PRIu64 "\n", metric->count);
}

int metrics_print(const struct metrics *metrics, struct buf *to)
{
	for (const struct family *family = metrics->first; family != NULL; family = family->next) {
		if (family->first == NULL)
			continue;
		put_help(to, family);
		for (const struct fl_metric *metric = family->first; metric != NULL;
			metric = metric->next) {
			if (metric->kind == FL_HISTOGRAM) {
				put_histogram(to, metric);
				continue;
			}
			put_series(to, metric, "");
			put_number(to, metric->value);
			buf_text(to, "\n");
		}
	}
	return to->failed ? -ENOMEM : 0;
}
