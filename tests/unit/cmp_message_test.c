/*
 * cmp_message_test.c - messages of comparisons: one to the byte, and pages that lose nothing.
 *
 * Why:   a difference that falls between two pages is one that the cloud never hears of.
 * Owns:  the runs it makes.
 * Rules: the expected text is written by hand, keys sorted by hand; pages are read by cJSON.
 * Runs in: the tests.
 */
#include "connector/compare/cmp_message.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "connector/posting/date.h"
#include "hal/hal.h"

static const struct span why[] = {{"1 document differs", 18}};
static const struct cmp_stream streams[] = {{{"00001", 5}, 1795277244, 507}};
static const struct cmp_count counts[] = {{{"different", 9}, 1}, {{"matched", 7}, 100}};
static const struct cmp_total totals[] = {{{"EUR", 3}, {1, 2}, {-1, 2}}, {{"JPY", 3}, {0, 0}, {0, 0}}};
static const struct span entities[] = {{"00001", 5}};

static struct cmp_run make_run(const struct cmp_difference *differences, int64_t count)
{
	return (struct cmp_run){
	    .id = SPAN_LITERAL("000012"),
	    .verdict = SPAN_LITERAL("breaks"),
	    .why = why,
	    .why_count = 1,
	    .at_ns = 1795277307 * NS_PER_S,
	    .legacy_count = 101,
	    .cloud_count = 101,
	    .cloud_sequence = 101,
	    .streams = streams,
	    .stream_count = 1,
	    .entities = entities,
	    .entity_count = 1,
	    .from = SPAN_LITERAL("2026-09"),
	    .counts = counts,
	    .count_count = 2,
	    .totals = totals,
	    .total_count = 2,
	    .differences = differences,
	    .difference_count = count,
	};
}

static void test_one_page(void **state)
{
	const struct cmp_difference difference = {
	    .key = SPAN_LITERAL("different 00001/invoice/2026/RI-1"),
	    .status = SPAN_LITERAL("different"),
	    .cause = SPAN_LITERAL("rounding"),
	    .legacy = SPAN_LITERAL("00001/invoice/2026/RI-1"),
	    .currency = SPAN_LITERAL("EUR"),
	    .text = SPAN_LITERAL("half \"even\""),
	    .gross = {1, 2},
	    .net = {-1, 2},
	};
	const struct cmp_run run = make_run(&difference, 1);
	struct cmp_pages pages;
	struct err_info info;
	struct buf out;
	(void)state;
	buf_init(&out, 60000);
	assert_int_equal(cmp_pages_open(&pages, &run, 60000, &info), ERR_OK);
	assert_true(cmp_pages_next(&pages, &out));
	assert_string_equal(
	    buf_cstr(&out),
	    "{\"counts\":[{\"documents\":1,\"status\":\"different\"},{\"documents\":100,\"status\":"
	    "\"matched\"}],"
	    "\"cut\":{\"at\":\"2026-11-21T16:08:27.000Z\",\"cloud\":{\"count\":101,\"sequence\":101},"
	    "\"legacy\":{"
	    "\"count\":101,\"streams\":[{\"epoch\":1795277244,\"name\":\"00001\",\"sequence\":507}]}},"
	    "\"differences\":[{\"cause\":\"rounding\",\"currency\":\"EUR\",\"gross\":\"0.01\",\"key\":"
	    "\"different "
	    "00001/invoice/2026/RI-1\",\"legacy\":\"00001/invoice/2026/RI-1\",\"net\":\"-0.01\",\"status\":"
	    "\"different\",\"text\":\"half "
	    "\\\"even\\\"\"}],\"id\":\"000012\",\"left_out\":0,\"page\":1,\"pages\":1,"
	    "\"scope\":{\"entities\":[\"00001\"],\"from\":\"2026-09\"},\"totals\":[{\"currency\":\"EUR\","
	    "\"gross\":"
	    "\"0.01\",\"net\":\"-0.01\"},{\"currency\":\"JPY\",\"gross\":\"0\",\"net\":\"0\"}],\"verdict\":{"
	    "\"name\":"
	    "\"breaks\",\"why\":[\"1 document differs\"]}}");
	assert_false(cmp_pages_next(&pages, &out));
	/* Nothing differs: one page all the same. */
	const struct cmp_run clean = make_run(NULL, 0);
	assert_int_equal(cmp_pages_open(&pages, &clean, 60000, &info), ERR_OK);
	assert_int_equal(pages.pages, 1);
	buf_release(&out);
}

/* The sample of the contract, which its schema takes (tests/unit/test_contract_schemas.py), to the byte. */
static void test_the_sample(void **state)
{
	static const struct cmp_stream sample_streams[] = {{{"00001", 5}, 1795270800, 4}};
	static const struct cmp_total sample_totals[] = {{{"EUR", 3}, {1, 2}, {-1, 2}}};
	static const struct span sample_entities[] = {{"10", 2}};
	const struct cmp_difference difference = {
	    .key = SPAN_LITERAL("compare:00001/invoice/2025/RI-1:2025-07"),
	    .status = SPAN_LITERAL("different"),
	    .cause = SPAN_LITERAL("rounding"),
	    .legacy = SPAN_LITERAL("00001/invoice/2025/RI-1"),
	    .cloud = SPAN_LITERAL("10/invoice/2025/INV-000001"),
	    .entity = SPAN_LITERAL("10"),
	    .document_type = SPAN_LITERAL("invoice"),
	    .currency = SPAN_LITERAL("EUR"),
	    .period = SPAN_LITERAL("2025-07"),
	    .text = SPAN_LITERAL("the cloud rounds the tax down"),
	    .gross = {1, 2},
	    .net = {-1, 2},
	};
	struct cmp_run run = make_run(&difference, 1);
	struct cmp_pages pages;
	struct err_info info;
	struct buf out;
	char line[8192];
	(void)state;
	run.streams = sample_streams;
	run.totals = sample_totals;
	run.total_count = 1;
	run.entities = sample_entities;
	run.from = SPAN_LITERAL("2025-07");
	run.to = SPAN_LITERAL("2025-07");
	assert_int_equal(instant_parse(&run.at_ns, SPAN_LITERAL("2026-11-21T14:20:12.750Z")), ERR_OK);
	buf_init(&out, 60000);
	assert_int_equal(cmp_pages_open(&pages, &run, 60000, &info), ERR_OK);
	assert_true(cmp_pages_next(&pages, &out));
	FILE *file = fopen("docs/contract/samples/valid/messages.jsonl", "r");
	assert_non_null(file);
	bool found = false;
	while (!found && fgets(line, sizeof line, file))
		found = strstr(line, "/up/cmp\"") != NULL;
	(void)fclose(file);
	assert_true(found);
	cJSON *sample = cJSON_Parse(line);
	assert_string_equal(buf_cstr(&out), cJSON_GetObjectItemCaseSensitive(sample, "payload")->valuestring);
	cJSON_Delete(sample);
	buf_release(&out);
}

#define MANY 1234

static struct cmp_difference many[MANY];
static char keys[MANY][320];

static void make_many(void)
{
	for (int i = 0; i < MANY; i++) {
		/* Lengths differ from one to the next. */
		(void)snprintf(keys[i], sizeof keys[i], "%d %0*d", i, 1 + (i * 37) % 300, i);
		many[i] = (struct cmp_difference){
		    .key = span_of(keys[i]), .status = SPAN_LITERAL("missing_cloud"), .gross = {i, 2}};
	}
}

static const char *text_of(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	assert_true(cJSON_IsString(item));
	return item->valuestring;
}

static int number_of(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	assert_true(cJSON_IsNumber(item));
	return (int)item->valuedouble;
}

/* Reads the pages; how many there were. */
static int expect_all(int64_t count, size_t limit)
{
	const struct cmp_run run = make_run(many, count);
	struct cmp_pages pages;
	struct err_info info = {.text = ""};
	struct buf out;
	int next = 0;
	int page = 0;
	buf_init(&out, limit);
	if (cmp_pages_open(&pages, &run, limit, &info) != ERR_OK)
		fail_msg("%s", info.text);
	while (cmp_pages_next(&pages, &out)) {
		assert_true(buf_ok(&out) && out.len <= limit);
		cJSON *root = cJSON_ParseWithLength((char *)out.data, out.len);
		assert_non_null(root);
		page++;
		assert_string_equal(text_of(root, "id"), "000012");
		assert_int_equal(number_of(root, "page"), page);
		assert_int_equal(number_of(root, "pages"), pages.pages);
		assert_true(cJSON_HasObjectItem(root, "verdict") == (page == 1));
		const cJSON *list = cJSON_GetObjectItem(root, "differences");
		assert_true(cJSON_GetArraySize(list) <= CMP_PAGE_DIFFERENCES);
		const cJSON *entry;
		cJSON_ArrayForEach(entry, list) assert_string_equal(text_of(entry, "key"), keys[next++]);
		if (page == 1)
			assert_int_equal(number_of(root, "left_out"),
			                 (int)count - (count > 1000 ? 1000 : (int)count));
		cJSON_Delete(root);
		buf_clear(&out);
	}
	assert_int_equal(next, count < 1000 ? count : 1000);
	assert_int_equal(page, pages.pages);
	buf_release(&out);
	return page;
}

static void test_pages(void **state)
{
	(void)state;
	make_many();
	assert_int_equal(expect_all(100, 60000), 1);
	assert_int_equal(expect_all(101, 60000), 2);
	assert_int_equal(expect_all(MANY, 60000), 10);
	int last = 1001;
	for (size_t limit = 1000; limit < 20000; limit += 271) {
		int count = expect_all(400, limit);
		assert_true(count <= last); /* more room never makes more pages */
		last = count;
	}
	assert_true(expect_all(MANY, 800) > 300);
}

static void test_too_large(void **state)
{
	struct cmp_pages pages;
	struct err_info info;
	char name[2000];
	(void)state;
	memset(name, 'x', sizeof name);
	struct cmp_difference wide[2] = {{.key = SPAN_LITERAL("a"), .status = SPAN_LITERAL("different")},
	                                 {.key = {name, sizeof name}, .status = SPAN_LITERAL("different")}};
	const struct cmp_run run = make_run(wide, 2);
	assert_int_equal(cmp_pages_open(&pages, &run, 300, &info), ERR_TOO_LARGE);
	assert_non_null(
	    strstr(info.text, "the result of comparison 000012, without its differences, is over 300 bytes"));
	assert_int_equal(cmp_pages_open(&pages, &run, 1500, &info), ERR_TOO_LARGE);
	assert_non_null(strstr(info.text, "difference 2 of comparison 000012 does not fit into 1500 bytes"));
	assert_int_equal(cmp_pages_open(&pages, &run, 2400, &info), ERR_OK);
	assert_int_equal(pages.pages, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_page),
	    cmocka_unit_test(test_the_sample),
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_too_large),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
