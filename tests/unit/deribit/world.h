/*
 * world.h: the plugin in a fake core, with helpers that speak as the venue does.
 */
#ifndef WORLD_H
#define WORLD_H

#include "deribit.h"
#include "fake.h"

extern const struct fl_plugin feedloom_plugin;

/** The options of the shipped configuration. */
struct deribit_options world_options(void);
struct fl_names world_names(const char *const *items);

struct fl_ctx *world_create(const struct deribit_options *options);
struct deribit *world_plugin(struct fl_ctx *ctx);

/** Starts, lists `btc` and `eth` options, brings connections up, and acknowledges everything. */
void world_start(struct fl_ctx *ctx, int btc, int eth);
/** An answer of get_instruments with `count` options from number `from` on; the caller frees. */
char *world_listing(const char *currency, int from, int count);
/** Answers all listing requests that are open. */
void world_list(struct fl_ctx *ctx, int btc, int eth);
void world_up_all(struct fl_ctx *ctx);
/** Agrees to heartbeats; acknowledges each subscribe and unsubscribe sent since the last call, but
 * for channels that contain `without` (NULL: none) or that method. Returns how many requests there
 * were. */
int world_acknowledge(struct fl_ctx *ctx, const char *without);
/** The text of the i-th message sent that contains `needle`, NULL: none. */
const char *world_sent(const struct fl_ctx *ctx, const char *needle, size_t i);
int world_channels_sent(const struct fl_ctx *ctx, const char *method);

/** A trade of option number n, live or as a row of a page. */
char *world_trade_row(char *out, size_t size, int n, int64_t seq, int64_t ms);
void world_trade(struct fl_ctx *ctx, int n, int64_t seq);
void world_trade_at(struct fl_ctx *ctx, int n, int64_t seq, int64_t ms);
/** An answer of get_last_trades_by_*: trades `first` to `last` of option n; none when first > last.
 */
bool world_page(struct fl_ctx *ctx, int number, int n, int64_t first, int64_t last, bool has_more);
/** "BTC-26JUN26-1007-C" */
const char *world_name(int n);
/** trade_seq of all trades published of option n, as text: "98 99 100r", r: refilled. */
const char *world_seqs(struct fl_ctx *ctx, int n);
int64_t world_now_ms(const struct fl_ctx *ctx);

#endif
