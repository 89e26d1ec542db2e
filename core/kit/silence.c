/*
 * silence.c: how long an instrument may be silent, learned from its own traffic.
 *
 * Quiet instruments must never be mistaken for dead ones: the limit is several times the longest
 * gap there was, and that is forgotten slowly: after a time of 64 times its own length. Where gaps
 * are drawn by chance, one of 20 times the mean comes once in 10^8.
 */
#include <feedloom/kit.h>

enum { ENOUGH = 16, MEAN_OVER = 32 };

#define FORGOTTEN_AFTER 64.0f /* times its own length */
#define TIMES_LONGEST 3.0
#define TIMES_MEAN 20.0

void fl_silence_heard(struct fl_silence *silence, int64_t now_ns)
{
	float gap, share;
	uint32_t gaps = silence->count; /* including this one */

	if (silence->last_ns == 0 || silence->count == 0) {
		silence->last_ns = now_ns;
		silence->count += silence->count == 0;
		return;
	}
	gap = now_ns > silence->last_ns ? (float)((double)(now_ns - silence->last_ns) * 1e-9) : 0;
	share =
		gaps < MEAN_OVER ? 1.0f / (float)gaps : 1.0f / (float)MEAN_OVER; /* mostly no division */
	silence->mean_gap_s += (gap - silence->mean_gap_s) * share;
	silence->longest_gap_s -= gap / FORGOTTEN_AFTER;
	if (gap > silence->longest_gap_s)
		silence->longest_gap_s = gap;
	silence->last_ns = now_ns;
	if (silence->count < UINT32_MAX)
		silence->count++;
}

int64_t fl_silence_limit_ns(const struct fl_silence *silence, int64_t floor_ns)
{
	double by_longest = (double)silence->longest_gap_s * TIMES_LONGEST;
	double by_mean = (double)silence->mean_gap_s * TIMES_MEAN;
	double limit_ns = (by_longest > by_mean ? by_longest : by_mean) * 1e9;

	if (silence->count <= ENOUGH || limit_ns >= 9e18)
		return INT64_MAX;
	return limit_ns > (double)floor_ns ? (int64_t)limit_ns : floor_ns;
}
