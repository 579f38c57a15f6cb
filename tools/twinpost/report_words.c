/*
 * report_words.c - the words and numbers of a report.
 *
 * Why:   see report_words.h.
 * Owns:  nothing.
 * Rules: see report_words.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/date.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define MINUS       "\xe2\x88\x92"
#define ELLIPSIS    "\xe2\x80\xa6"

/* ---- text ---- */

/* Bytes of the character that stands here; 0: none does. */
static size_t character_bytes(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	return strnlen(text, length) == length && utf8_valid((struct span){text, length}) ? length : 0;
}

/* Controls of ASCII and Latin-1; U+200E-200F, U+2028-202E, U+2066-2069 turn or break lines; U+FEFF, U+FFFE, U+FFFF. */
static bool is_forbidden(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];
	unsigned char last = (unsigned char)text[length - 1];
	if (length == 1)
		return first < 0x20 || first == 0x7f;
	if (length == 2)
		return first == 0xc2 && last < 0xa0;
	if (strncmp(text, "\xe2\x80", 2) == 0)
		return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
	if (strncmp(text, "\xe2\x81", 2) == 0)
		return last >= 0xa6 && last <= 0xa9;
	return strncmp(text, "\xef\xbb\xbf", 3) == 0 || (strncmp(text, "\xef\xbf", 2) == 0 && last >= 0xbe);
}

void words_text(const char *text, size_t characters, struct buf *out)
{
	for (size_t count = 0; *text; count++) {
		size_t length = character_bytes(text);
		if (count == characters) {
			buf_append_text(out, ELLIPSIS);
			return;
		}
		if (length == 0 || is_forbidden(text, length))
			buf_append_text(out, REPLACEMENT);
		else
			buf_append(out, text, length);
		text += length ? length : 1;
	}
}

/* ---- numbers ---- */

/* Digits before the point in groups of three, then the rest as it stands. */
static void append_grouped(const char *digits, struct buf *out)
{
	size_t whole = strcspn(digits, ".");
	for (size_t i = 0; i < whole; i++) {
		if (i > 0 && (whole - i) % 3 == 0)
			buf_append_char(out, ',');
		buf_append_char(out, digits[i]);
	}
	buf_append_text(out, digits + whole);
}

void words_decimal(struct decimal amount, struct buf *out)
{
	char text[DECIMAL_TEXT_MAX];
	(void)decimal_print(amount, text);
	if (text[0] == '-')
		buf_append_text(out, MINUS);
	append_grouped(text + (text[0] == '-'), out);
}

void words_amount(const char *amount, struct buf *out)
{
	struct decimal value;
	if (decimal_parse(&value, span_of(amount)) == ERR_OK)
		words_decimal(value, out);
	else
		words_text(amount, WORDS_CODE_CHARACTERS, out);
}

void words_count(int64_t count, struct buf *out)
{
	words_decimal((struct decimal){count, 0}, out);
}

void words_share(const char *share, struct buf *out)
{
	struct decimal value;
	struct decimal percent;
	if (decimal_parse(&value, span_of(share)) != ERR_OK ||
	    decimal_multiply(&percent, value, (struct decimal){100, 0}) != ERR_OK) {
		words_text(share, WORDS_CODE_CHARACTERS, out);
		return;
	}
	/* Trailing zeros of a share say nothing. */
	while (percent.scale > 0 && percent.units % 10 == 0) {
		percent.units /= 10;
		percent.scale--;
	}
	words_decimal(percent, out);
	buf_append_text(out, "\xc2\xa0%");
}

void words_date(const char *iso, struct buf *out)
{
	static const char *const months[] = {"January",   "February", "March",    "April",
	                                     "May",       "June",     "July",     "August",
	                                     "September", "October",  "November", "December"};
	date_days date;
	int year;
	int month;
	int day;
	if (date_parse(&date, span_of(iso)) != ERR_OK) {
		words_text(iso, WORDS_CODE_CHARACTERS, out);
		return;
	}
	date_to_civil(date, &year, &month, &day);
	buf_printf(out, "%d %s %d", day, months[month - 1], year);
	if (strlen(iso) >= 16 && iso[10] == 'T')
		buf_printf(out, ", %.5s UTC", iso + 11);
}

/* ---- codes ---- */

struct word {
	const char *code, *name;
};

const char *words_code(const char *code, char buffer[WORDS_CODE_SIZE])
{
	struct buf text;
	buf_init(&text, 4 * WORDS_CODE_SIZE);
	words_text(code, WORDS_CODE_CHARACTERS, &text);
	(void)snprintf(buffer, WORDS_CODE_SIZE, "%s", buf_cstr(&text));
	buf_release(&text);
	for (char *c = buffer; *c; c++)
		*c = *c == '_' ? ' ' : *c;
	return buffer;
}

static const char *find(const struct word *words, size_t count, const char *code,
                        char buffer[WORDS_CODE_SIZE])
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i].code, code) == 0)
			return words[i].name;
	}
	return buffer ? words_code(code, buffer) : NULL;
}
#define FIND(words, code, buffer) find(words, sizeof(words) / sizeof(words)[0], code, buffer)

const char *words_usage(const char *class_, char buffer[WORDS_CODE_SIZE])
{
	static const struct word words[] = {{"agree", "agrees"},
	                                    {"billing_differs", "billing took another quantity"},
	                                    {"erp_differs", "the ERP invoiced another quantity"},
	                                    {"gap", "nobody has these days"},
	                                    {"missing_billing", "not in billing"},
	                                    {"missing_erp", "not invoiced by the ERP"},
	                                    {"missing_source", "not metered"},
	                                    {"overlap", "days counted twice"},
	                                    {"unit_differs", "units differ"}};
	return FIND(words, class_, buffer);
}

const char *words_status(const char *status, char buffer[WORDS_CODE_SIZE])
{
	static const struct word words[] = {{"matched", "agrees"},
	                                    {"matched_within_tolerance", "agrees within tolerance"},
	                                    {"different", "differs"},
	                                    {"missing_cloud", "missing in the cloud"},
	                                    {"missing_legacy", "missing in the ERP"},
	                                    {"waiting_cloud", "on its way to the cloud"},
	                                    {"waiting_legacy", "not yet in the ERP"},
	                                    {"duplicate", "posted twice"},
	                                    {"ambiguous", "several candidates"},
	                                    {"accepted", "accepted"}};
	return FIND(words, status, buffer);
}

bool words_waits(const char *status)
{
	return strcmp(status, "waiting_cloud") == 0 || strcmp(status, "waiting_legacy") == 0;
}

const char *words_state(const char *state, char buffer[WORDS_CODE_SIZE])
{
	static const struct word words[] = {{"acknowledged", "in hand"},
	                                    {"accept_pending", "accepted by one of two"},
	                                    {"fixed_by_booking", "fixed by a booking"},
	                                    {"auto_resolved", "ended by itself"}};
	return FIND(words, state, buffer);
}

const char *words_verdict(const char *verdict)
{
	static const struct word words[] = {{"incomplete", "Incomplete"},
	                                    {"breaks", "Breaks"},
	                                    {"reconciled_with_warnings", "Reconciled with warnings"},
	                                    {"reconciled_with_pending", "Reconciled with pending items"},
	                                    {"reconciled", "Reconciled"}};
	const char *name = FIND(words, verdict, NULL);
	return name ? name : "Incomplete";
}

#define IT         "IT operations"
#define OPERATIONS "Finance operations"
#define MIGRATION  "Migration team"
#define CONTROLLER "Controller"

static const struct cause {
	const char *code, *name, *owner, *action;
} causes[] = {
    {"timing", "Timing", CONTROLLER,
     "Decide which period counts; correct it where it is wrong, or accept it by cause."},
    {"mapping", "Mapping", MIGRATION,
     "Correct the mapping table, try it on the stored documents, then post again."},
    {"master_data", "Master data", OPERATIONS, "Bring both customer masters to the same terms and numbers."},
    {"rounding", "Rounding", CONTROLLER,
     "Agree on one way of rounding; set it in the cloud, or accept the cents by cause."},
    {"fx_rate", "Exchange rate", CONTROLLER,
     "Agree on source and date of the rate; value these documents again."},
    {"tax", "Tax", MIGRATION,
     "Correct the mapping of tax codes; reverse the wrong tax in the cloud before it is declared."},
    {"aggregation", "Collective documents", MIGRATION,
     "Let the cloud name the documents that a collective one stands for."},
    {"duplicate", "Posted twice", OPERATIONS, "Reverse the second posting in the cloud."},
    {"late_posting", "Late posting", CONTROLLER,
     "See that what came late stands in the right period; what is still on its way ends by itself."},
    {"data_quality", "Data quality", OPERATIONS,
     "Correct the data where it was entered; it is compared again by itself."},
    {"missing", "Missing", IT,
     "See where it stayed: twinpost trace SUBJECT; then send it again, or post it by hand."},
    {"amount", "Amount", OPERATIONS, "Lay both vouchers side by side and correct the wrong one."},
    {"unexplained", "Unexplained", CONTROLLER, "Examine each one by hand: no rule explains it."},
};

static const struct cause *find_cause(const char *code)
{
	for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		if (strcmp(causes[i].code, code) == 0)
			return &causes[i];
	}
	return NULL;
}

const char *words_cause(const char *cause, char buffer[WORDS_CODE_SIZE])
{
	const struct cause *found = find_cause(cause);
	return found ? found->name : words_code(cause, buffer);
}

const char *words_owner(const char *cause, const char *owner)
{
	static const struct word owners[] = {
	    {"technical", IT}, {"data_quality", OPERATIONS}, {"mapping", MIGRATION}, {"policy", CONTROLLER}};
	const struct cause *found = find_cause(cause);
	const char *named = FIND(owners, owner, NULL);
	return named ? named : found ? found->owner : MIGRATION;
}

const char *words_action(const char *cause)
{
	const struct cause *found = find_cause(cause);
	return found ? found->action : "Examine these documents by hand.";
}

const char *words_step(const char *step, char buffer[WORDS_CODE_SIZE])
{
	static const struct word words[] = {{"legacy", "ERP"},
	                                    {"cloud", "Cloud"},
	                                    {"missing_cloud", "Missing in the cloud"},
	                                    {"missing_legacy", "Missing in the ERP"},
	                                    {"waiting_cloud", "On its way to the cloud"},
	                                    {"waiting_legacy", "Not yet in the ERP"},
	                                    {"ambiguous", "Several candidates"}};
	const char *name = FIND(words, step, NULL);
	return name ? name : words_cause(step, buffer);
}
