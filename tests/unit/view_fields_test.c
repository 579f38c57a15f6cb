/*
 * view_fields_test.c - every field of every kind of document: an edit of it is a difference, or it is declared.
 *
 * Why:   a field that nobody compares, and that no list of what is not compared names, is a green nobody has asked for.
 * Owns:  nothing.
 * Rules: 1. Each field is changed, and taken away, in documents that have all fields: with tax lines, without them, and
 *           with one that is free of tax. Noticed in any of them: it is compared.
 *        2. What is never noticed with every attribute compared is exactly what view_never_compared() lists, beside
 *           names.
 *        3. What is not noticed by the rules in force is one of these, or of an attribute that is not compared.
 * Runs in: the tests.
 */
#include "tests/unit/pair_fixture.h"

enum shape { SHAPE_WHOLE, SHAPE_NO_TAX_LINES, SHAPE_TAX_FREE, SHAPE_COUNT };

#define LINES 2

static void set_text(struct document *document, struct value *value, const char *text)
{
	assert_int_equal(document_set_text(document, value, span_of(text)), ERR_OK);
}

static uint8_t digits_of(enum value_currency currency)
{
	return currency == CURRENCY_NONE ? 1 : 2;
}

static const char *text_of(const char *key, int line, char text[64])
{
	if (strcmp(key, "currency") == 0)
		return "EUR";
	if (strcmp(key, "local_currency") == 0)
		return "USD";
	if (strcmp(key, "group_currency") == 0)
		return "CHF";
	(void)snprintf(text, 64, "%s-%d", key, line);
	return text;
}

/* Its key says what it is, its place which one: no two fields of a document are equal. */
static void fill(struct document *document, struct value *value, const struct field_spec *field, int place,
                 int line)
{
	char text[64];
	value->present = true;
	switch (field->kind) {
	case VALUE_TEXT:
		set_text(document, value, text_of(field->key, line, text));
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		value->as.decimal = (struct decimal){1000 + 10 * place + line, digits_of(field->currency)};
		break;
	case VALUE_INTEGER:
		value->as.integer = strcmp(field->key, "year") == 0 ? 2026 : 3 + place % 7;
		break;
	case VALUE_DATE:
		value->as.date = 20700 + place;
		break;
	default:
		value->as.boolean = true;
	}
}

static struct value *value_at(struct document *document, int section, int line, int field)
{
	return section < 0
	           ? &document->header[field]
	           : &document->sections[section].values[line * document->sections[section].stride + field];
}

static void make_document(struct document *document, enum document_type type, enum shape shape)
{
	const struct document_spec *spec = document_spec(type);
	document_begin(document, type);
	for (int i = 0; i < spec->header_count; i++)
		fill(document, &document->header[i], &spec->header[i], i, 0);
	set_text(document, &document->header[HEADER_TYPE], spec->name);
	for (int section = 0; section < SECTION_COUNT; section++) {
		bool none = section == SECTION_TAX_LINES && shape == SHAPE_NO_TAX_LINES;
		for (int line = 0; line < LINES && !none && spec->sections[section].key; line++) {
			struct value *values = document_add_line(document, (enum document_section)section);
			assert_non_null(values);
			for (int i = 0; i < spec->sections[section].field_count; i++)
				fill(document, &values[i], &spec->sections[section].fields[i], i, line);
			if (section == SECTION_TAX_LINES && shape == SHAPE_TAX_FREE)
				values[INVOICE_TAX_LINE_TAX].as.decimal.units = 0;
		}
	}
}

static void change(struct document *document, struct value *value, enum value_kind kind)
{
	char text[80];
	struct span span;
	switch (kind) {
	case VALUE_TEXT:
		span = document_text(document, value);
		(void)snprintf(text, sizeof text, "%.*sx", (int)span.len, span.data);
		set_text(document, value,
		         span_equal(span, SPAN_LITERAL("EUR"))   ? "GBP"
		         : span_equal(span, SPAN_LITERAL("USD")) ? "CHF"
		                                                 : text);
		break;
	case VALUE_AMOUNT:
	case VALUE_DECIMAL:
		value->as.decimal.units++;
		break;
	case VALUE_INTEGER:
		value->as.integer++;
		break;
	case VALUE_DATE:
		value->as.date++;
		break;
	default:
		value->as.boolean = !value->as.boolean;
	}
}

/* The cloud's document, as it stands, is not the legacy one: its view cannot be made, or the pair differs. */
static bool is_noticed(struct fixture *fixture)
{
	struct err_info info;
	make(&fixture->legacy_view, SIDE_LEGACY, &fixture->legacy, fixture->rules);
	if (view_make(&fixture->cloud_view, SIDE_CLOUD, &fixture->cloud, fixture->rules, &info) != ERR_OK)
		return true;
	pair_compare(&fixture->legacy_view, &fixture->cloud_view, fixture->rules, &fixture->pair);
	bool noticed = fixture->pair.class_ != PAIR_MATCHED;
	assert_int_equal(noticed, !prints_equal(fixture));
	return noticed;
}

/* In at least one document; removed: it is taken away, else changed. */
static bool is_compared(struct fixture *fixture, enum document_type type, int section, int field,
                        bool removed)
{
	const struct document_spec *spec = document_spec(type);
	const struct field_spec *one =
	    section < 0 ? &spec->header[field] : &spec->sections[section].fields[field];
	bool noticed = false;
	for (int shape = 0; shape < SHAPE_COUNT; shape++) {
		make_document(&fixture->legacy, type, (enum shape)shape);
		make_document(&fixture->cloud, type, (enum shape)shape);
		if (section == SECTION_TAX_LINES && shape == SHAPE_NO_TAX_LINES)
			continue;
		struct value *value = value_at(&fixture->cloud, section, 1, field);
		if (removed)
			value->present = false;
		else
			change(&fixture->cloud, value, one->kind);
		noticed = is_noticed(fixture) || noticed;
	}
	return noticed;
}

static void compare_all(struct fixture *fixture)
{
	char csv[4096];
	size_t len = (size_t)snprintf(csv, sizeof csv, "document_type,attribute,compare\n");
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++)
		len += (size_t)snprintf(csv + len, sizeof csv - len, "*,%s,yes\n",
		                        view_attribute_name((enum view_attribute)i));
	set_rules(fixture, "attribute", csv);
}

/* It names a document or a line, says where it came from, or is the cloud's code that the agent sent along. */
static bool is_a_name(enum document_type type, const char *key)
{
	static const char *const names[] = {"type", "number", "origin", "source_system", "line"};
	const char *mapped = strstr(key, "_mapped");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(key, names[i]) == 0)
			return true;
	}
	/* The year of master data is 0. */
	return (mapped && mapped[7] == 0) || (type == DOCUMENT_CUSTOMER && strcmp(key, "year") == 0);
}

static bool is_declared(enum document_type type, const char *name)
{
	for (const char *const *field = view_never_compared(type); *field; field++) {
		if (strcmp(*field, name) == 0)
			return true;
	}
	return false;
}

typedef void (*visitor)(struct fixture *fixture, enum document_type type, int section, int field,
                        const char *name, const char *key);

static void each_field(struct fixture *fixture, visitor visit)
{
	for (int i = 0; i < DOCUMENT_TYPE_COUNT; i++) {
		enum document_type type = (enum document_type)i;
		const struct document_spec *spec = document_spec(type);
		for (int f = 0; f < spec->header_count; f++)
			visit(fixture, type, -1, f, spec->header[f].key, spec->header[f].key);
		for (int section = 0; section < SECTION_COUNT; section++) {
			const struct section_spec *lines = &spec->sections[section];
			for (int f = 0; lines->key && f < lines->field_count; f++) {
				char name[80];
				(void)snprintf(name, sizeof name, "%s.%s", lines->key, lines->fields[f].key);
				visit(fixture, type, section, f, name, lines->fields[f].key);
			}
		}
	}
}

/* Compared if changed, compared if taken away; or else declared. */
static void check_declared(struct fixture *fixture, enum document_type type, int section, int field,
                           const char *name, const char *key)
{
	bool changed = is_compared(fixture, type, section, field, false);
	bool removed = is_compared(fixture, type, section, field, true);
	bool declared = is_declared(type, name);
	if (!is_a_name(type, key) && (changed == declared || removed == declared))
		fail_msg("%s of %s: %s as never compared, %s where it is changed, %s where it is taken away",
		         name, document_spec(type)->name, declared ? "declared" : "not declared",
		         changed ? "found" : "not found", removed ? "found" : "not found");
}

static void test_every_field_is_compared_or_declared(void **state)
{
	compare_all(*state);
	each_field(*state, check_declared);
}

/* The attribute that a field is told as. */
static const char *attribute_of(enum document_type type, const char *key)
{
	static const char *const others[][2] = {{"customer", "party"},       {"payer", "party"},
	                                        {"window_start", "window"},  {"window_end", "window"},
	                                        {"net_local", "local"},      {"tax_local", "local"},
	                                        {"gross_local", "local"},    {"amount_local", "local"},
	                                        {"local_currency", "local"}, {"legacy_type", "document_type"},
	                                        {"entity", "line_entity"}};
	(void)type;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(key, others[i][0]) == 0)
			return others[i][1];
	}
	return key;
}

/* By the rules that there are without files. */
static void check_left_out(struct fixture *fixture, enum document_type type, int section, int field,
                           const char *name, const char *key)
{
	bool left_out = is_declared(type, name) || is_a_name(type, key);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		enum view_attribute attribute = (enum view_attribute)i;
		if (strcmp(view_attribute_name(attribute), attribute_of(type, key)) == 0)
			left_out = left_out || !view_attribute_compared(NULL, attribute, type);
	}
	if (!left_out && !is_compared(fixture, type, section, field, false))
		fail_msg("%s of %s is not compared, and nothing says so", name, document_spec(type)->name);
}

static void test_what_is_left_out_is_told(void **state)
{
	each_field(*state, check_left_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FIXTURE(test_every_field_is_compared_or_declared),
	    WITH_FIXTURE(test_what_is_left_out_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
