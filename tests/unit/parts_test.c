/*
 * parts_test.c - documents in parts: nothing lost, nothing doubled, nothing over the limit.
 *
 * Why:   a line that falls between two parts is money that nobody books.
 * Owns:  the documents it makes.
 * Rules: the parts' JSON is read by cJSON and put together again there, then compared with the whole document's; what a
 *        part may have is counted by hand where a limit is tried at its edge.
 * Runs in: the tests.
 */
#include "connector/uplink/parts.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_documents.h"

static struct canonical canonical;

static int set_up(void **state)
{
	canonical_init(&canonical);
	return sample_set_up(state);
}

static void make_lines(struct document *document, int count, int text_bytes)
{
	char text[600];
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	for (int i = 0; i < count; i++) {
		struct value *line = sample_add_journal_line(document, i % 2 ? "-1.00" : "1.00", NULL);
		/* Lengths differ from line to line, and some bytes need an escape. */
		(void)snprintf(text, sizeof text, "%0*d\"", 1 + (i * 7) % text_bytes, i);
		sample_set_text(document, &line[JOURNAL_LINE_TEXT], text);
	}
}

static cJSON *read_json(const struct buf *data)
{
	cJSON *root = cJSON_ParseWithLength((const char *)data->data, data->len);
	assert_non_null(root);
	return root;
}

/* Splits it, puts the parts together again, and looks whether that is the whole; returns how many there were. */
static int expect_whole(const struct document *document, const char *list, size_t data_max)
{
	struct parts parts;
	struct part part;
	struct buf data;
	int index = 0;
	int from = 0;
	buf_init(&data, 4u << 20);
	canonical_write(&canonical, document, &data);
	assert_true(buf_ok(&data));
	cJSON *whole = read_json(&data);
	cJSON *together = NULL;
	struct err_info info = {.text = ""};
	if (parts_open(&parts, &canonical, document, data_max, &info) != ERR_OK)
		fail_msg("%s", info.text);
	while (parts_next(&parts, &part)) {
		assert_int_equal(part.index, ++index);
		assert_int_equal(part.from, from);
		from += part.lines;
		buf_clear(&data);
		parts_write(&parts, &part, &data);
		assert_true(buf_ok(&data) && data.len <= data_max);
		cJSON *root = read_json(&data);
		if (!together) {
			together = root;
			continue;
		}
		cJSON *entries = cJSON_DetachItemFromObject(root, list);
		while (entries->child)
			cJSON_AddItemToArray(cJSON_GetObjectItem(together, list),
			                     cJSON_DetachItemFromArray(entries, 0));
		/* What is left is the header, and no other list. */
		for (cJSON *item = root->child; item; item = item->next) {
			assert_false(cJSON_IsArray(item));
			assert_true(cJSON_Compare(item, cJSON_GetObjectItem(whole, item->string), 1));
		}
		cJSON_Delete(entries);
		cJSON_Delete(root);
	}
	assert_int_equal(index, part.count);
	assert_true(cJSON_Compare(together, whole, 1));
	cJSON_Delete(together);
	cJSON_Delete(whole);
	parts_close(&parts);
	buf_release(&data);
	return index;
}

/* Every limit from one line a part to all in one, for lines of all lengths. */
static void test_journals(void **state)
{
	struct document *document = *state;
	make_lines(document, 60, 40);
	int last = 61;
	for (size_t data_max = 320; data_max < 6000; data_max += 37) {
		int count = expect_whole(document, "lines", data_max);
		assert_true(count <= last); /* more room never makes more parts */
		last = count;
	}
	assert_int_equal(expect_whole(document, "lines", 60000), 1);
}

static void test_other_types(void **state)
{
	struct document *document = *state;
	struct buf data;
	buf_init(&data, 4096);
	sample_make_invoice(document, DOCUMENT_INVOICE);
	canonical_write(&canonical, document, &data);
	assert_int_equal(expect_whole(document, "lines", data.len - 1), 2);
	buf_release(&data);
	sample_make_payment(document);
	for (int i = 0; i < 20; i++) {
		struct value *line = document_add_line(document, SECTION_APPLICATIONS);
		sample_set_text(document, &line[PAYMENT_APPLICATION_LINE], "2");
		sample_set_decimal(&line[PAYMENT_APPLICATION_AMOUNT], "1.00");
	}
	assert_true(expect_whole(document, "applications", 400) > 3);
}

/* The bytes of the whole: one part at exactly so many, two at one less. */
static void test_edge(void **state)
{
	struct document *document = *state;
	struct buf data;
	buf_init(&data, 1u << 20);
	make_lines(document, 10, 30);
	canonical_write(&canonical, document, &data);
	assert_int_equal(expect_whole(document, "lines", data.len), 1);
	assert_int_equal(expect_whole(document, "lines", data.len - 1), 2);
	buf_release(&data);
}

static void expect_refused(const struct document *document, size_t data_max, const char *why)
{
	struct parts parts;
	struct err_info info;
	assert_int_equal(parts_open(&parts, &canonical, document, data_max, &info), ERR_TOO_LARGE);
	if (!strstr(info.text, why) || !strstr(info.text, "uplink.message_size_max"))
		fail_msg("%s", info.text);
	parts_close(&parts);
}

static void test_refused(void **state)
{
	struct document *document = *state;
	make_lines(document, 10, 30);
	char text[3000];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	sample_set_text(document, &sample_line_at(document, SECTION_LINES, 6)[JOURNAL_LINE_TEXT], text);
	expect_refused(document, 2000, "entry 7 of its lines");
	(void)expect_whole(document, "lines", 4000);
	expect_refused(document, 0, "its header");
	expect_refused(document, 100, "its header");
	sample_make_customer(document);
	expect_refused(document, 50, "no lines to split");
	sample_make_payment(document);
	document->sections[SECTION_APPLICATIONS].count = 0;
	expect_refused(document, 50, "no lines to split");
	/* Tax lines, which part 1 must hold, are too many. */
	sample_make_invoice(document, DOCUMENT_INVOICE);
	for (int i = 0; i < 50; i++) {
		struct value *line = document_add_line(document, SECTION_TAX_LINES);
		sample_set_text(document, &line[INVOICE_TAX_LINE_CODE], "V19");
		sample_set_decimal(&line[INVOICE_TAX_LINE_BASE], "1.00");
		sample_set_decimal(&line[INVOICE_TAX_LINE_TAX], "0.19");
	}
	expect_refused(document, 1000, "lists other than lines");
}

/* 9999 parts of a line each are taken, 10,000 are not. */
static void test_parts_max(void **state)
{
	struct document *document = *state;
	struct parts parts;
	struct part part;
	struct buf data;
	char text[PART_TEXT_SIZE];
	struct err_info info;
	buf_init(&data, 1u << 20);
	sample_begin(document, DOCUMENT_JOURNAL, "EUR");
	(void)sample_add_journal_line(document, "1.00", NULL);
	canonical_write(&canonical, document, &data);
	for (int i = 1; i < PARTS_MAX; i++)
		(void)sample_add_journal_line(document, "1.00", NULL);
	assert_int_equal(parts_open(&parts, &canonical, document, data.len, &info), ERR_OK);
	assert_true(parts_next(&parts, &part));
	assert_int_equal(part.count, PARTS_MAX);
	part_print(&part, text);
	assert_string_equal(text, "1/9999");
	while (parts_next(&parts, &part))
		assert_int_equal(part.lines, 1);
	part_print(&part, text);
	assert_string_equal(text, "9999/9999");
	parts_close(&parts);
	(void)sample_add_journal_line(document, "1.00", NULL);
	expect_refused(document, data.len, "over 9999 events");
	buf_release(&data);
}

/* An event of 700 bytes with {} leaves 60000 - 698 - 19 bytes for data. */
static void test_data_max(void **state)
{
	(void)state;
	assert_int_equal(parts_data_max(60000, 700), 59283);
	assert_int_equal(parts_data_max(718, 700), 1);
	assert_int_equal(parts_data_max(717, 700), 0);
	assert_int_equal(parts_data_max(100, 700), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_journals),  cmocka_unit_test(test_other_types),
	    cmocka_unit_test(test_edge),      cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_parts_max), cmocka_unit_test(test_data_max),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, sample_tear_down);
}
