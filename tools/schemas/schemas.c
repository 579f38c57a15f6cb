/*
 * schemas.c - prints the JSON Schema of one document type, made from the product's own tables of fields.
 *
 * Why:   a schema kept by hand beside the tables would one day promise something else than the agent sends.
 * Owns:  the descriptions of the fields; names, kinds, currencies and what is required come from document.h.
 * Rules: 1. JSON Schema 2020-12, open: unknown fields are allowed, for fields may be added (contract, Evolution).
 *        2. Only what the agent makes sure of is demanded: required fields, the forms of values, the header's currency
 *           of each required amount (validity rules field-required, currency-missing, period-range, lines-missing).
 *        3. A list has one line or more: also one of a journal, for a part of a long one may hold a single line.
 *        4. No description, no schema: a field without one ends the program with its name.
 * Faults: unknown arguments (exit 2), a field without description or a failed write (exit 1).
 * Source: JSON Schema 2020-12 (core and validation); only keywords that draft 07 reads alike, AsyncAPI 3.0 needs them.
 * Runs in: the build; `make schemas` writes docs/contract/schemas with it.
 * Tests: tests/unit/test_contract_schemas.py
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/document.h"
#include "connector/uplink/envelope.h"

struct description {
	const char *
	    place; /* "key", or "type.section.key" with an empty section for the header: the longer one wins */
	const char *text;
};

/* Credit memos share the invoice's fields and descriptions. */
static const struct description descriptions[] = {
    {"account", "as the ERP has it"},
    {"account_mapped", "the same in the cloud, where accounts are mapped"},
    {"account_name", "as the ERP has it"},
    {"address", "street"},
    {"amount_group", "the same in the group's currency"},
    {"amount_local", "the same in the company's currency"},
    {"bank_account", "bank account in the ledger"},
    {"base", "what the tax is computed on"},
    {"batch", "the ERP's batch"},
    {"city", "city"},
    {"code", "tax code, as the ERP has it"},
    {"code_mapped", "the same in the cloud, where tax codes are mapped"},
    {"control_account", "receivables account in the ledger"},
    {"cost_centre", "as the ERP has it"},
    {"cost_centre_mapped", "the same in the cloud, where cost centres are mapped"},
    {"country", "ISO 3166-1 alpha-2"},
    {"credit_hold", "true: no further credit"},
    {"currency", "ISO 4217, of the document; always there where an amount is in it"},
    {"customer", "number of the customer"},
    {"customer_mapped", "the same in the cloud, where customers are mapped"},
    {"discount", "settles the invoice beside the payment"},
    {"document_date", "date on the document"},
    {"due_date", "date"},
    {"entity", "company code, as the ERP has it"},
    {"entity_mapped", "the same in the cloud, where companies are mapped"},
    {"entry_date", "when it was entered"},
    {"exchange_rate", "as the ERP holds it"},
    {"fx_gain_loss", "gain or loss by the exchange rate"},
    {"gross", "net + tax"},
    {"gross_local", "gross"},
    {"group_currency", "ISO 4217, of the group"},
    {"invoice", "subject of the invoice or credit memo"},
    {"item", "article"},
    {"journal.lines.amount", "debit positive, credit negative"},
    {"journal.lines.entity", "only where the line belongs to another company than the document"},
    {"jurisdiction", "where the tax is due"},
    {"ledger", "the ERP's ledger, `AA` in JD Edwards"},
    {"legacy_type", "the ERP's own document type"},
    {"legacy_type_mapped", "the same in the cloud, where document types are mapped"},
    {"legal_name", "name"},
    {"line", "number of the line within the document, as the ERP has it"},
    {"local_currency", "ISO 4217, of the company"},
    {"means", "how it was paid"},
    {"meter", "what was counted, as the metering source names it"},
    {"net", "without tax"},
    {"net_local", "net"},
    {"number", "unique within entity, type and year"},
    {"number_mapped", "number of the customer in the cloud, where customers are mapped"},
    {"open", "still unpaid when it was read"},
    {"origin",
     "of the cloud's own documents: subjects of the ERP's documents that this one stands for, separated by "
     "blanks"},
    {"party", "customer, supplier or employee"},
    {"payable", "gross - prepaid + rounding"},
    {"payer", "number of the customer who pays"},
    {"payer_mapped", "the same in the cloud, where customers are mapped"},
    {"payment..amount", "money received; positive for a receipt"},
    {"payment.applications.amount", "part of the money that went to this invoice"},
    {"payment.applications.item", "its pay item (the invoice's `line`)"},
    {"payment.applications.line", "number within the payment"},
    {"period", "1 to 16"},
    {"postal_code", "postal code"},
    {"posting_date", "date in the ledger; always there where `year` is not 0"},
    {"preceding_invoice", "subject of the invoice that a credit memo corrects"},
    {"prepaid", "paid before"},
    {"price", "for one unit"},
    {"profit_centre", "as the ERP has it"},
    {"quantity", "with the sign the ERP holds"},
    {"rate", "per cent"},
    {"reason", "why a credit memo was made"},
    {"record_count", "records that the quantity is the sum of"},
    {"records_digest", "SHA-256 of these records in lower case hex, as the metering source forms it"},
    {"reference", "reference of the customer or of another system"},
    {"revenue_end", "last day of recognition"},
    {"revenue_start", "first day of recognition"},
    {"reversal", "true where the journal is a reversal"},
    {"reversed_by", "subject of the document that reverses this one"},
    {"reverses", "subject of the document that this one reverses"},
    {"rounding", "rounding of the amount to pay"},
    {"segment", "as the ERP has it"},
    {"service_end", "last day of the service"},
    {"service_start", "first day of the service"},
    {"source_system", "the profile's `system`, such as `jde`"},
    {"customer..status", "as the ERP has it"},
    {"invoice..status", "`open`, `partly_paid`, `paid`, `written_off`"},
    {"payment..status", "`received`, `returned`, `failed`"},
    {"tax", "tax"},
    {"tax_code", "as the ERP has it"},
    {"tax_code_mapped", "the same in the cloud, where tax codes are mapped"},
    {"tax_id", "tax number"},
    {"tax_local", "tax"},
    {"tax_rate", "per cent"},
    {"terms", "code of the payment terms"},
    {"text", "free text"},
    {"trading_partner", "company on the other side, within the group"},
    {"type", "`journal`, `invoice`, `credit_memo`, `payment`, `customer`, `usage`"},
    {"unapplied", "part that no invoice has got yet"},
    {"unit", "unit of the quantity"},
    {"usage..unit", "unit of the quantity, such as `GB`"},
    {"usage..quantity", "sum of the records"},
    {"user", "who entered it, as the ERP names them"},
    {"valid_from", "first day"},
    {"valid_to", "last day"},
    {"value_date", "date of value at the bank"},
    {"window_end", "last day that was counted"},
    {"window_start", "first day that was counted"},
    {"write_off", "settles the invoice beside the payment"},
    {"year", "fiscal year; 0 for master data"},
};

/* The forms of values, targets of $ref. A pattern stands beside a format because many readers ignore formats. */
static const char definitions[] =
    "  \"$defs\": {\n"
    "    \"text\": {\"type\": \"string\", \"minLength\": 1},\n"
    "    \"amount\": {\n"
    "      \"description\": \"exactly the minor units of `currency`\",\n"
    "      \"type\": \"string\",\n"
    "      \"pattern\": \"^-?(0|[1-9][0-9]{0,18})([.][0-9]{1,12})?$\"\n"
    "    },\n"
    "    \"amount_local\": {\n"
    "      \"description\": \"exactly the minor units of `local_currency`\",\n"
    "      \"type\": \"string\",\n"
    "      \"pattern\": \"^-?(0|[1-9][0-9]{0,18})([.][0-9]{1,12})?$\"\n"
    "    },\n"
    "    \"amount_group\": {\n"
    "      \"description\": \"exactly the minor units of `group_currency`\",\n"
    "      \"type\": \"string\",\n"
    "      \"pattern\": \"^-?(0|[1-9][0-9]{0,18})([.][0-9]{1,12})?$\"\n"
    "    },\n"
    "    \"decimal\": {\n"
    "      \"description\": \"as many digits as the ERP holds\",\n"
    "      \"type\": \"string\",\n"
    "      \"pattern\": \"^-?(0|[1-9][0-9]{0,18})([.][0-9]{1,12})?$\"\n"
    "    },\n"
    "    \"integer\": {\"type\": \"integer\", \"minimum\": -9007199254740991, \"maximum\": "
    "9007199254740991},\n"
    "    \"date\": {\"type\": \"string\", \"format\": \"date\", "
    "\"pattern\": \"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$\"},\n"
    "    \"boolean\": {\"type\": \"boolean\"},\n"
    "    \"currency\": {\"description\": \"ISO 4217\", \"type\": \"string\", \"pattern\": \"^[A-Z]{3}$\"},\n"
    "    \"year\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 2199},\n"
    "    \"period\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 16}\n"
    "  }\n";

static const char *find_description(const char *place)
{
	for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++) {
		if (strcmp(descriptions[i].place, place) == 0)
			return descriptions[i].text;
	}
	return NULL;
}

static const char *description_of(const struct document_spec *spec, const char *section, const char *key)
{
	char place[96];
	const char *type = strcmp(spec->name, "credit_memo") == 0 ? "invoice" : spec->name;
	(void)snprintf(place, sizeof place, "%s.%s.%s", type, section, key);
	const char *text = find_description(place);
	if (!text)
		text = find_description(key);
	if (!text) {
		(void)fprintf(stderr, "schemas: no description of %s in tools/schemas/schemas.c\n", place);
		exit(1);
	}
	return text;
}

static const char *form_of(const struct field_spec *field)
{
	static const char *const amounts[] = {"amount", "amount", "amount_local", "amount_group"};
	static const char *const currencies[] = {"currency", "local_currency", "group_currency"};
	for (size_t i = 0; i < sizeof currencies / sizeof currencies[0]; i++) {
		if (strcmp(field->key, currencies[i]) == 0)
			return "currency";
	}
	switch (field->kind) {
	case VALUE_AMOUNT:
		return amounts[field->currency];
	case VALUE_DECIMAL:
		return "decimal";
	case VALUE_INTEGER:
		return strcmp(field->key, "year") == 0 || strcmp(field->key, "period") == 0 ? field->key
		                                                                            : "integer";
	case VALUE_DATE:
		return "date";
	case VALUE_BOOLEAN:
		return "boolean";
	default:
		return "text";
	}
}

static const char *currency_key(enum value_currency currency)
{
	static const char *const keys[] = {"", "currency", "local_currency", "group_currency"};
	return keys[currency];
}

static void print_properties(const struct document_spec *spec, const char *section,
                             const struct field_spec *fields, int count, const char *indent)
{
	for (int i = 0; i < count; i++) {
		(void)printf("%s\"%s\": {\"description\": \"%s\", ", indent, fields[i].key,
		             description_of(spec, section, fields[i].key));
		if (section[0] == '\0' && strcmp(fields[i].key, "type") == 0)
			(void)printf("\"const\": \"%s\"}", spec->name);
		else
			(void)printf("\"$ref\": \"#/$defs/%s\"}", form_of(&fields[i]));
		(void)printf("%s", i + 1 < count ? ",\n" : "");
	}
}

static void print_required(const struct field_spec *fields, int count, const char *more, const char *indent)
{
	const char *comma = "";
	(void)printf("%s\"required\": [", indent);
	for (int i = 0; i < count; i++) {
		if (fields[i].required) {
			(void)printf("%s\"%s\"", comma, fields[i].key);
			comma = ", ";
		}
	}
	(void)printf("%s]", more);
}

/* The currency of an amount that is always there is always there as well. */
static bool needs_currency(const struct document_spec *spec)
{
	for (int i = 0; i < spec->header_count; i++) {
		if (spec->header[i].required && spec->header[i].currency == CURRENCY_DOCUMENT)
			return true;
	}
	for (int section = 0; section < SECTION_COUNT; section++) {
		const struct section_spec *lines = &spec->sections[section];
		for (int i = 0; lines->lines_min > 0 && i < lines->field_count; i++) {
			if (lines->fields[i].required && lines->fields[i].currency == CURRENCY_DOCUMENT)
				return true;
		}
	}
	return false;
}

/* An optional amount in another currency needs that currency in the header. */
static void print_dependent(const struct document_spec *spec)
{
	const char *before = "  \"dependentRequired\": {\n";
	for (int i = 0; i < spec->header_count; i++) {
		if (spec->header[i].kind != VALUE_AMOUNT || spec->header[i].currency == CURRENCY_DOCUMENT)
			continue;
		(void)printf("%s    \"%s\": [\"%s\"]", before, spec->header[i].key,
		             currency_key(spec->header[i].currency));
		before = ",\n";
	}
	if (before[0] == ',')
		(void)printf("\n  },\n");
}

static void print_sections(const struct document_spec *spec)
{
	for (int section = 0; section < SECTION_COUNT; section++) {
		const struct section_spec *lines = &spec->sections[section];
		if (!lines->key)
			continue;
		(void)printf(",\n    \"%s\": {\n      \"type\": \"array\",\n      \"minItems\": 1,\n"
		             "      \"items\": {\n        \"type\": \"object\",\n        \"properties\": {\n",
		             lines->key);
		print_properties(spec, lines->key, lines->fields, lines->field_count, "          ");
		(void)printf("\n        },\n");
		print_required(lines->fields, lines->field_count, "", "        ");
		(void)printf("\n      }\n    }");
	}
	(void)printf("\n");
}

static void print_schema(const struct document_spec *spec)
{
	char more[64] = "";
	if (needs_currency(spec))
		(void)snprintf(more, sizeof more, ", \"currency\"");
	for (int section = 0; section < SECTION_COUNT; section++) {
		if (spec->sections[section].lines_min > 0)
			(void)snprintf(more + strlen(more), sizeof more - strlen(more), ", \"%s\"",
			               spec->sections[section].key);
	}
	(void)printf(
	    "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	    "  \"$id\": \"urn:twinpost:schema:%s:" ENVELOPE_SCHEMA_VERSION "\",\n"
	    "  \"title\": \"%s " ENVELOPE_SCHEMA_VERSION "\",\n"
	    "  \"description\": \"The `data` of an event of type com.twinpost.%s.*.v1, or of one of its "
	    "parts.\",\n"
	    "  \"type\": \"object\",\n  \"properties\": {\n",
	    spec->name, spec->name, spec->event_name);
	print_properties(spec, "", spec->header, spec->header_count, "    ");
	print_sections(spec);
	(void)printf("  },\n");
	print_required(spec->header, spec->header_count, more, "  ");
	(void)printf(",\n");
	print_dependent(spec);
	(void)printf("%s}\n", definitions);
}

int main(int argc, char **argv)
{
	enum document_type type;
	if (argc == 1) {
		for (int i = 0; i < DOCUMENT_TYPE_COUNT; i++)
			(void)printf("%s-%s\n", document_spec((enum document_type)i)->name,
			             ENVELOPE_SCHEMA_VERSION);
	} else if (argc == 2 && document_type_find(&type, span_of(argv[1]))) {
		print_schema(document_spec(type));
	} else {
		(void)fprintf(stderr,
		              "usage: schemas [TYPE]\nWithout a type: the names and versions there are.\n");
		return 2;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "schemas: cannot write the schema\n");
		return 1;
	}
	return 0;
}
