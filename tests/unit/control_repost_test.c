/*
 * control_repost_test.c - documents posted again over the control socket: what is taken, told and audited.
 *
 * Why:   one request posts up to a hundred documents; half of them, or ones that nobody wrote down, would be worse than
 *        none.
 * Owns:  a temporary ledger; store and callbacks as in control_change_fixture.h.
 * Rules: as in control_change_fixture.h. Comparison and recorder are played: the recorder says by the document's number
 *        what becomes of it (record_mapping_test.c shows the real one).
 * Runs in: the tests.
 * Tests: firmware/control_repost.c
 */
#include "tests/unit/control_change_fixture.h"

#include "connector/compare/project.h"
#include "firmware/comparison.h"
#include "tests/lib/sample_documents.h"

#define SUBJECT(number)  "00001/journal/2024/" number
#define ASK(lines, more) "{\"v\":1,\"cmd\":\"compare_repost\",\"text\":\"" lines "\"" more "}"
#define WHY              ",\"why\":\"CR-131\""

struct comparison {
	struct ledger *ledger;
	int asked[2]; /* preview, sent */
	enum err fail;
};

static struct comparison played;

struct ledger *comparison_ledger(const struct comparison *comparison)
{
	return comparison->ledger;
}

/* Of other commands. */
struct comparison_told *comparison_told(struct comparison *comparison)
{
	(void)comparison;
	return NULL;
}

enum err comparison_change_begin(struct comparison *comparison, struct err_info *info)
{
	(void)comparison;
	return err_set(info, ERR_IO, "nothing is changed here");
}

enum err comparison_change_end(struct comparison *comparison, enum err err, struct err_info *info)
{
	(void)comparison;
	(void)info;
	return err;
}

static enum err document_again(void *self, const char *source, struct document *document, bool preview,
                               struct recorder_again *again, struct err_info *info)
{
	struct world *world = self;
	struct span number = document_text(document, &document->header[HEADER_NUMBER]);
	assert_string_equal(source, "erp");
	played.asked[!preview]++;
	assert_true(preview || store_in_transaction(world->test.store));
	if (!preview && played.fail != ERR_OK)
		return err_set(info, played.fail, "the disk is full");
	*again = (struct recorder_again){.result = AGAIN_AMENDED, .revision = preview ? 1 : 2};
	if (span_equal(number, SPAN_LITERAL("2")))
		*again = (struct recorder_again){.result = AGAIN_UNCHANGED, .revision = 1};
	if (span_equal(number, SPAN_LITERAL("3")))
		*again = (struct recorder_again){.result = AGAIN_REFUSED, .why = "account.csv has no row"};
	return ERR_OK;
}

/* Journals 1 to 4, sent by erp, and in the ledger but for the last. */
static int set_up_documents(void **state)
{
	struct ledger_opening opening;
	struct projector projector;
	struct document document;
	int rc = set_up(state);
	struct world *world = *state;
	struct err_info *info = &world->test.info;
	const struct projection projection = {.side = SIDE_LEGACY, .revision = 1, .recorded_ns = 1};
	played = (struct comparison){.fail = ERR_OK};
	world->view.actions.document_again = document_again;
	world->view.comparison = &played;
	assert_int_equal(ledger_open(NULL, "", LEDGER_TEMPORARY, &played.ledger, &opening, info), ERR_OK);
	document_init(&document);
	projector_init(&projector, played.ledger, NULL);
	assert_int_equal(ledger_begin(played.ledger, info), ERR_OK);
	assert_int_equal(project_use_rules(&projector, NULL, info), ERR_OK);
	test_store_must(&world->test, store_begin(world->test.store, info), "begin");
	const struct store_stream *stream;
	test_store_must(&world->test, store_stream_open(world->test.store, "00001", &stream, info), "stream");
	for (int i = 1; i <= 4; i++) {
		char number[16], subject[STORE_SUBJECT_MAX];
		(void)snprintf(number, sizeof number, "%d", i);
		sample_make_journal(&document);
		sample_set_text(&document, &document.header[HEADER_NUMBER], number);
		assert_int_equal(document_subject(&document, subject, sizeof subject, info), ERR_OK);
		const struct store_append append = {.stream = stream->id,
		                                    .subject = span_of(subject),
		                                    .source_name = SPAN_LITERAL("erp"),
		                                    .event = SPAN_LITERAL("{}"),
		                                    .part = 1,
		                                    .parts = 1,
		                                    .document = {.revision = 1, .recorded_ns = 1}};
		test_store_must(&world->test, store_append(world->test.store, &append, info), "append");
		if (i < 4)
			assert_int_equal(project_document(&projector, &projection, &document, info), ERR_OK);
	}
	test_store_must(&world->test, store_commit(world->test.store, info), "commit");
	assert_int_equal(ledger_commit(played.ledger, info), ERR_OK);
	projector_release(&projector);
	document_release(&document);
	return rc;
}

static int tear_down_documents(void **state)
{
	ledger_close(played.ledger);
	return tear_down(state);
}

static const char *subject_at(const cJSON *data, int index, const char *member)
{
	return text(entry(data, "documents", index), member);
}

/* Each is told; one entry of the audit has all of them, with the reason, and stands after a restart. */
static void posts_and_remembers(void **state)
{
	struct world *world = *state;
	const cJSON *data = must(world, ASK(SUBJECT("1") "\\n" SUBJECT("2") "\\n" SUBJECT("3") "\\n" SUBJECT(
						"4") "\\n" SUBJECT("9") "\\n" SUBJECT("1"),
	                                    WHY));
	assert_int_equal(number(data, "asked"), 5);
	assert_int_equal(number(data, "amended"), 1);
	assert_int_equal(number(data, "unchanged"), 1);
	assert_int_equal(number(data, "refused"), 3);
	assert_string_equal(subject_at(data, 0, "result"), "amended");
	assert_int_equal(number(entry(data, "documents", 0), "revision"), 2);
	assert_string_equal(subject_at(data, 2, "why"), "account.csv has no row");
	assert_non_null(strstr(subject_at(data, 3, "why"), "its ledger does not have it yet"));
	assert_non_null(strstr(subject_at(data, 4, "why"), "sent no such document"));
	restart(world);
	assert_newest_entry(world, "repost", "1 of 5 documents, " SUBJECT("1") " to " SUBJECT("9"), "CR-131");
	assert_int_equal(audited(world), 1);
}

/* A preview asks for no reason and writes nothing; nor does a request that changes nothing. */
static void writes_only_what_changes(void **state)
{
	struct world *world = *state;
	const cJSON *data = must(world, ASK(SUBJECT("1"), ",\"preview\":true"));
	assert_int_equal(number(data, "amended"), 1);
	assert_true(is_true(data, "preview"));
	assert_int_equal(played.asked[1], 0);
	data = must(world, ASK(SUBJECT("2"), WHY));
	assert_int_equal(number(data, "unchanged"), 1);
	assert_int_equal(played.asked[1], 0);
	assert_int_equal(audited(world), 0);
	assert_false(store_in_transaction(world->test.store));
}

/* What fails halfway leaves nothing. */
static void all_or_nothing(void **state)
{
	struct world *world = *state;
	played.fail = ERR_FULL;
	refused(world, ASK(SUBJECT("1"), WHY), "store", "the disk is full");
	played.fail = ERR_OK;
	world->fail = ERR_FULL;
	refused(world, ASK(SUBJECT("1"), WHY), "store", "the disk is full");
	assert_int_equal(world->failed, 2);
	world->fail = ERR_OK;
	assert_int_equal(audited(world), 0);
}

static void refuses(void **state)
{
	struct world *world = *state;
	struct buf request;
	refused(world, ASK(SUBJECT("1"), ""), "bad_request",
	        "compare_repost needs the argument why, or preview");
	refused(world, ASK(SUBJECT("1") "\\n\\n", WHY), "bad_request",
	        "text is one subject a line: entity/type/year/number, such as 00001/invoice/2024/RI-1001");
	world->view.pause_reason = "the store is full";
	refused(world, ASK(SUBJECT("1"), WHY), "conflict",
	        "nothing is recorded at the moment: the store is full");
	world->view.pause_reason = NULL;
	buf_init(&request, HAL_CONTROL_REQUEST_MAX);
	buf_append_text(&request, "{\"v\":1,\"cmd\":\"compare_repost\",\"preview\":true,\"text\":\"");
	for (int i = 0; i < 101; i++)
		buf_printf(&request, "%s" SUBJECT("%d"), i ? "\\n" : "", 100 + i);
	buf_append_text(&request, "\"}");
	refused(world, buf_cstr(&request), "bad_request", "at most 100 documents are taken at once");
	buf_release(&request);
	world->view.comparison = NULL;
	refused(world, ASK(SUBJECT("1"), WHY), "unsupported",
	        "this agent does not compare: compare.enabled is no");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_documents, tear_down_documents)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(posts_and_remembers),
	    TEST(writes_only_what_changes),
	    TEST(all_or_nothing),
	    TEST(refuses),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
