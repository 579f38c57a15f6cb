/*
 * cloud_exceptions_test.c - up/exc: each state of an exception is told once, over rollbacks and restarts.
 *
 * Why:   who watches exceptions from afar must neither miss one nor count one twice.
 * Owns:  one struct bench a test.
 * Runs in: the unit tests.
 */
#include "tests/unit/cloud_fixture.h"

#include "firmware/cloud_exceptions.h"
#include "store_forward/meta.h"

struct exc {
	struct bench *bench;
	struct cloud_exceptions exceptions;
};

static void open_it(struct exc *exc)
{
	bench_must(exc->bench,
	           cloud_exceptions_open(&exc->exceptions, exc->bench->store.store, &exc->bench->config,
	                                 &exc->bench->store.hal.hal, &exc->bench->info));
}

static int set_up(void **state)
{
	struct exc *exc = calloc(1, sizeof *exc);
	assert_non_null(exc);
	exc->bench = bench_new();
	assert_true(text_copy(exc->bench->config.owners.mapping, sizeof exc->bench->config.owners.mapping,
	                      SPAN_LITERAL("Finance \"A\"")));
	open_it(exc);
	*state = exc;
	return 0;
}

static int tear_down(void **state)
{
	struct exc *exc = *state;
	cloud_exceptions_close(&exc->exceptions);
	bench_free(exc->bench);
	free(exc);
	return 0;
}

static void raise_one(struct exc *exc, const char *key, const char *text)
{
	struct bench *bench = exc->bench;
	const struct store_exception exception = {.rule = SPAN_LITERAL("account-unknown"),
	                                          .source = SPAN_LITERAL("erp"),
	                                          .key = span_of(key),
	                                          .owner = STORE_OWNER_MAPPING,
	                                          .text = span_of(text),
	                                          .open = true,
	                                          .first_ns = bench->store.hal.wall_ns,
	                                          .last_ns = bench->store.hal.wall_ns};
	bench_must(bench, recorder_exception(&bench->recorder, &exception, &bench->info));
}

static void publish(struct exc *exc)
{
	bench_must(exc->bench, cloud_exceptions_publish(&exc->exceptions, &exc->bench->info));
	bench_commit(exc->bench);
}

/* How many mails there are. */
static int mails(struct exc *exc)
{
	return (int)store_mail_committed(exc->bench->store.store);
}

/* The message of a new one to the byte; a repeat that says nothing new is not told; taken in hand, and closed, are. */
static void each_state_is_told_once(void **state)
{
	struct exc *exc = *state;
	struct bench *bench = exc->bench;
	bench_begin(bench);
	raise_one(exc, "00001/journal/2024/1", "no account \"1\"");
	publish(exc);
	char *mail = bench_mail(bench, 1);
	assert_string_equal(
	    mail,
	    "up/exc "
	    "{\"class\":\"mapping\",\"count\":1,\"exception\":1,\"key\":\"00001/journal/2024/1\",\"owner\":"
	    "\"Finance \\\"A\\\"\",\"rule\":\"account-unknown\",\"since\":\"2026-01-02T03:04:05.000Z\","
	    "\"source\":\"erp\",\"state\":\"open\",\"text\":\"no account \\\"1\\\"\","
	    "\"time\":\"2026-01-02T03:04:05.000Z\"}");
	free(mail);
	bench_begin(bench);
	raise_one(exc, "00001/journal/2024/1", "no account \"1\"");
	publish(exc);
	assert_int_equal(mails(exc), 1);
	bench_begin(bench);
	bench_must(bench, store_exception_mark(bench->store.store, 1, true, SPAN_LITERAL("ann"),
	                                       SPAN_LITERAL(""), bench->store.hal.wall_ns, &bench->info));
	publish(exc);
	mail = bench_mail(bench, 2);
	assert_non_null(strstr(mail, "\"state\":\"acknowledged\""));
	free(mail);
	bench_begin(bench);
	bench_must(bench, recorder_clear(&bench->recorder, (struct span){NULL, 0}, SPAN_LITERAL("erp"),
	                                 SPAN_LITERAL("00001/journal/2024/1"), &bench->info));
	publish(exc);
	mail = bench_mail(bench, 3);
	assert_non_null(strstr(mail, "\"state\":\"closed\""));
	free(mail);
	assert_int_equal(mails(exc), 3);
}

/* What a rolled back transaction told is told by the next one; what a committed one told is not told after a
 * restart. */
static void rollbacks_and_restarts(void **state)
{
	struct exc *exc = *state;
	struct bench *bench = exc->bench;
	bench_begin(bench);
	raise_one(exc, "a", "text");
	publish(exc);
	bench_begin(bench);
	raise_one(exc, "b", "text");
	bench_must(bench, cloud_exceptions_publish(&exc->exceptions, &bench->info));
	bench_roll_back(bench);
	cloud_exceptions_rolled_back(&exc->exceptions);
	bench_begin(bench);
	raise_one(exc, "c", "text");
	publish(exc);
	assert_int_equal(mails(exc), 2);
	char *mail = bench_mail(bench, 2);
	assert_non_null(strstr(mail, "\"key\":\"c\""));
	free(mail);
	cloud_exceptions_close(&exc->exceptions);
	bench_restart(bench);
	open_it(exc);
	bench_begin(bench);
	publish(exc);
	assert_int_equal(mails(exc), 2);
}

/* A transaction tells 100 changes, the next one the rest. */
static void many_changes_are_told_in_turn(void **state)
{
	struct exc *exc = *state;
	bench_begin(exc->bench);
	for (int i = 0; i < 101; i++) {
		char key[16];
		(void)snprintf(key, sizeof key, "k%d", i);
		raise_one(exc, key, "text");
	}
	publish(exc);
	assert_int_equal(mails(exc), 100);
	bench_begin(exc->bench);
	publish(exc);
	assert_int_equal(mails(exc), 101);
	char *mail = bench_mail(exc->bench, 101);
	assert_non_null(strstr(mail, "\"key\":\"k100\""));
	free(mail);
}

/* Near the end of the mail nothing is told and nothing fails; with room again the newest state is. 98,900 wait at the
 * edge: 100 changes more are below the reserve of 1000 that checkpoints and answers keep. */
static void a_full_mail_delays(void **state)
{
	struct exc *exc = *state;
	struct bench *bench = exc->bench;
	struct store *store = bench->store.store;
	bench_begin(bench);
	for (int i = 0; i < STORE_MAIL_ROWS_MAX - 1000 - 100 + 1; i++)
		bench_must(bench,
		           store_mail_add(store, SPAN_LITERAL("up/res"), SPAN_LITERAL("{}"), &bench->info));
	raise_one(exc, "a", "text");
	publish(exc);
	assert_int_equal(mails(exc), 98901);
	bench_begin(bench);
	bench_must(bench, store_mail_done(store, 1, &bench->info));
	raise_one(exc, "a", "another text");
	publish(exc);
	assert_int_equal(mails(exc), 98902);
	char *mail = bench_mail(bench, 0);
	assert_non_null(strstr(mail, "another text"));
	free(mail);
}

/* A text that is all escapes, at the store's limits, is still a message; and what the store kept of the number told is
 * not trusted: another length begins anew. */
static void odd_values_do_no_harm(void **state)
{
	struct exc *exc = *state;
	struct bench *bench = exc->bench;
	char text[ERR_TEXT_MAX];
	memset(text, 1, sizeof text - 1);
	text[sizeof text - 1] = 0;
	bench_begin(bench);
	raise_one(exc, "a", text);
	publish(exc);
	assert_int_equal(mails(exc), 1);
	cloud_exceptions_close(&exc->exceptions);
	bench_begin(bench);
	bench_must(bench,
	           store_meta_put(bench->store.store, "exceptions.told", SPAN_LITERAL("x"), &bench->info));
	bench_commit(bench);
	open_it(exc);
	bench_begin(bench);
	publish(exc);
	assert_int_equal(mails(exc), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_state_is_told_once), TEST(rollbacks_and_restarts), TEST(many_changes_are_told_in_turn),
	    TEST(a_full_mail_delays),      TEST(odd_values_do_no_harm),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
