/*
 * pack_test.c - packed documents: nothing is lost, one form, and damage is told.
 *
 * Why:   the comparison sees documents as they were packed; a field that is lost there is a difference nobody sees.
 * Owns:  the fixture: a document, the one that is read back, and their bytes.
 * Rules: 1. Equality of two documents is that of their canonical JSON, which another file writes.
 *        2. Known bytes were put together by hand from the layout in pack.h.
 *        3. The order of the fields is pinned by the list at the end, in the order in which they were added.
 * Runs in: the tests.
 */
#include "connector/posting/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/posting/canonical.h"
#include "connector/posting/varint.h"
#include "hal/sim/random_sim.h"
#include "tests/lib/sample_documents.h"

#define OUTPUT_MAX   (64u << 20)
#define ROUNDS       4000
#define BREAK_ROUNDS 300

struct fixture {
	struct canonical canonical;
	struct document document, again;
	struct buf packed, repacked, json, json_again;
	struct sim_random random;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	canonical_init(&fixture->canonical);
	document_init(&fixture->document);
	document_init(&fixture->again);
	buf_init(&fixture->packed, OUTPUT_MAX);
	buf_init(&fixture->repacked, OUTPUT_MAX);
	buf_init(&fixture->json, OUTPUT_MAX);
	buf_init(&fixture->json_again, OUTPUT_MAX);
	sim_random_init(&fixture->random, 4711);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	document_release(&fixture->document);
	document_release(&fixture->again);
	buf_release(&fixture->packed);
	buf_release(&fixture->repacked);
	buf_release(&fixture->json);
	buf_release(&fixture->json_again);
	free(fixture);
	return 0;
}

static void assert_bytes(const struct buf *a, const struct buf *b)
{
	assert_true(buf_ok(a) && buf_ok(b));
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

/* Packs, reads back, and holds both against each other. */
static void assert_round_trip(struct fixture *fixture)
{
	struct err_info info = {0};
	buf_clear(&fixture->packed);
	document_pack(&fixture->document, &fixture->packed);
	assert_true(buf_ok(&fixture->packed));
	enum err err = document_unpack(&fixture->again, buf_span(&fixture->packed), &info);
	if (err != ERR_OK)
		fail_msg("%s: %s", err_name(err), info.text);
	buf_clear(&fixture->repacked);
	document_pack(&fixture->again, &fixture->repacked);
	assert_bytes(&fixture->repacked, &fixture->packed);
	assert_int_equal(fixture->again.type, fixture->document.type);
	assert_int_equal(fixture->again.voided, fixture->document.voided);
	buf_clear(&fixture->json);
	buf_clear(&fixture->json_again);
	canonical_write(&fixture->canonical, &fixture->document, &fixture->json);
	canonical_write(&fixture->canonical, &fixture->again, &fixture->json_again);
	assert_bytes(&fixture->json_again, &fixture->json);
}

static void assert_refused(struct fixture *fixture, struct span packed, enum err expected, const char *part)
{
	struct err_info info = {0};
	enum err err = document_unpack(&fixture->again, packed, &info);
	if (err != expected || !strstr(info.text, part))
		fail_msg("%s: %s; expected %s with \"%s\"", err_name(err), info.text, err_name(expected),
		         part);
	assert_int_equal(fixture->again.type, DOCUMENT_JOURNAL);
	assert_int_equal(fixture->again.sections[SECTION_LINES].count, 0);
	assert_int_equal(fixture->again.text.len, 0);
	assert_false(fixture->again.header[HEADER_ENTITY].present);
}

/* ---- round trips ---- */

static void random_value(struct fixture *fixture, enum value_kind kind, struct value *value)
{
	static const char *const pieces[] = {"a",  "4000", " ", "M\xc3\xbcller", "\xe2\x82\xac", "\n",
	                                     "\"", "\x01", "/"};
	static const int64_t edges[] = {0, 1, -1, 63, 64, -64, -65, 127, 128, INT64_MAX, INT64_MIN};
	struct sim_random *random = &fixture->random;
	char text[512];
	size_t len = 0;
	*value = (struct value){.present = true};
	switch (kind) {
	case VALUE_TEXT:
		for (uint64_t left = 1 + sim_random_below(random, 40); left > 0; left--) {
			const char *piece =
			    pieces[sim_random_below(random, sizeof pieces / sizeof pieces[0])];
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		assert_int_equal(document_set_text(&fixture->document, value, (struct span){text, len}),
		                 ERR_OK);
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		value->as.decimal.scale = (uint8_t)sim_random_below(random, DECIMAL_SCALE_MAX + 1);
		value->as.decimal.units =
		    sim_random_below(random, 3) == 0
			? edges[sim_random_below(random, sizeof edges / sizeof edges[0])]
			: (int64_t)sim_random_u64(random) >> sim_random_below(random, 63);
		break;
	case VALUE_INTEGER: /* below 2^53, so that the JSON can be written */
		value->as.integer = (int64_t)(sim_random_u64(random) >> (11 + sim_random_below(random, 52)));
		if (sim_random_below(random, 2))
			value->as.integer = -value->as.integer;
		break;
	case VALUE_DATE: /* 1900-01-01 is day -25567, 2199-12-31 day 84005 */
		value->as.date = (date_days)sim_random_below(random, 84005 + 25567 + 1) - 25567;
		break;
	default:
		value->as.boolean = sim_random_below(random, 2);
	}
}

/* Each field there with this chance in a hundred. */
static void random_document(struct fixture *fixture, enum document_type type, uint64_t chance, uint64_t lines)
{
	struct document *document = &fixture->document;
	const struct document_spec *spec = document_spec(type);
	document_begin(document, type);
	document->voided = sim_random_below(&fixture->random, 2);
	for (int slot = 0; slot < spec->header_count; slot++) {
		if (sim_random_below(&fixture->random, 100) < chance)
			random_value(fixture, spec->header[slot].kind, &document->header[slot]);
	}
	for (int section = 0; section < SECTION_COUNT; section++) {
		if (!spec->sections[section].key)
			continue;
		for (uint64_t i = sim_random_below(&fixture->random, lines + 1); i > 0; i--) {
			struct value *line = document_add_line(document, (enum document_section)section);
			for (int slot = 0; slot < spec->sections[section].field_count; slot++) {
				if (sim_random_below(&fixture->random, 100) < chance)
					random_value(fixture, spec->sections[section].fields[slot].kind,
					             &line[slot]);
			}
		}
	}
}

/* Random documents of every type, from empty ones to such with every field. */
static void test_round_trip_random(void **state)
{
	struct fixture *fixture = *state;
	for (int round = 0; round < ROUNDS; round++) {
		enum document_type type = (enum document_type)(round % DOCUMENT_TYPE_COUNT);
		random_document(fixture, type, (uint64_t)(round % 11) * 10, 6);
		assert_round_trip(fixture);
	}
}

/* Each field of every section alone, so that no field can hide behind another. */
static void test_round_trip_each_field(void **state)
{
	struct fixture *fixture = *state;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		const struct document_spec *spec = document_spec((enum document_type)type);
		for (int slot = 0; slot < spec->header_count; slot++) {
			document_begin(&fixture->document, (enum document_type)type);
			random_value(fixture, spec->header[slot].kind, &fixture->document.header[slot]);
			assert_round_trip(fixture);
			assert_true(fixture->again.header[slot].present);
		}
		for (int section = 0; section < SECTION_COUNT; section++) {
			for (int slot = 0; slot < spec->sections[section].field_count; slot++) {
				document_begin(&fixture->document, (enum document_type)type);
				struct value *line =
				    document_add_line(&fixture->document, (enum document_section)section);
				random_value(fixture, spec->sections[section].fields[slot].kind, &line[slot]);
				assert_round_trip(fixture);
				assert_true(
				    document_line(&fixture->again, (enum document_section)section, 0)[slot]
					.present);
			}
		}
	}
}

/* The limits of a document are those of its packed form: 10,000 lines with text, and a text of one megabyte. */
static void test_large(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	sample_make_journal(document);
	for (int i = 3; i < DOCUMENT_LINES_MAX; i++)
		(void)sample_add_journal_line(document, i % 2 ? "0.01" : "-0.01", NULL);
	assert_round_trip(fixture);
	assert_int_equal(fixture->again.sections[SECTION_LINES].count, DOCUMENT_LINES_MAX);
	size_t len = 1u << 20;
	char *text = malloc(len);
	assert_non_null(text);
	memset(text, 'x', len);
	assert_int_equal(
	    document_set_text(document, &document->header[HEADER_TEXT], (struct span){text, len}), ERR_OK);
	assert_round_trip(fixture);
	free(text);
}

/* A full buffer is told and as it was; the same document fits where there is room. */
static void test_full_buffer(void **state)
{
	struct fixture *fixture = *state;
	struct buf small;
	sample_make_invoice(&fixture->document, DOCUMENT_INVOICE);
	buf_clear(&fixture->packed);
	document_pack(&fixture->document, &fixture->packed);
	for (size_t max = 0; max < fixture->packed.len + 4; max++) {
		buf_init(&small, max + 3);
		buf_append_text(&small, "abc");
		document_pack(&fixture->document, &small);
		if (max < fixture->packed.len)
			assert_false(buf_ok(&small));
		if (!buf_ok(&small))
			assert_int_equal(small.len, 3);
		buf_release(&small);
	}
	buf_init(&small, fixture->packed.len + 3 + 16);
	buf_append_text(&small, "abc");
	document_pack(&fixture->document, &small);
	assert_true(buf_ok(&small));
	assert_int_equal(small.len, fixture->packed.len + 3);
	assert_memory_equal(small.data, "abc", 3);
	assert_memory_equal(small.data + 3, fixture->packed.data, fixture->packed.len);
	buf_release(&small);
}

/* ---- known bytes ---- */

static void assert_packed(struct fixture *fixture, const char *hex)
{
	char text[512];
	buf_clear(&fixture->packed);
	document_pack(&fixture->document, &fixture->packed);
	assert_true(2 * fixture->packed.len < sizeof text);
	hex_encode(text, fixture->packed.data, fixture->packed.len);
	assert_string_equal(text, hex);
}

/* Version 01, type * 2 + voided, fields of both header lists, sections. */
static void test_known_bytes(void **state)
{
	struct fixture *fixture = *state;
	struct document *document = &fixture->document;
	document_begin(document, DOCUMENT_CUSTOMER); /* type 4 */
	assert_packed(fixture, "0108000000");
	document->voided = true;
	assert_packed(fixture, "0109000000");
	/* A journal: entity "10" (bit 0) and year 2024 (bit 5): set 21; 2024 is 4048 folded (fd0): d0 1f. Its own list:
	 * reversal (bit 2): set 04. One line: account "4" (bit 1), amount -1.00 (bit 4): set 12; scale 2, -100 is 199
	 * folded: c7 01. */
	document_begin(document, DOCUMENT_JOURNAL);
	sample_set_header(document, HEADER_ENTITY, "10");
	sample_set_integer(document, HEADER_YEAR, 2024);
	document->header[JOURNAL_REVERSAL] = (struct value){.present = true, .as.boolean = true};
	struct value *line = document_add_line(document, SECTION_LINES);
	sample_set_text(document, &line[JOURNAL_LINE_ACCOUNT], "4");
	sample_set_decimal(&line[JOURNAL_LINE_AMOUNT], "-1.00");
	assert_packed(fixture, "0100"
	                       "21"
	                       "023130"
	                       "d01f"
	                       "04"
	                       "01"
	                       "01"
	                       "01"
	                       "12"
	                       "0134"
	                       "02c701");
}

/* ---- refusals ---- */

#define BYTES(...) ((struct span){(const char[]){__VA_ARGS__}, sizeof((const char[]){__VA_ARGS__})})

static void test_refusals(void **state)
{
	struct fixture *fixture = *state;
	assert_refused(fixture, (struct span){NULL, 0}, ERR_CORRUPT, "empty");
	assert_refused(fixture, BYTES(2, 0, 0, 0, 0), ERR_VERSION, "a form");
	assert_refused(fixture, BYTES(0, 0, 0, 0, 0), ERR_VERSION, "a form");
	assert_refused(fixture, BYTES(1), ERR_CORRUPT, "ends after its version");
	assert_refused(fixture, BYTES(1, 2 * DOCUMENT_TYPE_COUNT, 0, 0, 0), ERR_VERSION, "a type");
	assert_refused(fixture, BYTES(1, 0), ERR_CORRUPT, "a set of fields");
	assert_refused(fixture, BYTES(1, 0, 0, 0), ERR_CORRUPT, "the set of lists");
	assert_refused(fixture, BYTES(1, 0, 0, 0, 0, 0), ERR_CORRUPT, "left over");
	/* The first common header field after those that are known; the first of the type's own. */
	uint8_t bytes[64] = {1, 0};
	uint8_t *end = varint_put(bytes + 2, UINT64_C(1) << HEADER_COMMON_COUNT);
	assert_refused(fixture, (struct span){(char *)bytes, (size_t)(end - bytes)}, ERR_VERSION, "a field");
	end = varint_put(bytes + 3, UINT64_C(1) << (JOURNAL_COUNT - HEADER_COMMON_COUNT));
	bytes[2] = 0;
	assert_refused(fixture, (struct span){(char *)bytes, (size_t)(end - bytes)}, ERR_VERSION, "a field");
	/* A journal has no tax lines; there is no fourth list. */
	assert_refused(fixture, BYTES(1, 0, 0, 0, 2, 1, 0), ERR_VERSION, "a list");
	assert_refused(fixture, BYTES(1, 0, 0, 0, 8, 1, 0), ERR_VERSION, "a list");
	assert_refused(fixture, BYTES(1, 0, 0, 0, 1, 0), ERR_CORRUPT, "number of lines");
	assert_refused(fixture, BYTES(1, 0, 0, 0, 1), ERR_CORRUPT, "number of lines");
	assert_refused(fixture, BYTES(1, 0, 0, 0, 1, 2, 0), ERR_CORRUPT, "a set of fields");
	/* The entity, field 0: a text of length 0, one that is cut off, one that is not UTF-8. */
	assert_refused(fixture, BYTES(1, 0, 1, 0), ERR_CORRUPT, "length of a text");
	assert_refused(fixture, BYTES(1, 0, 1, 2, 'a'), ERR_CORRUPT, "length of a text");
	assert_refused(fixture, BYTES(1, 0, 1, 1, (char)0xff, 0, 0), ERR_CORRUPT, "UTF-8");
	/* The set as two bytes where one is enough. */
	assert_refused(fixture, BYTES(1, 0, (char)0x80, 0, 0, 0), ERR_CORRUPT, "a set of fields");
}

static struct span with_journal_field(uint8_t *bytes, int slot, const char *value, size_t len)
{
	bytes[0] = 1;
	bytes[1] = 0;
	uint8_t *at = varint_put(bytes + 2, slot < HEADER_COMMON_COUNT ? UINT64_C(1) << slot : 0);
	if (slot >= HEADER_COMMON_COUNT)
		at = varint_put(at, UINT64_C(1) << (slot - HEADER_COMMON_COUNT));
	memcpy(at, value, len);
	at += len;
	for (int i = slot < HEADER_COMMON_COUNT ? 0 : 1; i < 2; i++)
		*at++ = 0;
	return (struct span){(char *)bytes, (size_t)(at - bytes)};
}

/* Values outside their limits: dates before 1900-01-01 (day -25567: 51133 folded) and after 2199-12-31 (day 84005:
 * 168010 folded), scales over 12, booleans that are neither. The values at the limits are taken. */
static void test_value_limits(void **state)
{
	struct fixture *fixture = *state;
	uint8_t bytes[64];
	char number[16];
	static const struct {
		uint64_t folded;
		bool taken;
	} dates[] = {{51133, true}, {51135, false}, {168010, true}, {168012, false}, {UINT64_MAX, false}};
	for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
		size_t len = (size_t)(varint_put((uint8_t *)number, dates[i].folded) - (uint8_t *)number);
		struct span packed = with_journal_field(bytes, HEADER_POSTING_DATE, number, len);
		if (dates[i].taken)
			assert_int_equal(document_unpack(&fixture->again, packed, NULL), ERR_OK);
		else
			assert_refused(fixture, packed, ERR_CORRUPT, "a date");
	}
	assert_int_equal(document_unpack(&fixture->again,
	                                 with_journal_field(bytes, HEADER_EXCHANGE_RATE, "\x0c\x02", 2),
	                                 NULL),
	                 ERR_OK);
	assert_refused(fixture, with_journal_field(bytes, HEADER_EXCHANGE_RATE, "\x0d\x02", 2), ERR_CORRUPT,
	               "scale");
	assert_int_equal(
	    document_unpack(&fixture->again, with_journal_field(bytes, JOURNAL_REVERSAL, "\x01", 1), NULL),
	    ERR_OK);
	assert_refused(fixture, with_journal_field(bytes, JOURNAL_REVERSAL, "\x02", 1), ERR_CORRUPT,
	               "boolean");
}

/* One line more than a document holds; more text than its arena. */
static void test_too_large(void **state)
{
	struct fixture *fixture = *state;
	struct buf *packed = &fixture->packed;
	uint8_t number[VARINT_BYTES_MAX];
	buf_clear(packed);
	buf_append(packed, "\x01\x00\x00\x00\x01", 5);
	buf_append(packed, number, (size_t)(varint_put(number, DOCUMENT_LINES_MAX + 1) - number));
	for (int i = 0; i <= DOCUMENT_LINES_MAX; i++)
		buf_u8(packed, 0);
	assert_refused(fixture, buf_span(packed), ERR_TOO_LARGE, "10001 lines, over the limit of 10000");
	buf_clear(packed);
	buf_append(packed, "\x01\x00\x01", 3);
	buf_append(packed, number, (size_t)(varint_put(number, DOCUMENT_TEXT_BYTES_MAX + 1) - number));
	for (size_t i = 0; i <= DOCUMENT_TEXT_BYTES_MAX; i++)
		buf_u8(packed, 'x');
	buf_append(packed, "\x00\x00", 2);
	assert_refused(fixture, buf_span(packed), ERR_TOO_LARGE, "more text");
}

/* Every prefix is refused, and whatever else is read from damaged bytes packs to those very bytes. */
static void test_damage(void **state)
{
	struct fixture *fixture = *state;
	for (int round = 0; round < BREAK_ROUNDS; round++) {
		random_document(fixture, (enum document_type)(round % DOCUMENT_TYPE_COUNT), 40, 3);
		buf_clear(&fixture->packed);
		document_pack(&fixture->document, &fixture->packed);
		for (size_t len = 0; len < fixture->packed.len; len++)
			assert_int_not_equal(document_unpack(&fixture->again,
			                                     (struct span){(char *)fixture->packed.data, len},
			                                     NULL),
			                     ERR_OK);
		for (size_t at = 0; at < fixture->packed.len; at++) {
			uint8_t before = fixture->packed.data[at];
			fixture->packed.data[at] = (uint8_t)sim_random_u64(&fixture->random);
			if (document_unpack(&fixture->again, buf_span(&fixture->packed), NULL) == ERR_OK) {
				buf_clear(&fixture->repacked);
				document_pack(&fixture->again, &fixture->repacked);
				assert_bytes(&fixture->repacked, &fixture->packed);
			}
			fixture->packed.data[at] = before;
		}
	}
}

/* ---- varints ---- */

/* Values from the documentation of Protocol Buffers: 1 is 01, 150 is 96 01; folded 0, -1, 1, -2 are 0, 1, 2, 3, and
 * 2^31 - 1 is 2^32 - 2, -2^31 is 2^32 - 1. */
static void test_varint(void **state)
{
	(void)state;
	uint8_t bytes[VARINT_BYTES_MAX];
	uint64_t value;
	assert_int_equal(varint_put(bytes, 1) - bytes, 1);
	assert_memory_equal(bytes, "\x01", 1);
	assert_int_equal(varint_put(bytes, 150) - bytes, 2);
	assert_memory_equal(bytes, "\x96\x01", 2);
	assert_int_equal(varint_fold(0), 0);
	assert_int_equal(varint_fold(-1), 1);
	assert_int_equal(varint_fold(1), 2);
	assert_int_equal(varint_fold(-2), 3);
	assert_int_equal(varint_fold(INT64_C(2147483647)), UINT64_C(4294967294));
	assert_int_equal(varint_fold(INT64_C(-2147483648)), UINT64_C(4294967295));
	assert_true(varint_fold(INT64_MIN) == UINT64_MAX && varint_unfold(UINT64_MAX) == INT64_MIN);
	assert_true(varint_fold(INT64_MAX) == UINT64_MAX - 1 && varint_unfold(UINT64_MAX - 1) == INT64_MAX);
	/* The greatest takes ten bytes; an eleventh, a bit beyond 64, and a needless nought are refused. */
	assert_int_equal(varint_put(bytes, UINT64_MAX) - bytes, VARINT_BYTES_MAX);
	assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", VARINT_BYTES_MAX);
	assert_ptr_equal(varint_get(bytes, bytes + VARINT_BYTES_MAX, &value), bytes + VARINT_BYTES_MAX);
	assert_true(value == UINT64_MAX);
	assert_null(varint_get(bytes, bytes + VARINT_BYTES_MAX - 1, &value));
	bytes[9] = 2;
	assert_null(varint_get(bytes, bytes + VARINT_BYTES_MAX, &value));
	bytes[9] = 0x81;
	assert_null(varint_get(bytes, bytes + VARINT_BYTES_MAX, &value));
	assert_null(varint_get((const uint8_t *)"\x81\x00", (const uint8_t *)"\x81\x00" + 2, &value));
}

/* ---- the order of the fields ---- */

/* What has been packed once is read by these numbers for good: a list only grows at its end. The common fields of a
 * header are one list, the others of each type another. */
static void assert_order(const struct field_spec *fields, int count, const char *keys)
{
	char list[1024] = "";
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? " " : "", fields[i].key);
	/* A new field is added at the end here, too. */
	assert_string_equal(list, keys);
}

static void test_field_order(void **state)
{
	(void)state;
	const struct document_spec *journal = document_spec(DOCUMENT_JOURNAL);
	const struct document_spec *invoice = document_spec(DOCUMENT_INVOICE);
	const struct document_spec *payment = document_spec(DOCUMENT_PAYMENT);
	const struct document_spec *customer = document_spec(DOCUMENT_CUSTOMER);
	int common = HEADER_COMMON_COUNT;
	assert_order(journal->header, common,
	             "entity entity_mapped source_system type number year legacy_type "
	             "legacy_type_mapped period document_date posting_date entry_date currency "
	             "local_currency group_currency exchange_rate user reference text reverses "
	             "reversed_by origin");
	assert_order(journal->header + common, journal->header_count - common, "ledger batch reversal");
	assert_order(invoice->header + common, invoice->header_count - common,
	             "customer customer_mapped payer due_date terms service_start service_end net tax "
	             "gross net_local tax_local gross_local prepaid rounding payable open status "
	             "preceding_invoice reason control_account batch");
	assert_order(payment->header + common, payment->header_count - common,
	             "means value_date amount amount_local payer payer_mapped unapplied status "
	             "bank_account batch");
	assert_order(customer->header + common, customer->header_count - common,
	             "number_mapped legal_name tax_id address city postal_code country terms "
	             "control_account valid_from valid_to credit_hold status");
	const struct document_spec *usage = document_spec(DOCUMENT_USAGE);
	assert_order(usage->header + common, usage->header_count - common,
	             "customer customer_mapped meter window_start window_end quantity unit record_count "
	             "records_digest");
	const struct section_spec *lines = &journal->sections[SECTION_LINES];
	assert_order(lines->fields, lines->field_count,
	             "line account account_mapped account_name amount amount_local amount_group entity "
	             "cost_centre cost_centre_mapped profit_centre segment trading_partner tax_code "
	             "tax_code_mapped quantity unit party text");
	lines = &invoice->sections[SECTION_LINES];
	assert_order(lines->fields, lines->field_count,
	             "line item text quantity unit price net tax gross net_local tax_local gross_local "
	             "open due_date tax_code tax_code_mapped tax_rate account account_mapped "
	             "cost_centre cost_centre_mapped revenue_start revenue_end");
	lines = &invoice->sections[SECTION_TAX_LINES];
	assert_order(lines->fields, lines->field_count, "code code_mapped jurisdiction rate base tax");
	lines = &payment->sections[SECTION_APPLICATIONS];
	assert_order(lines->fields, lines->field_count,
	             "line invoice item amount amount_local discount write_off fx_gain_loss");
	assert_int_equal(DOCUMENT_JOURNAL, 0);
	assert_int_equal(DOCUMENT_INVOICE, 1);
	assert_int_equal(DOCUMENT_CREDIT_MEMO, 2);
	assert_int_equal(DOCUMENT_PAYMENT, 3);
	assert_int_equal(DOCUMENT_CUSTOMER, 4);
	assert_int_equal(DOCUMENT_USAGE, 5);
	assert_int_equal(SECTION_LINES, 0);
	assert_int_equal(SECTION_TAX_LINES, 1);
	assert_int_equal(SECTION_APPLICATIONS, 2);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FIXTURE(test_round_trip_random),
	    WITH_FIXTURE(test_round_trip_each_field),
	    WITH_FIXTURE(test_large),
	    WITH_FIXTURE(test_full_buffer),
	    WITH_FIXTURE(test_known_bytes),
	    WITH_FIXTURE(test_refusals),
	    WITH_FIXTURE(test_value_limits),
	    WITH_FIXTURE(test_too_large),
	    WITH_FIXTURE(test_damage),
	    cmocka_unit_test(test_varint),
	    cmocka_unit_test(test_field_order),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
