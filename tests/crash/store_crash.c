/*
 * store_crash.c - SIGKILL of a writing process at random moments, and a look at its store after each.
 *
 * Why:   what store_commit() answered stands, and what it did not answer stands whole or not at all.
 * Owns:  one directory; one writing child at a time.
 * Rules: 1. The child tells the parent by a pipe after each commit; the parent believes nothing else.
 *        2. A round goes on with the store that the last one left, so that recovery is tried upon recovery.
 * Usage: store_crash [ROUNDS [SEED]]
 * Runs in: the test suite, by tests/crash/test_store.py.
 * Tests: store_forward/
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store_forward/chain.h"
#include "tests/lib/test_store.h"

#define STREAM                  "00001"
#define EVENT_BYTES             1500
#define ROUNDS_A_STORE          25 /* then a new one: checking a store takes the longer the more it holds */
#define MOMENT_MICROSECONDS_MAX 60000

/* Where the store stands: every document up to `appended` is in it, `acked` are acknowledged. */
struct standing {
	int64_t appended;
	int64_t acked;
};

static _Noreturn void failed(uint64_t seed, int round, const char *what)
{
	printf("not ok 1 - round %d, seed %" PRIu64 ": %s\n", round, seed, what);
	exit(1);
}

static void report(int tell, const struct store_stream *stream)
{
	struct standing standing = {stream->committed_sequence, stream->acked_sequence};
	if (write(tell, &standing, sizeof standing) != (ssize_t)sizeof standing)
		_exit(3);
}

/* The child: transactions of 1 to 60 documents, acknowledging, pruning and a watermark in each, until it is killed. */
static _Noreturn void write_for_ever(struct test_store *test, uint64_t seed, int tell)
{
	test->hal.seed = seed;
	test->options.retention_ns = 0;
	test_store_open(test);
	const struct store_stream *stream = test_stream(test, STREAM);
	report(tell, stream);
	for (;;) {
		uint8_t dice[2];
		char mark[32];
		int deleted = 0;
		hal_entropy(&test->hal.hal, dice, sizeof dice);
		test_store_must(test, store_begin(test->store, &test->info), "begin");
		for (int i = 0; i <= dice[0] % 60; i++)
			test_store_must(test,
			                test_append(test, stream, (int)stream->next_sequence, 1, EVENT_BYTES),
			                "append");
		int64_t acked = stream->committed_sequence - dice[1] % 40;
		if (acked > 0)
			test_store_must(
			    test, store_acknowledge(test->store, 1, acked, test->hal.wall_ns, &test->info),
			    "acknowledge");
		test_store_must(test,
		                store_prune(test->store, test->hal.wall_ns, dice[1], &deleted, &test->info),
		                "prune");
		snprintf(mark, sizeof mark, "%" PRId64, stream->next_sequence - 1);
		test_store_must(
		    test, store_watermark_put(test->store, "erp", "q", span_of(mark), &test->info), "mark");
		test_store_must(test, store_commit(test->store, &test->info), "commit");
		report(tell, stream);
	}
}

struct walk {
	int64_t next;
	bool good;
	struct digest chain;
	bool linked;
};

/* Every event as it was made, and every register row beside it. */
static bool look(void *self, const struct store_outbox_row *row)
{
	struct walk *walk = self;
	struct test_document want;
	if (walk->next == 0)
		walk->next = row->sequence;
	test_document_make(&want, (int)row->sequence, 1, EVENT_BYTES);
	walk->good = walk->good && row->sequence == walk->next &&
	             span_equal(row->subject, span_of(want.subject)) &&
	             span_equal(row->event, (struct span){want.event, want.event_len});
	walk->next++;
	return true;
}

/* The chain of all documents ever appended, from the first on: the store's head must be its end. */
static struct digest chain_up_to(const char *source, int64_t last)
{
	struct digest chain = chain_start(span_of(source));
	struct test_document document;
	for (int64_t n = 1; n <= last; n++) {
		test_document_make(&document, (int)n, 1, 1);
		chain = chain_link(&chain, &document.content);
	}
	return chain;
}

static const char *check(struct test_store *test, const struct standing *told)
{
	test_store_open(test);
	if (test->opening.salvaged)
		return "it was taken for damaged";
	if (store_stream_count(test->store) == 0)
		return told->appended == 0 ? NULL : "the stream is lost";
	const struct store_stream *stream = store_stream_at(test->store, 0);
	int64_t last = stream->next_sequence - 1;
	if (last < told->appended || stream->acked_sequence < told->acked)
		return "what was committed is lost";
	struct digest chain = chain_up_to(stream->source, last);
	if (!digest_equal(&stream->chain, &chain))
		return "the chain is not that of its events";
	struct walk walk = {.good = true};
	test_store_must(test, store_outbox_read(test->store, 1, 0, look, &walk, &test->info), "read");
	if (!walk.good || (walk.next != 0 && walk.next != last + 1))
		return "an event is missing or changed";
	struct store_totals totals;
	store_totals(test->store, &totals);
	if (totals.documents != last || totals.acked != stream->acked_sequence)
		return "the totals are not those of its rows";
	struct buf mark;
	buf_init(&mark, 100);
	enum err err = store_watermark_get(test->store, "erp", "q", &mark, &test->info);
	bool marked = err == ERR_OK ? strtoll(buf_cstr(&mark), NULL, 10) == last : last == 0;
	buf_release(&mark);
	return marked ? NULL : "rows and watermark are not of one transaction";
}

static void one_round(struct test_store *test, uint64_t seed, int round, struct standing *told)
{
	int tell[2];
	uint64_t dice = 0;
	if (pipe(tell) != 0)
		failed(seed, round, "no pipe");
	hal_entropy(&test->hal.hal, &dice, sizeof dice);
	pid_t child = fork();
	if (child == 0) {
		close(tell[0]);
		write_for_ever(test, dice, tell[1]);
	}
	close(tell[1]);
	/* Four of five rounds count the moment from the end of the opening, the others kill that too. The random
	 * moment is what is tested: there is nothing to wait for. */
	struct standing heard;
	if (dice % 5 != 0 && read(tell[0], &heard, sizeof heard) == (ssize_t)sizeof heard)
		*told = heard;
	struct timespec moment = {.tv_nsec = (long)(dice / 5 % MOMENT_MICROSECONDS_MAX) * 1000};
	nanosleep(&moment, NULL);
	kill(child, SIGKILL);
	while (read(tell[0], &heard, sizeof heard) == (ssize_t)sizeof heard)
		*told = heard;
	close(tell[0]);
	int status = 0;
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status))
		failed(seed, round, "the writer ended by itself");
	const char *wrong = check(test, told);
	test_store_close(test);
	if (wrong != NULL)
		failed(seed, round, wrong);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 200;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	struct test_store test;
	struct standing told = {0};
	int64_t before = 0;
	int64_t documents = 0;
	int moved = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_store_begin(&test);
	test.hal.seed = seed;
	for (int round = 1; round <= rounds; round++) {
		if (round % ROUNDS_A_STORE == 0) {
			uint64_t dice = test.hal.seed;
			test_store_end(&test);
			test_store_begin(&test);
			test.hal.seed = dice;
			told = (struct standing){0};
			before = 0;
		}
		one_round(&test, seed, round, &told);
		moved += told.appended > before;
		documents += told.appended - before;
		before = told.appended;
	}
	test_store_end(&test);
	printf("# seed %" PRIu64 ": %d kills, %d after a commit, %" PRId64 " documents\n", seed, rounds,
	       moved, documents);
	if (moved < rounds / 3)
		failed(seed, rounds, "hardly any round came to a commit");
	printf("ok 1 - %d kills at random moments\n1..1\n", rounds);
	return 0;
}
