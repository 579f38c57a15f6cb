/*
 * control_breaks_test.c - exceptions of comparisons over the control socket: runs told, decisions made, audited.
 *
 * Why:   who accepts a difference signs for it; the box must be able to say so later, and never says it did what it did
 *        not.
 * Owns:  a temporary ledger; store and callbacks as in control_change_fixture.h.
 * Rules: as in control_change_fixture.h. The comparison is played: it has a ledger, and can be told to fail.
 * Runs in: the tests.
 * Tests: firmware/control_compare_list.c, control_compare_decide.c, control_compare_runs.c, control_compare_publish.c
 */
#include "tests/unit/control_change_fixture.h"

#include "firmware/comparison.h"
#include "store_forward/mail.h"

#define RUN(run, verdict)                                                               \
	"{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"" run "\",\"verdict\":\"" verdict \
	"\",\"scope\":{\"entities\":[],\"from\":\"\",\"to\":\"\",\"types\":[]},"        \
	"\"cut\":{\"at\":\"2026-01-01T00:00:00.000Z\"}}"
#define END(run) "{\"v\":1,\"cmd\":\"compare_end\",\"run\":\"" run "\"}"
#define KEY      "compare:00001/invoice/2026/RI-1:2026-09"

struct comparison {
	struct comparison_told told;
	struct ledger *ledger;
	bool well;
	int fail_at; /* the change that cannot be begun; 0: none */
	int changes;
};

struct ledger *comparison_ledger(const struct comparison *comparison)
{
	return comparison->well ? comparison->ledger : NULL;
}

struct comparison_told *comparison_told(struct comparison *comparison)
{
	return &comparison->told;
}

enum err comparison_change_begin(struct comparison *comparison, struct err_info *info)
{
	if (++comparison->changes == comparison->fail_at)
		return err_set(info, ERR_IO, "the ledger's disk is gone");
	return ledger_begin(comparison->ledger, info);
}

enum err comparison_change_end(struct comparison *comparison, enum err err, struct err_info *info)
{
	if (err == ERR_OK)
		return ledger_commit(comparison->ledger, info);
	ledger_rollback(comparison->ledger);
	return err;
}

static struct comparison played;

static int set_up_ledger(void **state)
{
	struct ledger_opening opening;
	struct err_info info;
	int rc = set_up(state);
	struct world *world = *state;
	memset(&played, 0, sizeof played);
	buf_init(&played.told.about, 2 * HAL_CONTROL_REQUEST_MAX);
	world->config.uplink.message_bytes_max = 60000;
	played.well = true;
	/* A file: a temporary ledger cannot be rolled back. */
	char path[200];
	(void)snprintf(path, sizeof path, "%s/ledger.db", world->test.directory);
	assert_int_equal(
	    ledger_open(&world->test.hal.hal, path, LEDGER_WRITE, &played.ledger, &opening, &info), ERR_OK);
	world->view.comparison = &played;
	return rc;
}

static int tear_down_ledger(void **state)
{
	ledger_close(played.ledger);
	buf_release(&played.told.about);
	return tear_down(state);
}

/* ---- telling ---- */

static const char *difference(char *text, size_t size, int number, const char *cause, const char *net)
{
	(void)snprintf(
	    text, size,
	    "{\"key\":\"compare:00001/invoice/2026/RI-%d:2026-09\",\"legacy\":\"00001/invoice/2026/"
	    "RI-%d\",\"cloud\":\"00001/invoice/2026/C-%d\",\"status\":\"different\",\"cause\":\"%s\","
	    "\"owner\":\"policy\",\"entity\":\"00001\",\"document_type\":\"invoice\",\"period\":"
	    "\"2026-09\",\"currency\":\"EUR\",\"net\":\"%s\",\"gross\":\"1.50\",\"text\":\"rounded\"}",
	    number, number, number, cause, net);
	return text;
}

static const char *page(char *text, size_t size, const char *run, const char *differences)
{
	(void)snprintf(text, size,
	               "{\"v\":1,\"cmd\":\"compare_differences\",\"run\":\"%s\",\"differences\":[%s]}", run,
	               differences);
	return text;
}

/* Differences RI-1 to RI-3 of one cause, and RI-4 of another. */
static void tell_four(struct world *world, const char *net)
{
	char text_of[4][600], list[2600], request[3000];
	for (int i = 0; i < 4; i++)
		(void)difference(text_of[i], sizeof text_of[i], i + 1, i < 3 ? "rounding" : "tax", net);
	(void)snprintf(list, sizeof list, "%s,%s,%s,%s", text_of[0], text_of[1], text_of[2], text_of[3]);
	(void)must(world, RUN("000001", "breaks"));
	(void)must(world, page(request, sizeof request, "000001", list));
	(void)must(world, END("000001"));
}

static void a_run_is_told(void **state)
{
	struct world *world = *state;
	char one[600], request[1000];
	assert_string_equal(text(must(world, RUN("000007", "breaks")), "run"), "000007");
	(void)page(request, sizeof request, "000007", difference(one, sizeof one, 1, "rounding", "-1.50"));
	assert_int_equal(number(must(world, request), "seen"), 1);
	assert_int_equal(number(must(world, request), "seen"), 1); /* sent again */
	const cJSON *end = must(world, END("000007"));
	assert_true(is_true(end, "done"));
	assert_int_equal(number(end, "new"), 1);
	assert_int_equal(number(end, "open"), 1);
	assert_int_equal(number(end, "resolved"), 0);
	assert_false(is_true(end, "many_new"));
	assert_newest_entry(world, "comparison told", "run 000007: 1 differences, 1 new, 0 reopened, 0 over",
	                    "");
	const cJSON *shown = must(world, "{\"v\":1,\"cmd\":\"compare_show\",\"key\":\"" KEY "\"}");
	assert_string_equal(text(shown, "evidence"), "different rounding -150 150");
	assert_string_equal(text(shown, "net"), "-1.50");
	assert_string_equal(text(shown, "state"), "open");
	assert_string_equal(text(shown, "cloud"), "00001/invoice/2026/C-1");
	assert_string_equal(text(shown, "opened"), "2026-01-02T03:04:05.000Z");
	assert_string_equal(text(shown, "due"), "2026-01-07T03:04:05.000Z"); /* five days */
	/* A second end, a page after it: nothing is being told any more. */
	refused(world, END("000007"), "conflict",
	        "run 000007 is not being told: another one was begun, or the agent has started anew; compare "
	        "again");
	(void)must(world, RUN("000008", "reconciled"));
	end = must(world, END("000008"));
	assert_int_equal(number(end, "resolved"), 1);
}

static void hostile_pages_change_nothing(void **state)
{
	struct world *world = *state;
	char good[600], list[1400], request[2000];
	static const char *const bad[] = {
	    "{}",
	    "7",
	    "{\"key\":\"compare:x:\",\"status\":\"different\",\"cause\":\"tax\",\"owner\":\"policy\","
	    "\"currency\":\"EUR\",\"net\":\"1.505\",\"gross\":\"1.50\"}",
	    "{\"key\":\"compare:x:\",\"status\":\"different\",\"cause\":\"tax\",\"owner\":\"policy\","
	    "\"currency\":\"EUR\",\"net\":\"1e5\",\"gross\":\"1.50\"}",
	    "{\"key\":\"compare:\\u0001x:\",\"status\":\"different\",\"cause\":\"tax\",\"owner\":\"policy\","
	    "\"currency\":\"EUR\",\"net\":\"1\",\"gross\":\"1.50\"}",
	    "{\"key\":\"compare:x:\",\"status\":\"different\",\"cause\":\"tax\",\"owner\":\"nobody\","
	    "\"currency\":\"EUR\",\"net\":\"1\",\"gross\":\"1.50\"}",
	    "{\"key\":\"compare:x:\",\"status\":\"different\",\"cause\":\"tax\",\"owner\":\"policy\","
	    "\"period\":\"2026/09\",\"currency\":\"EUR\",\"net\":\"1\",\"gross\":\"1.50\"}",
	    "{\"key\":\"compare:x:\",\"status\":\"different\",\"cause\":\"tax\",\"owner\":\"policy\","
	    "\"currency\":\"EUREUREUR\",\"net\":\"1\",\"gross\":\"1\"}",
	};
	(void)must(world, RUN("000001", "breaks"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(list, sizeof list, "%s,%s", difference(good, sizeof good, 1, "tax", "1.50"),
		               bad[i]);
		assert_null(ask(world, page(request, sizeof request, "000001", list)));
	}
	assert_int_equal(number(must(world, END("000001")), "seen"), 0);
	refused(world, RUN("000002", "green"), "bad_request", "verdict \"green\" is none");
	refused(world,
	        "{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"1\",\"verdict\":\"breaks\",\"scope\":{},"
	        "\"cut\":{}}",
	        "bad_request", "cut has no instant \"at\" such as 2026-09-30T18:00:00.000Z");
	refused(world,
	        "{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"1\",\"verdict\":\"breaks\",\"scope\":[],"
	        "\"cut\":{}}",
	        "bad_request", "scope must be an object");
	refused(world,
	        "{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"1\",\"verdict\":\"breaks\",\"scope\":{\"from\":"
	        "\"09\"},\"cut\":{}}",
	        "bad_request",
	        "scope has entities and types (lists of up to 64 and 16 codes), from and to (periods such as "
	        "2026-09)");
}

struct mailed {
	int count;
	char topic[64];
	char payload[4000];
};

static bool keep_mail(void *self, int64_t id, struct span topic, struct span payload)
{
	struct mailed *mailed = self;
	(void)id;
	mailed->count++;
	assert_true(text_copy(mailed->topic, sizeof mailed->topic, topic));
	assert_true(text_copy(mailed->payload, sizeof mailed->payload, payload));
	return true;
}

/* The cloud is told what the run said and what the ledger has; the entry in the audit and the message go together. */
static void the_cloud_is_told(void **state)
{
	struct world *world = *state;
	char one[600], request[1000];
	struct mailed mailed = {.count = 0};
	struct err_info info;
	(void)must(
	    world,
	    "{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"000007\",\"verdict\":\"breaks\",\"scope\":{"
	    "\"entities\":[\"00001\"],\"from\":\"2026-09\"},\"cut\":{\"at\":\"2026-01-01T00:00:00.000Z\","
	    "\"cloud\":{\"count\":4,\"sequence\":5},\"legacy\":{\"count\":6,\"streams\":[{\"name\":"
	    "\"00001\",\"epoch\":7,\"sequence\":8}]}},\"figures\":{\"why\":[\"1 document differs\"],"
	    "\"counts\":{\"matched\":3,\"different\":1},\"totals\":[{\"currency\":\"EUR\",\"gross\":"
	    "\"1.50\",\"net\":\"-1.50\"}]}}");
	(void)must(world, page(request, sizeof request, "000007",
	                       difference(one, sizeof one, 1, "rounding", "-1.50")));
	world->fail = ERR_FULL;
	refused(world, END("000007"), "store", "the disk is full");
	world->fail = ERR_OK;
	assert_int_equal(number(must(world, END("000007")), "messages"), 1);
	assert_int_equal(store_mail_read(world->test.store, 0, keep_mail, &mailed, &info), ERR_OK);
	assert_int_equal(mailed.count, 1);
	assert_string_equal(mailed.topic, "up/cmp");
	cJSON *told = cJSON_Parse(mailed.payload);
	assert_non_null(told);
	assert_string_equal(text(told, "id"), "000007");
	assert_string_equal(text(cJSON_GetObjectItem(told, "verdict"), "name"), "breaks");
	const cJSON *cut = cJSON_GetObjectItem(told, "cut");
	assert_string_equal(text(cut, "at"), "2026-01-01T00:00:00.000Z");
	assert_int_equal(number(cJSON_GetObjectItem(cut, "cloud"), "sequence"), 5);
	const cJSON *first = entry(told, "differences", 0);
	assert_string_equal(text(first, "key"), KEY);
	assert_string_equal(text(first, "cause"), "rounding");
	assert_string_equal(text(first, "gross"), "1.50");
	assert_string_equal(text(first, "net"), "-1.50");
	assert_string_equal(text(entry(told, "totals", 0), "net"), "-1.50");
	cJSON_Delete(told);
}

/* ---- deciding ---- */

static void one_is_accepted(void **state)
{
	struct world *world = *state;
	tell_four(world, "-1.50");
	const cJSON *one =
	    must(world, "{\"v\":1,\"cmd\":\"compare_accept\",\"key\":\"" KEY "\",\"why\":\"agreed\"}");
	assert_string_equal(text(one, "state"), "accepted");
	assert_string_equal(text(one, "who"), "anna (uid 1000)");
	assert_string_equal(text(one, "reason"), "agreed");
	assert_newest_entry(world, "difference accepted", KEY ": different rounding -150 150", "agreed");
	one = must(world, "{\"v\":1,\"cmd\":\"compare_reject\",\"key\":\"" KEY "\",\"why\":\"not so\"}");
	assert_string_equal(text(one, "state"), "open");
	assert_newest_entry(world, "acceptance taken back", KEY ": different rounding -150 150", "not so");
	one = must(world, "{\"v\":1,\"cmd\":\"compare_ack\",\"key\":\"" KEY "\",\"why\":\"mine\"}");
	assert_string_equal(text(one, "state"), "acknowledged");
	one = must(world, "{\"v\":1,\"cmd\":\"compare_reopen\",\"key\":\"" KEY "\",\"why\":\"not mine\"}");
	assert_string_equal(text(one, "state"), "open");
	one = must(world, "{\"v\":1,\"cmd\":\"compare_snooze\",\"key\":\"" KEY
	                  "\",\"until\":\"2026-01-31\",\"why\":\"year end\"}");
	assert_string_equal(text(one, "state"), "snoozed");
	assert_string_equal(text(one, "until"), "2026-01-31T00:00:00.000Z");
	int64_t before = audited(world);
	refused(world, "{\"v\":1,\"cmd\":\"compare_reject\",\"key\":\"" KEY "\",\"why\":\"x\"}", "conflict",
	        KEY " is snoozed and cannot be taken back");
	refused(world,
	        "{\"v\":1,\"cmd\":\"compare_snooze\",\"key\":\"" KEY
	        "\",\"until\":\"2026-01-02\",\"why\":\"x\"}",
	        "bad_request", "until must lie ahead, at most 366 days");
	refused(world,
	        "{\"v\":1,\"cmd\":\"compare_snooze\",\"key\":\"" KEY "\",\"until\":\"soon\",\"why\":\"x\"}",
	        "bad_request", "until \"soon\" is no day; it is written 2026-12-31");
	refused(world, "{\"v\":1,\"cmd\":\"compare_ack\",\"key\":\"compare:y:\",\"why\":\"x\"}", "not_found",
	        "no comparison has told of \"compare:y:\"");
	refused(world, "{\"v\":1,\"cmd\":\"compare_ack\",\"key\":\"" KEY "\"}", "bad_request",
	        "compare_ack needs the argument why");
	refused(world, "{\"v\":1,\"cmd\":\"compare_ack\",\"why\":\"x\"}", "bad_request",
	        "say which: the key of one difference, or a cause, a company or both");
	assert_int_equal(audited(world), before);
}

/* Two users of the box: the same one twice is refused. */
static void four_eyes(void **state)
{
	struct world *world = *state;
	static const char accept[] =
	    "{\"v\":1,\"cmd\":\"compare_accept\",\"key\":\"" KEY "\",\"why\":\"agreed\"}";
	world->config.compare.four_eyes = CONFIG_YES;
	tell_four(world, "-1.50");
	assert_string_equal(text(must(world, accept), "state"), "accept_pending");
	assert_newest_entry(world, "difference accepted, first of two", KEY ": different rounding -150 150",
	                    "agreed");
	refused(world, accept, "conflict",
	        KEY " was accepted by anna (uid 1000) already; the second person must be another");
	cJSON_Delete(world->root);
	buf_clear(&world->reply);
	control_answer(&world->view, SPAN_LITERAL("bert (uid 1001)"), span_of(accept), &world->reply);
	world->root = cJSON_ParseWithLength((const char *)world->reply.data, world->reply.len);
	const cJSON *one = cJSON_GetObjectItem(world->root, "data");
	assert_string_equal(text(one, "state"), "accepted");
	assert_string_equal(text(one, "who"), "anna (uid 1000)");
	assert_string_equal(text(one, "second"), "bert (uid 1001)");
}

#define USAGE_KEY "usage:00001/C1/gb/2026-09-01..2026-09-30:2026-09"
#define HEX       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

/* A window of usage, and the ERP's document of it; content: the last digit of the digest. */
static const cJSON *tell_usage(struct world *world, const char *run, char content)
{
	char request[2200], begin[200], end[100];
	(void)snprintf(
	    request, sizeof request,
	    "{\"v\":1,\"cmd\":\"compare_differences\",\"run\":\"%s\",\"differences\":[{\"key\":"
	    "\"" USAGE_KEY "\",\"content\":\"" HEX "%c\",\"status\":\"erp_differs\",\"cause\":"
	    "\"erp_differs\",\"owner\":\"policy\",\"entity\":\"00001\",\"document_type\":\"usage\","
	    "\"period\":\"2026-09\",\"currency\":\"\",\"net\":\"0\",\"gross\":\"0\",\"text\":\"other\"},"
	    "{\"key\":\"compare:00001/usage/2026/U-1:2026-09\",\"legacy\":\"00001/usage/2026/U-1\","
	    "\"status\":\"missing_cloud\",\"cause\":\"missing\",\"owner\":\"technical\",\"entity\":\"00001\","
	    "\"document_type\":\"usage\",\"period\":\"2026-09\",\"currency\":\"\",\"net\":\"0\",\"gross\":"
	    "\"0\",\"text\":\"missing\"}]}",
	    run, content);
	(void)snprintf(
	    begin, sizeof begin,
	    "{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"%s\",\"verdict\":\"breaks\",\"scope\":{},"
	    "\"cut\":{\"at\":\"2026-01-01T00:00:00.000Z\"}}",
	    run);
	(void)snprintf(end, sizeof end, "{\"v\":1,\"cmd\":\"compare_end\",\"run\":\"%s\"}", run);
	(void)must(world, begin);
	(void)must(world, request);
	return must(world, end);
}

/* A window of usage is decided as a difference is, by two persons where that is wanted; its digest is in the audit, and
 * another one opens it again. Whoever accepts its document has not accepted it. */
static void usage_is_accepted(void **state)
{
	struct world *world = *state;
	static const char accept[] =
	    "{\"v\":1,\"cmd\":\"compare_accept\",\"key\":\"" USAGE_KEY "\",\"why\":\"agreed\"}";
	static const char show[] = "{\"v\":1,\"cmd\":\"compare_show\",\"key\":\"" USAGE_KEY "\"}";
	assert_int_equal(number(tell_usage(world, "000001", '1'), "new"), 2);
	assert_string_equal(text(must(world, "{\"v\":1,\"cmd\":\"compare_accept\",\"key\":"
	                                     "\"compare:00001/usage/2026/U-1:2026-09\",\"why\":\"x\"}"),
	                         "state"),
	                    "accepted");
	assert_string_equal(text(must(world, show), "state"), "open");
	world->config.compare.four_eyes = CONFIG_YES;
	assert_string_equal(text(must(world, accept), "state"), "accept_pending");
	refused(world, accept, "conflict",
	        USAGE_KEY " was accepted by anna (uid 1000) already; the second person must be another");
	assert_newest_entry(world, "difference accepted, first of two",
	                    USAGE_KEY ": erp_differs erp_differs 0 0 " HEX "1", "agreed");
	world->config.compare.four_eyes = CONFIG_NO;
	cJSON_Delete(world->root);
	buf_clear(&world->reply);
	control_answer(&world->view, SPAN_LITERAL("bert (uid 1001)"), span_of(accept), &world->reply);
	world->root = cJSON_ParseWithLength((const char *)world->reply.data, world->reply.len);
	assert_string_equal(text(cJSON_GetObjectItem(world->root, "data"), "state"), "accepted");
	assert_int_equal(number(tell_usage(world, "000002", '1'), "reopened"), 0);
	assert_string_equal(text(must(world, show), "state"), "accepted");
	assert_int_equal(number(tell_usage(world, "000003", '2'), "reopened"), 1);
	assert_string_equal(text(must(world, show), "state"), "open");
	assert_string_equal(text(must(world, show), "evidence"), "erp_differs erp_differs 0 0 " HEX "2");
	const cJSON *preview = must(world, "{\"v\":1,\"cmd\":\"compare_accept\",\"cause\":\"erp_differs\","
	                                   "\"preview\":true}");
	assert_int_equal(number(preview, "count"), 1);
	assert_string_equal(text(entry(preview, "currencies", 0), "currency"), "");
}

static void several_need_a_preview(void **state)
{
	struct world *world = *state;
	char request[400], token[80], target[300];
	tell_four(world, "-1.50");
	int64_t before = audited(world);
	refused(world, "{\"v\":1,\"cmd\":\"compare_accept\",\"cause\":\"rounding\",\"why\":\"agreed\"}",
	        "bad_request", "accepting several needs the token of a preview: ask with --preview first");
	const cJSON *preview = must(world, "{\"v\":1,\"cmd\":\"compare_accept\",\"cause\":\"rounding\","
	                                   "\"preview\":true,\"why\":\"agreed\"}");
	assert_int_equal(number(preview, "count"), 3);
	assert_int_equal(number(cJSON_GetObjectItem(preview, "becomes"), "accepted"), 3);
	const cJSON *euro = entry(preview, "currencies", 0);
	assert_string_equal(text(euro, "net"), "-4.50");
	assert_string_equal(text(euro, "gross"), "4.50");
	(void)snprintf(token, sizeof token, "%s", text(preview, "token"));
	assert_int_equal(audited(world), before);
	(void)snprintf(request, sizeof request,
	               "{\"v\":1,\"cmd\":\"compare_accept\",\"cause\":\"rounding\",\"token\":\"%s\",\"why\":"
	               "\"agreed\"}",
	               token);
	/* Meanwhile one of them is another: nothing is done. */
	(void)must(world, "{\"v\":1,\"cmd\":\"compare_ack\",\"key\":\"" KEY "\",\"why\":\"mine\"}");
	refused(world, request, "conflict",
	        "these differences have changed since the preview; nothing was done, look again");
	(void)must(world, "{\"v\":1,\"cmd\":\"compare_reopen\",\"key\":\"" KEY "\",\"why\":\"not mine\"}");
	assert_int_equal(number(must(world, request), "count"), 3);
	(void)snprintf(target, sizeof target, "cause rounding, company any: 3 differences, sha256 %s", token);
	assert_newest_entry(world, "difference accepted", target, "agreed");
	const cJSON *list = must(world, "{\"v\":1,\"cmd\":\"compare_list\",\"state\":\"accepted\"}");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(list, "differences")), 3);
	assert_int_equal(number(cJSON_GetObjectItem(list, "counts"), "open"), 1);
	refused(world, request, "not_found",
	        "there is no difference of this cause and company to which that can be done");
}

static void listed_by_what_is_asked(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *arguments;
		int count;
	} cases[] = {
	    {"", 4},
	    {",\"state\":\"open\"", 4},
	    {",\"state\":\"snoozed\"", 0},
	    {",\"state\":\"all\"", 4},
	    {",\"owner\":\"policy\"", 4},
	    {",\"owner\":\"mapping\"", 0},
	    {",\"cause\":\"tax\"", 1},
	    {",\"entity\":\"00002\"", 0},
	    {",\"before\":3", 2},
	    {",\"limit\":1", 1},
	};
	tell_four(world, "0.00");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char request[200];
		(void)snprintf(request, sizeof request, "{\"v\":1,\"cmd\":\"compare_list\"%s}",
		               cases[i].arguments);
		const cJSON *list = cJSON_GetObjectItem(must(world, request), "differences");
		if (cJSON_GetArraySize(list) != cases[i].count)
			fail_msg("%s: %d", request, cJSON_GetArraySize(list));
	}
	const cJSON *first = must(world, "{\"v\":1,\"cmd\":\"compare_list\",\"limit\":1}");
	assert_true(is_true(first, "more"));
	assert_int_equal(number(first, "next"), 4);
	refused(world, "{\"v\":1,\"cmd\":\"compare_list\",\"state\":\"shut\"}", "bad_request",
	        "state \"shut\" is none; allowed are open, acknowledged, snoozed, accept_pending, accepted, "
	        "fixed_by_booking, auto_resolved, all");
}

/* Store or ledger fails: what holds is in the audit, what is not in the audit does not hold. */
static void nothing_holds_without_the_audit(void **state)
{
	struct world *world = *state;
	static const char accept[] =
	    "{\"v\":1,\"cmd\":\"compare_accept\",\"key\":\"" KEY "\",\"why\":\"agreed\"}";
	static const char show[] = "{\"v\":1,\"cmd\":\"compare_show\",\"key\":\"" KEY "\"}";
	tell_four(world, "-1.50");
	int64_t before = audited(world);
	world->fail = ERR_FULL;
	refused(world, accept, "store", "the disk is full");
	world->fail = ERR_OK;
	restart(world);
	assert_int_equal(audited(world), before);
	assert_string_equal(text(must(world, show), "state"), "open");
	played.fail_at = played.changes + 1;
	refused(
	    world, accept, "store",
	    "the audit has it, but the ledger could not be written, so it does not hold: the ledger's disk "
	    "is gone");
	assert_string_equal(text(must(world, show), "state"), "open");
	played.well = false;
	refused(world, show, "store", "the ledger is not well; see: twinpost exceptions");
	world->view.comparison = NULL;
	refused(world, show, "unsupported", "this agent does not compare: compare.enabled is no");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_ledger, tear_down_ledger)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_run_is_told),
	    TEST(the_cloud_is_told),
	    TEST(hostile_pages_change_nothing),
	    TEST(one_is_accepted),
	    TEST(four_eyes),
	    TEST(usage_is_accepted),
	    TEST(several_need_a_preview),
	    TEST(listed_by_what_is_asked),
	    TEST(nothing_holds_without_the_audit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
