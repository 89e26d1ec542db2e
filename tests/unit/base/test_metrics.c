#include "log.h"
#include "metrics.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void assert_close(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%.17g is not %.17g", found, expected);
}

static void quiet(void *data, const char *line, size_t length)
{
	(void)line;
	(void)length;
	++*(int *)data;
}

static void text_is_grouped_by_name(void **state)
{
	struct metrics *metrics = metrics_create();
	struct fl_metric *quotes, *lag;
	struct buf buf;

	(void)state;
	quotes = metrics_find(metrics, FL_COUNTER, "feedloom_messages_total",
		"feed=\"deribit\",kind=\"quote\"", "Messages\nread \\ kept.");
	lag = metrics_find(metrics, FL_GAUGE, "feedloom_lag_bytes", NULL, "Behind.");
	fl_metric_add(metrics_find(metrics, FL_COUNTER, "feedloom_messages_total",
					  "feed=\"deribit\",kind=\"trade\"", NULL),
		2);
	fl_metric_add(quotes, 1);
	fl_metric_add(quotes, 0.5);
	fl_metric_add(quotes, -5); /* a counter only rises */
	fl_metric_set(lag, -12);
	assert_ptr_equal(quotes,
		metrics_find(metrics, FL_COUNTER, "feedloom_messages_total",
			"feed=\"deribit\",kind=\"quote\"", "other words"));
	buf_init(&buf, 0);
	assert_int_equal(metrics_print(metrics, &buf), 0);
	assert_string_equal(buf_string(&buf),
		"# HELP feedloom_messages_total Messages\\nread \\\\ kept.\n"
		"# TYPE feedloom_messages_total counter\n"
		"feedloom_messages_total{feed=\"deribit\",kind=\"quote\"} 1.5\n"
		"feedloom_messages_total{feed=\"deribit\",kind=\"trade\"} 2\n"
		"# HELP feedloom_lag_bytes Behind.\n"
		"# TYPE feedloom_lag_bytes gauge\n"
		"feedloom_lag_bytes -12\n");
	metrics_drop(metrics, lag);
	metrics_drop(metrics, quotes);
	buf_clear(&buf, 0);
	metrics_print(metrics, &buf);
	assert_null(strstr(buf_string(&buf), "lag"));
	assert_null(strstr(buf_string(&buf), "quote"));
	assert_non_null(strstr(buf_string(&buf), "kind=\"trade\"} 2\n"));
	buf_finish(&buf);
	metrics_destroy(metrics);
}

static void quantiles_are_within_two_percent(void **state)
{
	struct metrics *metrics = metrics_create();
	struct fl_metric *latency = metrics_find(metrics, FL_HISTOGRAM, "latency_seconds", NULL, "");

	(void)state;
	assert_true(isnan(fl_metric_quantile(latency, 0.5)));
	/* Each value alone, over the whole range. */
	for (double value = 1.01e-6; value < 1000; value *= 1.0137) {
		struct fl_metric *one = metrics_find(metrics, FL_HISTOGRAM, "one_seconds", NULL, "");

		fl_metric_observe(one, value);
		assert_true(fabs(fl_metric_quantile(one, 0.5) / value - 1) < 0.011);
		metrics_drop(metrics, one);
	}
	for (int i = 1; i <= 10000; i++)
		fl_metric_observe(latency, i * 1e-5);
	for (double q = 0.01; q < 1; q += 0.01)
		assert_true(fabs(fl_metric_quantile(latency, q) / (q * 0.1) - 1) < 0.011);
	assert_int_equal(metrics_count(latency), 10000);
	assert_close(fl_metric_value(latency), 500.05, 1e-3);
	metrics_destroy(metrics);
}

static void since_a_mark_only_what_came_later_counts(void **state)
{
	struct metrics *metrics = metrics_create();
	struct metrics_mark *mark = metrics_mark_create();
	struct fl_metric *latency = metrics_find(metrics, FL_HISTOGRAM, "x_seconds", NULL, "x");

	(void)state;
	for (int i = 0; i < 1000; i++)
		fl_metric_observe(latency, 400);
	assert_true(fabs(metrics_quantile_since(latency, mark, 0.5) - 400) < 8);
	metrics_mark_set(mark, latency);
	assert_true(isnan(metrics_quantile_since(latency, mark, 0.5)));
	for (int i = 0; i < 10; i++)
		fl_metric_observe(latency, 0.004);
	assert_true(fabs(metrics_quantile_since(latency, mark, 0.95) - 0.004) < 0.0001);
	assert_true(fabs(fl_metric_quantile(latency, 0.95) - 400) < 8);
	metrics_mark_destroy(mark);
	metrics_destroy(metrics);
}

static void odd_observations_do_no_harm(void **state)
{
	struct metrics *metrics = metrics_create();
	struct fl_metric *latency = metrics_find(metrics, FL_HISTOGRAM, "latency_seconds", NULL, "");

	(void)state;
	fl_metric_observe(latency, NAN);
	assert_int_equal(metrics_count(latency), 0);
	fl_metric_observe(latency, -1);
	fl_metric_observe(latency, 0);
	fl_metric_observe(latency, 1e300);
	fl_metric_observe(latency, INFINITY);
	assert_int_equal(metrics_count(latency), 4);
	assert_true(fl_metric_quantile(latency, 0.5) <= 1e-6);
	assert_true(fl_metric_quantile(latency, 1) > 1000);
	assert_true(isnan(fl_metric_quantile(latency, 1.5)));
	fl_metric_set(latency, 3);
	fl_metric_add(latency, 3);
	assert_int_equal(metrics_count(latency), 4);
	metrics_destroy(metrics);
}

static void buckets_are_cumulative_and_closed_above(void **state)
{
	struct metrics *metrics = metrics_create();
	struct fl_metric *latency =
		metrics_find(metrics, FL_HISTOGRAM, "latency_seconds", "feed=\"x\"", "How long.");
	struct buf buf;

	(void)state;
	fl_metric_observe(latency, 1e-6);
	fl_metric_observe(latency, 2e-6);
	fl_metric_observe(latency, 2.001e-6);
	fl_metric_observe(latency, 0.5);
	fl_metric_observe(latency, 5000);
	buf_init(&buf, 0);
	metrics_print(metrics, &buf);
	assert_non_null(strstr(buf_string(&buf),
		"# TYPE latency_seconds histogram\n"
		"latency_seconds_bucket{feed=\"x\",le=\"1e-6\"} 1\n"
		"latency_seconds_bucket{feed=\"x\",le=\"2e-6\"} 2\n"
		"latency_seconds_bucket{feed=\"x\",le=\"4e-6\"} 3\n"));
	assert_non_null(strstr(buf_string(&buf), "le=\"0.524288\"} 4\n"));
	assert_non_null(strstr(buf_string(&buf),
		"le=\"1073.741824\"} 4\n"
		"latency_seconds_bucket{feed=\"x\",le=\"+Inf\"} 5\n"
		"latency_seconds_sum{feed=\"x\"} 5000.500005001\n"
		"latency_seconds_count{feed=\"x\"} 5\n"));
	buf_finish(&buf);
	metrics_destroy(metrics);
}

static void what_cannot_be_counted_is_said_once(void **state)
{
	static const char *const bad_labels[] = { "feed", "feed=", "feed=\"x", "feed=\"x\",", "=\"x\"",
		"feed=\"a\"b\"", "feed=\"a\\\"", "feed=\"a\n\"", "feed=\"a\" b=\"c\"" };
	struct metrics *metrics = metrics_create();
	struct fl_metric *metric;
	struct buf buf;
	int lines = 0;

	(void)state;
	log_to(quiet, &lines);
	metrics_find(metrics, FL_GAUGE, "taken", NULL, "");
	metric = metrics_find(metrics, FL_COUNTER, "taken", "a=\"b\"", "");
	fl_metric_add(metric, 1);
	fl_metric_set(metric, 1);
	fl_metric_observe(metric, 1);
	assert_close(fl_metric_value(metric), 0, 0);
	assert_true(isnan(fl_metric_quantile(metric, 0.5)));
	metrics_drop(metrics, metric);
	assert_ptr_equal(metrics_find(metrics, FL_COUNTER, "9bad", NULL, ""), metric);
	assert_ptr_equal(metrics_find(metrics, FL_COUNTER, "bad name", NULL, ""), metric);
	assert_ptr_equal(metrics_find(metrics, FL_COUNTER, "", NULL, ""), metric);
	for (size_t i = 0; i < sizeof(bad_labels) / sizeof(bad_labels[0]); i++)
		assert_ptr_equal(metrics_find(metrics, FL_COUNTER, "good", bad_labels[i], ""), metric);
	for (int i = 0; i < 10010; i++) {
		char labels[32];

		snprintf(labels, sizeof(labels), "number=\"%d\"", i);
		fl_metric_add(metrics_find(metrics, FL_COUNTER, "many", labels, ""), 1);
	}
	assert_int_equal(lines, 1);
	buf_init(&buf, 0);
	metrics_print(metrics, &buf);
	assert_non_null(strstr(buf_string(&buf), "number=\"9998\"} 1\n"));
	assert_null(strstr(buf_string(&buf), "number=\"9999\"")); /* `taken` was the first of 10,000 */
	buf_finish(&buf);
	metrics_destroy(metrics);
	log_to(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_grouped_by_name),
		cmocka_unit_test(quantiles_are_within_two_percent),
		cmocka_unit_test(since_a_mark_only_what_came_later_counts),
		cmocka_unit_test(odd_observations_do_no_harm),
		cmocka_unit_test(buckets_are_cumulative_and_closed_above),
		cmocka_unit_test(what_cannot_be_counted_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
