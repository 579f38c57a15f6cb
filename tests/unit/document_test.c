/*
 * document_test.c - the field tables, one document's values and its subject.
 *
 * Why:   everything the product sends is made of these values.
 * Owns:  nothing.
 * Rules: expected subjects are encoded by hand after RFC 3986 section 2.
 * Runs in: the tests.
 */
#include "connector/posting/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void set(struct document *document, int slot, const char *text)
{
	assert_int_equal(document_set_text(document, &document->header[slot], span_of(text)), ERR_OK);
}

static void set_year(struct document *document, int64_t year)
{
	document->header[HEADER_YEAR] = (struct value){.present = true, .as.integer = year};
}

static void assert_subject(const struct document *document, const char *expected)
{
	char text[200];
	struct err_info info = {0};
	if (document_subject(document, text, sizeof text, &info) != ERR_OK)
		fail_msg("no subject: %s", info.text);
	assert_string_equal(text, expected);
}

/* Names of the types, as in the data and as in the event, and their sections. */
static void test_types(void **state)
{
	(void)state;
	static const char *const names[] = {"journal", "invoice",  "credit_memo",
	                                    "payment", "customer", "usage"};
	static const char *const events[] = {"journal", "invoice",  "creditmemo",
	                                     "payment", "customer", "usage"};
	static const int lines_min[] = {2, 1, 1, 0, 0, 0};
	for (int i = 0; i < DOCUMENT_TYPE_COUNT; i++) {
		enum document_type type = DOCUMENT_TYPE_COUNT;
		assert_string_equal(document_spec((enum document_type)i)->name, names[i]);
		assert_string_equal(document_spec((enum document_type)i)->event_name, events[i]);
		assert_int_equal(document_spec((enum document_type)i)->sections[SECTION_LINES].lines_min,
		                 lines_min[i]);
		assert_true(document_type_find(&type, span_of(names[i])));
		assert_int_equal(type, i);
	}
	enum document_type type;
	assert_false(document_type_find(&type, span_of("creditmemo")));
	assert_false(document_type_find(&type, span_of("")));
	assert_string_equal(document_spec(DOCUMENT_INVOICE)->sections[SECTION_TAX_LINES].key, "tax_lines");
	assert_string_equal(document_spec(DOCUMENT_PAYMENT)->sections[SECTION_APPLICATIONS].key,
	                    "applications");
	assert_null(document_spec(DOCUMENT_CUSTOMER)->sections[SECTION_LINES].key);
}

/* Every key of every table is found at its slot, and the fields that all headers share have the same slot. */
static void test_fields(void **state)
{
	(void)state;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		for (int slot = 0; slot < spec->header_count; slot++)
			assert_int_equal(document_field_find((enum document_type)type, -1,
			                                     span_of(spec->header[slot].key)),
			                 slot);
		for (int section = 0; section < SECTION_COUNT; section++) {
			for (int slot = 0; slot < spec->sections[section].field_count; slot++) {
				struct span key = span_of(spec->sections[section].fields[slot].key);
				assert_int_equal(document_field_find((enum document_type)type, section, key),
				                 slot);
			}
			assert_int_equal(
			    document_field_find((enum document_type)type, section, span_of("no_such")), -1);
		}
		assert_int_equal(document_field_find((enum document_type)type, -1, span_of("number")),
		                 HEADER_NUMBER);
		assert_int_equal(document_field_find((enum document_type)type, -1, span_of("reversed_by")),
		                 HEADER_REVERSED_BY);
		assert_int_equal(document_field_find((enum document_type)type, -1, span_of("")), -1);
	}
	assert_int_equal(document_field_find(DOCUMENT_INVOICE, -1, span_of("payable")), INVOICE_PAYABLE);
	assert_int_equal(document_field_find(DOCUMENT_JOURNAL, SECTION_LINES, span_of("amount_local")),
	                 JOURNAL_LINE_AMOUNT_LOCAL);
	const struct field_spec *net = &document_spec(DOCUMENT_CREDIT_MEMO)->header[INVOICE_NET];
	assert_string_equal(net->key, "net");
	assert_int_equal(net->kind, VALUE_AMOUNT);
	assert_int_equal(net->currency, CURRENCY_DOCUMENT);
	assert_true(net->required);
}

/* Text is copied, empty text is absent, and what does not fit is refused whole. */
static void test_text(void **state)
{
	(void)state;
	struct document document;
	struct value *value;
	char source[] = "Müller";
	document_init(&document);
	document_begin(&document, DOCUMENT_CUSTOMER);
	value = &document.header[CUSTOMER_LEGAL_NAME];
	set(&document, CUSTOMER_LEGAL_NAME, source);
	source[0] = 'X';
	assert_true(span_equal(document_text(&document, value), span_of("Müller")));
	assert_int_equal(document_set_text(&document, value, (struct span){NULL, 0}), ERR_OK);
	assert_false(value->present);
	assert_int_equal(document_text(&document, value).len, 0);

	char *large = malloc(DOCUMENT_TEXT_BYTES_MAX);
	assert_non_null(large);
	memset(large, 'a', DOCUMENT_TEXT_BYTES_MAX);
	document_begin(&document, DOCUMENT_CUSTOMER);
	struct span whole = {large, DOCUMENT_TEXT_BYTES_MAX};
	assert_int_equal(document_set_text(&document, value, whole), ERR_OK);
	assert_int_equal(document_text(&document, value).len, DOCUMENT_TEXT_BYTES_MAX);
	struct value *other = &document.header[CUSTOMER_CITY];
	assert_int_equal(document_set_text(&document, other, span_of("b")), ERR_TOO_LARGE);
	assert_false(other->present);
	/* The refusal does not stick to the next document. */
	document_begin(&document, DOCUMENT_CUSTOMER);
	set(&document, CUSTOMER_CITY, "b");
	assert_true(document.text.capacity < DOCUMENT_TEXT_BYTES_MAX);
	free(large);
	document_release(&document);
}

/* Lines begin with all fields absent, keep their values while the list grows, end at the limit, and are gone with the
 * next document, whose stride may be another. */
static void test_lines(void **state)
{
	(void)state;
	struct document document;
	document_init(&document);
	document_begin(&document, DOCUMENT_JOURNAL);
	for (int i = 0; i < DOCUMENT_LINES_MAX; i++) {
		struct value *line = document_add_line(&document, SECTION_LINES);
		assert_non_null(line);
		for (int slot = 0; slot < JOURNAL_LINE_COUNT; slot++)
			assert_false(line[slot].present);
		line[JOURNAL_LINE_AMOUNT] = (struct value){.present = true, .as.decimal = {i, 2}};
		line[JOURNAL_LINE_COUNT - 1] = (struct value){.present = true, .as.integer = i};
	}
	assert_null(document_add_line(&document, SECTION_LINES));
	assert_int_equal(document.sections[SECTION_LINES].count, DOCUMENT_LINES_MAX);
	for (int i = 0; i < DOCUMENT_LINES_MAX; i++)
		assert_int_equal(
		    document_line(&document, SECTION_LINES, i)[JOURNAL_LINE_AMOUNT].as.decimal.units, i);
	document_begin(&document, DOCUMENT_INVOICE);
	assert_int_equal(document.sections[SECTION_LINES].count, 0);
	for (int i = 0; i < 20; i++) {
		struct value *line = document_add_line(&document, SECTION_LINES);
		struct value *tax_line = document_add_line(&document, SECTION_TAX_LINES);
		for (int slot = 0; slot < INVOICE_LINE_COUNT; slot++)
			assert_false(line[slot].present);
		for (int slot = 0; slot < INVOICE_TAX_LINE_COUNT; slot++)
			assert_false(tax_line[slot].present);
		memset(line, 0xff, INVOICE_LINE_COUNT * sizeof *line);
	}
	document_release(&document);
}

/* The header of the next document holds nothing of the one before. */
static void test_begin_forgets(void **state)
{
	(void)state;
	struct document document;
	document_init(&document);
	document_begin(&document, DOCUMENT_INVOICE);
	document.voided = true;
	memset(document.header, 0xff, sizeof document.header);
	document_begin(&document, DOCUMENT_JOURNAL);
	assert_false(document.voided);
	for (int slot = 0; slot < JOURNAL_COUNT; slot++)
		assert_int_equal(document.header[slot].present, 0);
	document_begin(&document, DOCUMENT_INVOICE);
	for (int slot = 0; slot < INVOICE_COUNT; slot++)
		assert_int_equal(document.header[slot].present, 0);
	document_release(&document);
}

/* Four parts always: slashes, blanks, per cent signs and bytes beyond ASCII are encoded, unreserved ones are not. */
static void test_subject(void **state)
{
	(void)state;
	struct document document;
	document_init(&document);
	document_begin(&document, DOCUMENT_INVOICE);
	set(&document, HEADER_ENTITY, "00100");
	set(&document, HEADER_TYPE, "invoice");
	set_year(&document, 2024);
	set(&document, HEADER_NUMBER, "RI-4711");
	assert_subject(&document, "00100/invoice/2024/RI-4711");
	set(&document, HEADER_NUMBER, "A/1 %+#?~_.-");
	set(&document, HEADER_ENTITY, "Mün");
	set_year(&document, 0);
	assert_subject(&document, "M%C3%BCn/invoice/0/A%2F1%20%25%2B%23%3F~_.-");
	set_year(&document, 9999);
	set(&document, HEADER_NUMBER, "\x01\xff");
	assert_subject(&document, "M%C3%BCn/invoice/9999/%01%FF");
	document_release(&document);
}

/* Each part is needed; the year has limits; 199 bytes fit and 200 do not; a small array is not written over. */
static void test_subject_refused(void **state)
{
	(void)state;
	static const int slots[] = {HEADER_ENTITY, HEADER_TYPE, HEADER_YEAR, HEADER_NUMBER};
	struct document document;
	struct err_info info = {0};
	char text[256] = "before";
	document_init(&document);
	document_begin(&document, DOCUMENT_JOURNAL);
	set(&document, HEADER_ENTITY, "1");
	set(&document, HEADER_TYPE, "journal");
	set_year(&document, 2024);
	set(&document, HEADER_NUMBER, "7");
	for (size_t i = 0; i < 4; i++) {
		struct value kept = document.header[slots[i]];
		document.header[slots[i]].present = false;
		assert_int_equal(document_subject(&document, text, sizeof text, &info), ERR_BAD_INPUT);
		assert_string_equal(text, "");
		assert_non_null(strstr(info.text, document_spec(DOCUMENT_JOURNAL)->header[slots[i]].key));
		document.header[slots[i]] = kept;
	}
	set(&document, HEADER_NUMBER, ""); /* a number of no length is no number */
	assert_int_equal(document_subject(&document, text, sizeof text, &info), ERR_BAD_INPUT);
	set(&document, HEADER_NUMBER, "7");
	set_year(&document, -1);
	assert_int_equal(document_subject(&document, text, sizeof text, &info), ERR_BAD_INPUT);
	set_year(&document, 10000);
	assert_int_equal(document_subject(&document, text, sizeof text, &info), ERR_BAD_INPUT);
	set_year(&document, 2024);

	/* "1/journal/2024/" is 15 bytes: a number of 184 makes 199. */
	char number[190];
	memset(number, 'n', sizeof number);
	struct value *value = &document.header[HEADER_NUMBER];
	assert_int_equal(document_set_text(&document, value, (struct span){number, 184}), ERR_OK);
	assert_int_equal(document_subject(&document, text, sizeof text, &info), ERR_OK);
	assert_int_equal(strlen(text), 199);
	assert_int_equal(document_subject(&document, text, 200, &info), ERR_OK);
	assert_int_equal(document_subject(&document, text, 199, &info), ERR_TOO_LARGE);
	assert_string_equal(text, "");
	assert_int_equal(document_set_text(&document, value, (struct span){number, 185}), ERR_OK);
	assert_int_equal(document_subject(&document, text, sizeof text, &info), ERR_TOO_LARGE);
	assert_int_equal(document_subject(&document, text, 1, NULL), ERR_TOO_LARGE);
	document_release(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_begin_forgets),
	    cmocka_unit_test(test_subject),
	    cmocka_unit_test(test_subject_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
