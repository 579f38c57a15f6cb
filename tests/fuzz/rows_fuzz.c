/*
 * rows_fuzz.c - any bytes as rows of an ERP: decoded from the driver's text, converted, made into documents.
 *
 * Why:   people type into an ERP for thirty years, and a driver hands it out in any encoding.
 * Owns:  a profile, made once.
 * Rules: 1. The input: the encoding, then rows, apart by 0x1e, of values, apart by 0x1f. An empty value is NULL; what
 *           begins with '!' is one that the driver failed on.
 *        2. A document that is whole has a subject, is written as UTF-8, and is packed and unpacked as the same.
 *        3. One that is not says which rule it broke, in words, and shows its row as UTF-8.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include <stdlib.h>
#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/pack.h"
#include "connector/posting/validity.h"
#include "connector/source/assemble.h"
#include "connector/source/odbc_text.h"
#include "connector/source/position.h"

#define ROWS_MAX 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every conversion there is. */
static const char profile_text[] =
    "profile: mini\n"
    "version: \"1\"\n"
    "clock: {default: SELECT 1}\n"
    "feeds:\n"
    "  invoice:\n"
    "    document: {column: DCT, map: {RI: invoice, RM: credit_memo}, otherwise: error}\n"
    "    strategy: day_overlap\n"
    "    rows:\n"
    "      key: [CO, DCT, DOC integer]\n"
    "      stamp: {form: cyyddd_hhmmss, columns: [UPMJ, UPMT]}\n"
    "      sql: SELECT 1 WHERE {since UPMJ UPMT} AND {after} {order} {page}\n"
    "    voided: {column: VOD, as: present}\n"
    "    header:\n"
    "      entity: CO\n"
    "      number: {join: [DCT, DOC], separator: \"-\"}\n"
    "      year: Y\n"
    "      posting_date: {column: DGJ, as: date_cyyddd}\n"
    "      currency: {const: EUR}\n"
    "      customer: AN8\n"
    "      net: {sum: lines.net}\n"
    "      tax: {sum: lines.tax}\n"
    "      gross: {sum: lines.gross}\n"
    "      open: {sum: lines.open}\n"
    "      status: {settlement: {open: open, of: gross}}\n"
    "      rounding: RND\n"
    "    lines:\n"
    "      when: SFX\n"
    "      line: SFX\n"
    "      net: {column: NET, as: implied_decimals, decimals: 2, negate: credit_memo}\n"
    "      tax: {column: TAX, as: decimal, negate: credit_memo}\n"
    "      gross: {add: [{column: NET, as: implied_decimals, decimals: 2},\n"
    "                    {column: TAX, as: decimal}], negate: credit_memo}\n"
    "      open: {column: OPN, as: implied_decimals, decimals: 2, negate: credit_memo}\n"
    "      text: RMK\n";

static struct profile *profile;
static struct canonical canonical;

/* ---- what came of a document ---- */

static void check_whole(struct document *document, const char *subject)
{
	struct document again;
	struct finding finding;
	struct buf json, other, packed;
	CHECK(subject[0] && strlen(subject) < STORE_SUBJECT_MAX && utf8_valid(span_of(subject)));
	buf_init(&json, 1u << 24);
	buf_init(&other, 1u << 24);
	buf_init(&packed, 1u << 24);
	canonical_write(&canonical, document, &json);
	CHECK(buf_ok(&json) && utf8_valid(buf_span(&json)));
	document_pack(document, &packed);
	document_init(&again);
	CHECK(buf_ok(&packed) && document_unpack(&again, buf_span(&packed), NULL) == ERR_OK);
	again.voided = document->voided;
	canonical_write(&canonical, &again, &other);
	CHECK(span_equal(buf_span(&json), buf_span(&other)));
	if (!validity_check(document, &finding))
		CHECK(finding.text[0]);
	document_release(&again);
	buf_release(&json);
	buf_release(&other);
	buf_release(&packed);
}

static void finish(struct assembler *assembler)
{
	char subject[STORE_SUBJECT_MAX];
	struct store_exception exception;
	if (assembler_finish(assembler, &exception, subject)) {
		check_whole(&assembler->document, subject);
		return;
	}
	CHECK(exception.rule.len > 0 && exception.text.len > 0 && utf8_valid(exception.text));
	CHECK(utf8_valid(exception.raw) && utf8_valid(exception.key));
	CHECK(exception.key.len > 0 || assembler_plain_key(assembler).len > 0);
}

/* ---- rows ---- */

/* Up to the separator, which is taken too. */
static struct span take(struct span *rest, char separator)
{
	const char *end = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	const struct span taken = {rest->data, len};
	*rest = (struct span){rest->data + len + (end != NULL), rest->len - len - (end != NULL)};
	return taken;
}

static void check_words(struct span raw)
{
	char words[80];
	odbc_text_clean(words, sizeof words, raw);
	CHECK(strlen(words) < sizeof words && utf8_valid(span_of(words)));
	for (const char *c = words; *c; c++)
		CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	odbc_text_redact(words, SPAN_LITERAL("secret"));
	CHECK(!strstr(words, "secret") && utf8_valid(span_of(words)));
}

/* The value as the source child would send it; its text is kept in `texts` (a converter has one room for all). */
static struct source_value value_of(struct odbc_text *text, struct span raw, char *texts, size_t *used)
{
	struct source_value value = {SOURCE_VALUE_NULL, {NULL, 0}};
	if (raw.len == 0)
		return value;
	check_words(raw);
	if (raw.data[0] == '!') {
		value = (struct source_value){SOURCE_VALUE_UNREADABLE, SPAN_LITERAL("22018 not a number")};
		return value;
	}
	value = odbc_text_value(text, raw);
	CHECK(value.kind != SOURCE_VALUE_TEXT || utf8_valid(value.text));
	CHECK(value.kind == SOURCE_VALUE_TEXT || value.text.len <= SOURCE_VALUE_SHOWN_MAX);
	CHECK(value.text.len <= SOURCE_VALUE_BYTES_MAX);
	if (value.text.len > 0)
		memcpy(texts + *used, value.text.data, value.text.len);
	value.text.data = texts + *used;
	*used += value.text.len;
	return value;
}

static void check_stamps(const struct source_value *values)
{
	int64_t seconds;
	char texts[2][24];
	const struct span columns[] = {values[0].text, values[1].text};
	for (int form = 0; form < STAMP_FORM_COUNT; form++) {
		if (stamp_parse((enum stamp_form)form, columns, &seconds))
			stamp_print((enum stamp_form)form, seconds, texts);
	}
}

static void read_rows(struct odbc_text *text, struct span rest)
{
	const struct profile_feed *feed = &profile->feeds[0];
	int columns = feed->rows.column_count;
	struct assembler assembler;
	/* No encoding makes more than four bytes of one. */
	char *texts = mem_alloc(4 * rest.len + 1);
	bool any = false;
	assembler_init(&assembler, profile, feed);
	for (int c = 0; c < columns; c++)
		assembler.columns[c] = (int16_t)c;
	for (int i = 0; i < ROWS_MAX && rest.len > 0; i++) {
		struct source_value values[SOURCE_COLUMNS_MAX];
		struct span row = take(&rest, '\x1e');
		size_t used = 0;
		for (int c = 0; c < columns; c++)
			values[c] = value_of(text, take(&row, '\x1f'), texts, &used);
		check_stamps(values);
		if (assembler_begins(&assembler, values))
			finish(&assembler);
		assembler_add(&assembler, values);
		any = true;
	}
	if (any)
		finish(&assembler);
	assembler_release(&assembler);
	free(texts);
}

static void take_down(void)
{
	profile_free(profile);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct config_problems problems;
	(void)argc, (void)argv;
	config_problems_init(&problems);
	profile = profile_load(span_of(profile_text), "mini.yaml", NULL, 0, &problems);
	CHECK(profile != NULL);
	canonical_init(&canonical);
	return atexit(take_down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = {"UTF-8", "ISO-8859-1", "CP1252", "SHIFT_JIS", "UTF-16LE"};
	struct odbc_text text;
	if (size == 0)
		return 0;
	const size_t count = sizeof encodings / sizeof encodings[0];
	if (!odbc_text_init(&text, span_of(encodings[data[0] % count])))
		return 0;
	read_rows(&text, (struct span){(const char *)data + 1, size - 1});
	odbc_text_release(&text);
	return 0;
}
