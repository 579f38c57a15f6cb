/*
 * comparison_fixture.h - a store with documents, and the comparison that keeps the ledger beside it.
 *
 * Why:   what the comparison takes in stands in the store, so it is shown with the real one.
 * Owns:  struct desk owns all of it.
 * Rules: 1. A helper that cannot do its work fails the test it is called in.
 *        2. settle() is what follows a commit: steps as the agent takes them, until nothing is due at once any more.
 * Runs in: the unit tests.
 */
#ifndef TWINPOST_COMPARISON_FIXTURE_H
#define TWINPOST_COMPARISON_FIXTURE_H

#include "firmware/comparison.h"
#include "tests/lib/fault_vfs.h"
#include "tests/unit/cloud_fixture.h"

#define STEPS_MAX 1000

struct desk {
	struct bench *bench;
	struct comparison *comparison;
	int64_t due_ns; /* of the last step */
	char ledger[256];
};

static inline struct hal *desk_hal(struct desk *desk)
{
	return &desk->bench->store.hal.hal;
}

static inline int64_t desk_now(struct desk *desk)
{
	return desk->bench->store.hal.mono_ns;
}

static inline void desk_open(struct desk *desk)
{
	struct bench *bench = desk->bench;
	desk->comparison =
	    comparison_new(desk_hal(desk), NULL, bench->store.store, &bench->config, &bench->recorder);
	assert_non_null(desk->comparison);
}

/* A store in the given VFS (NULL: SQLite's own). */
static inline struct desk *desk_new(const char *vfs)
{
	struct desk *desk = calloc(1, sizeof *desk);
	assert_non_null(desk);
	*fault_vfs_plan() = (struct fault_plan){0};
	desk->bench = bench_new();
	struct config *config = &desk->bench->config;
	(void)snprintf(desk->ledger, sizeof desk->ledger, "%s/ledger.db", desk->bench->store.directory);
	assert_true(text_copy(config->compare.ledger, sizeof config->compare.ledger, span_of(desk->ledger)));
	config->compare.enabled = CONFIG_YES;
	config->source_count = 1;
	assert_true(text_copy(config->sources[0].name, sizeof config->sources[0].name, SPAN_LITERAL("erp")));
	desk->bench->store.hal.vfs = vfs; /* of the ledger: the store is open */
	desk_open(desk);
	return desk;
}

static inline int desk_set_up(void **state)
{
	*state = desk_new(NULL);
	return 0;
}

static inline int desk_tear_down(void **state)
{
	struct desk *desk = *state;
	*fault_vfs_plan() = (struct fault_plan){0};
	comparison_free(desk->comparison);
	bench_free(desk->bench);
	free(desk);
	return 0;
}

/* The process ends and starts again; the store stays as it is. */
static inline void desk_restart(struct desk *desk)
{
	comparison_free(desk->comparison);
	desk_open(desk);
}

static inline void desk_step(struct desk *desk)
{
	desk->due_ns = INT64_MAX;
	comparison_step(desk->comparison, desk_now(desk), false, &desk->due_ns);
}

static inline void settle(struct desk *desk)
{
	int steps = 0;
	if (!store_in_transaction(desk->bench->store.store))
		bench_must(desk->bench, comparison_before_commit(desk->comparison, &desk->bench->info));
	do
		desk_step(desk);
	while (desk->due_ns <= desk_now(desk) && ++steps < STEPS_MAX);
	if (steps == STEPS_MAX)
		fail_msg("a busy loop");
}

/* As the agent: what the steps have found is raised and cleared in a transaction of the store. */
static inline void tell(struct desk *desk)
{
	struct bench *bench = desk->bench;
	while (comparison_has_news(desk->comparison)) {
		bench_begin(bench);
		bench_must(bench, comparison_tell(desk->comparison, &bench->info));
		bench_must(bench, comparison_before_commit(desk->comparison, &bench->info));
		bench_commit(bench);
		settle(desk);
	}
}

/* Time goes on by so many seconds, and what is due is done. */
static inline void pass_seconds(struct desk *desk, int seconds)
{
	desk->bench->store.hal.mono_ns += seconds * NS_PER_S;
	desk->bench->store.hal.wall_ns += seconds * NS_PER_S;
	settle(desk);
	tell(desk);
}

static inline struct ledger *ledger_of(struct desk *desk)
{
	struct ledger *ledger = comparison_ledger(desk->comparison);
	assert_non_null(ledger);
	return ledger;
}

static inline int64_t legacy_count(struct desk *desk)
{
	return ledger_count(ledger_of(desk), SIDE_LEGACY);
}

static inline int64_t mark_of(struct desk *desk, const char *name)
{
	int64_t value = 0;
	struct err_info info;
	assert_int_equal(ledger_mark(ledger_of(desk), name, &value, &info), ERR_OK);
	return value;
}

static inline bool add_left_out(void *self, const struct ledger_held *held)
{
	*(int64_t *)self += span_equal(held->rule, SPAN_LITERAL(LEDGER_LEFT_OUT));
	return true;
}

static inline int64_t left_out_count(struct desk *desk)
{
	int64_t count = 0;
	struct err_info info;
	assert_int_equal(ledger_helds(ledger_of(desk), add_left_out, &count, &info), ERR_OK);
	return count;
}

static inline int64_t stream_mark(struct desk *desk)
{
	char name[80];
	const struct store_stream *stream = bench_stream(desk->bench);
	(void)snprintf(name, sizeof name, "stream %s %" PRId64, stream->name, stream->epoch);
	return mark_of(desk, name);
}

/* The legacy document of this subject; its texts live until the next call. */
static inline bool find_legacy(struct desk *desk, const char *subject, struct ledger_document *document)
{
	static struct buf texts;
	struct err_info info;
	if (texts.max == 0)
		buf_init(&texts, LEDGER_PACKED_MAX + 4096);
	return ledger_find(ledger_of(desk), SIDE_LEGACY, span_of(subject), span_of(subject), document, &texts,
	                   &info) == ERR_OK;
}

struct exception_search {
	const char *rule;
	int open;
	int64_t id;
	char text[STORE_NOTE_BYTES_MAX];
	char key[256];
};

static inline bool visit_search(void *self, const struct store_exception *exception)
{
	struct exception_search *search = self;
	if (!exception->open || !span_equal(exception->rule, span_of(search->rule)))
		return true;
	search->open++;
	search->id = exception->id;
	(void)snprintf(search->text, sizeof search->text, "%.*s", (int)exception->text.len,
	               exception->text.data);
	(void)snprintf(search->key, sizeof search->key, "%.*s", (int)exception->key.len, exception->key.data);
	return true;
}

/* Open exceptions of this rule; the last of them. */
static inline struct exception_search search_exceptions(struct desk *desk, const char *rule)
{
	struct exception_search search = {.rule = rule};
	bench_must(desk->bench, store_exceptions_changed(desk->bench->store.store, 0, 1000, visit_search,
	                                                 &search, &desk->bench->info));
	return search;
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, desk_set_up, desk_tear_down)

#endif
