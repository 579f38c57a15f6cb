/*
 * cause.c - the book of causes: learning, naming, and documents that stand alone.
 *
 * Why:   see cause.h.
 * Owns:  struct cause_book.
 * Rules: 1. Learning takes from a document only what it says without doubt: a move of which there is one choice.
 *        2. A document that stands alone is late only if its counterpart did come late, or if it was posted so
 *           shortly before the cut that it may be under way; days of arrival of its own say nothing, for a first
 *           delivery brings months at once.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_test.c
 */
#include "connector/compare/cause.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/cause_internal.h"

#define QUOTED_MAX    60
#define SUBJECT_PARTS 4

static const struct {
	const char *word;
	enum store_owner owner;
	const char *sentence;
} list[CAUSE_COUNT] = {
#define CAUSE_ENTRY(identifier, name, owner, sentence) {name, STORE_OWNER_##owner, sentence},
    CAUSES(CAUSE_ENTRY)
#undef CAUSE_ENTRY
};

const char *cause_word(enum cause cause)
{
	CHECK(cause < CAUSE_COUNT);
	return list[cause].word;
}

const char *cause_sentence(enum cause cause)
{
	CHECK(cause < CAUSE_COUNT);
	return list[cause].sentence;
}

enum store_owner cause_owner(enum cause cause)
{
	CHECK(cause < CAUSE_COUNT);
	return list[cause].owner;
}

bool named(struct cause_name *name, enum cause cause, const char *detail, const char *format, ...)
{
	va_list args;
	*name = (struct cause_name){.cause = cause, .owner = cause_owner(cause)};
	(void)snprintf(name->detail, sizeof name->detail, "%s", detail);
	va_start(args, format);
	(void)vsnprintf(name->text, sizeof name->text, format, args);
	va_end(args);
	return true;
}

int quoted(struct span code)
{
	size_t len = code.len;
	if (len <= QUOTED_MAX)
		return (int)len;
	/* Cut before a whole character, so that the sentence stays UTF-8. */
	for (len = QUOTED_MAX; len > 0 && ((unsigned char)code.data[len] & 0xc0) == 0x80;)
		len--;
	return (int)len;
}

void print_minor(int64_t units, int digits, char text[DECIMAL_TEXT_MAX])
{
	CHECK(digits >= 0 && digits <= DECIMAL_SCALE_MAX);
	(void)decimal_print((struct decimal){units, (uint8_t)digits}, text);
}

struct cause_book *cause_book_new(const struct cause_options *options)
{
	struct cause_book *book = mem_alloc(sizeof *book);
	book->options = *options;
	book->moves.max = CAUSE_FACTS_MAX;
	book->codes.max = 2 * CAUSE_FACTS_MAX;
	book->groups = groups_new();
	return book;
}

void cause_book_free(struct cause_book *book)
{
	if (book == NULL)
		return;
	facts_release(&book->moves);
	facts_release(&book->codes);
	groups_free(book->groups);
	free(book);
}

int64_t cause_refused(const struct cause_book *book)
{
	return book->moves.refused + book->codes.refused;
}

void content_of(const struct view *view, char text[CAUSE_DETAIL_MAX * 2])
{
	(void)snprintf(text, CAUSE_DETAIL_MAX * 2, "%d|%.*s|%lld|%d|%.*s", (int)view->type,
	               quoted(view->currency), view->currency.len > 0 ? view->currency.data : "",
	               (long long)view->total, view->has_posting ? (int)view->posting : CAUSE_NO_DATE,
	               quoted(view->party), view->party.len > 0 ? view->party.data : "");
}

static void count_code(struct cause_book *book, const struct view *legacy, enum fact_kind kind,
                       struct span code)
{
	if (code.len > 0)
		facts_count(&book->codes, kind, legacy->entity, code, SPAN_LITERAL(""), book->documents);
}

static void count_codes(struct cause_book *book, const struct view *legacy)
{
	count_code(book, legacy, FACT_ENTITY, legacy->entity);
	count_code(book, legacy, FACT_PARTY, legacy->party);
	count_code(book, legacy, FACT_DOCUMENT_TYPE, legacy->attributes[VIEW_DOCUMENT_TYPE]);
	for (int i = 0; i < legacy->line_count; i++) {
		for (int kind = 0; kind < FACT_LINE_KINDS; kind++)
			count_code(book, legacy, (enum fact_kind)kind,
			           shape_part(&legacy->lines[i], (enum fact_kind)kind));
	}
}

void cause_seen(struct cause_book *book, const struct view *legacy)
{
	CHECK(!book->settled);
	book->documents++;
	count_codes(book, legacy);
}

static void learn_pair(struct cause_book *book, const struct cause_evidence *evidence)
{
	const struct view *legacy = evidence->legacy, *cloud = evidence->cloud;
	const struct shape *shape = &book->shape;
	struct span entity = legacy->entity;
	count_codes(book, legacy);
	shape_read(book, evidence);
	for (int i = 0; i < shape->move_count && !shape->ambiguous; i++)
		facts_count(&book->moves, shape->moves[i].kind, entity, shape->moves[i].from,
		            shape->moves[i].to, book->documents);
	if (shape->entity)
		facts_count(&book->moves, FACT_ENTITY, entity, entity, cloud->entity, book->documents);
	static const struct {
		enum fact_kind kind;
		enum view_attribute attribute;
	} codes[] = {{FACT_PARTY, VIEW_PARTY}, {FACT_DOCUMENT_TYPE, VIEW_DOCUMENT_TYPE}};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct span from = legacy->attributes[codes[i].attribute];
		struct span to = cloud->attributes[codes[i].attribute];
		if (from.len > 0 && to.len > 0 && !span_equal(from, to))
			facts_count(&book->moves, codes[i].kind, entity, from, to, book->documents);
	}
	if (shape_tax_only(shape) && shape_single_units(shape, legacy, 1))
		facts_count(&book->moves, FACT_CENTS, entity, SPAN_LITERAL(""), SPAN_LITERAL(""),
		            book->documents);
}

void cause_learn(struct cause_book *book, const struct cause_evidence *evidence)
{
	char content[CAUSE_DETAIL_MAX * 2];
	CHECK(!book->settled);
	book->documents++;
	if (evidence->status == CAUSE_OF_DIFFERENT && evidence->legacy != NULL && evidence->cloud != NULL) {
		learn_pair(book, evidence);
		return;
	}
	bool in_legacy = evidence->status == CAUSE_OF_MISSING_CLOUD && evidence->legacy != NULL;
	bool in_cloud = evidence->status == CAUSE_OF_MISSING_LEGACY && evidence->cloud != NULL;
	const struct view *view = in_legacy ? evidence->legacy : evidence->cloud;
	if (!in_legacy && !in_cloud)
		return;
	if (in_legacy)
		count_codes(book, view);
	content_of(view, content);
	facts_count(&book->codes, FACT_CONTENT, view->entity, span_of(content),
	            in_legacy ? SPAN_LITERAL("legacy") : SPAN_LITERAL("cloud"), book->documents);
}

void cause_settle(struct cause_book *book)
{
	CHECK(!book->settled);
	book->settled = true;
}

/* entity/type/year/number */
static bool is_subject(struct span subject)
{
	int parts = 1;
	for (size_t i = 0; i < subject.len; i++)
		parts += subject.data[i] == '/';
	return parts == SUBJECT_PARTS;
}

static bool is_late(const struct cause_book *book, const struct cause_evidence *evidence,
                    const struct view *view, struct cause_name *name)
{
	bool in_legacy = evidence->status == CAUSE_OF_MISSING_CLOUD;
	date_days arrived = in_legacy ? evidence->cloud_arrived : evidence->legacy_arrived;
	char day[DATE_TEXT_SIZE];
	if (arrived != CAUSE_NO_DATE && evidence->period_end != CAUSE_NO_DATE &&
	    arrived > evidence->period_end) {
		date_print(arrived, day);
		return named(name, CAUSE_LATE_POSTING, "after the period",
		             "its counterpart came on %s, when the period was closed", day);
	}
	if (arrived != CAUSE_NO_DATE && evidence->cut != CAUSE_NO_DATE && arrived > evidence->cut) {
		date_print(arrived, day);
		return named(name, CAUSE_LATE_POSTING, "after the cut",
		             "its counterpart came on %s, after the cut", day);
	}
	if (view->has_posting && evidence->cut != CAUSE_NO_DATE &&
	    (int64_t)evidence->cut - view->posting < book->options.near_cut_days) {
		date_print(view->posting, day);
		return named(name, CAUSE_LATE_POSTING, "near the cut",
		             "posted on %s, shortly before the cut: the counterpart may be under way", day);
	}
	return false;
}

/* Two documents that miss each other and are alike in all that they say: their identity is broken. */
static bool is_stranger(const struct cause_book *book, const struct view *view, struct cause_name *name)
{
	char content[CAUSE_DETAIL_MAX * 2];
	content_of(view, content);
	if (view->total == 0 ||
	    facts_of(&book->codes, FACT_CONTENT, view->entity, span_of(content), SPAN_LITERAL("legacy")) !=
	        1 ||
	    facts_of(&book->codes, FACT_CONTENT, view->entity, span_of(content), SPAN_LITERAL("cloud")) != 1)
		return false;
	return named(
	    name, CAUSE_DATA_QUALITY, "identity",
	    "the other ledger has one document of the same kind, amount, party and date under another "
	    "identity");
}

void cause_of_presence(struct cause_book *book, const struct cause_evidence *evidence,
                       struct cause_name *name)
{
	bool in_legacy = evidence->status == CAUSE_OF_MISSING_CLOUD;
	const struct view *view = in_legacy ? evidence->legacy : evidence->cloud;
	CHECK(view != NULL);
	if (in_legacy && view->missing_count > 0) {
		struct span code = view->missing[0].code;
		char detail[CAUSE_DETAIL_MAX];
		const char *kind = mapping_kind_name(view->missing[0].kind);
		(void)snprintf(detail, sizeof detail, "%s %.*s > ?", kind, quoted(code), code.data);
		(void)named(name, CAUSE_MAPPING, detail,
		            "not in the cloud: %s \"%.*s\" has no row in the mapping", kind, quoted(code),
		            code.data);
		return;
	}
	if (!in_legacy && view->origins > 1) {
		(void)named(name, CAUSE_AGGREGATION, "",
		            "it stands for %d legacy documents that it does not equal", view->origins);
		return;
	}
	if (!in_legacy && view->origin.len > 0 && !is_subject(view->origin)) {
		(void)named(name, CAUSE_DATA_QUALITY, "identity",
		            "its origin \"%.*s\" is no document's subject", quoted(view->origin),
		            view->origin.data);
		return;
	}
	if (is_late(book, evidence, view, name) || is_stranger(book, view, name))
		return;
	(void)named(name, CAUSE_MISSING, in_legacy ? "in the cloud" : "in the legacy ledger",
	            in_legacy ? "the cloud has no such document" : "the legacy ledger has no such document");
}

void cause_name(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name)
{
	CHECK(book->settled);
	switch (evidence->status) {
	case CAUSE_OF_DIFFERENT:
		cause_of_pair(book, evidence, name);
		break;
	case CAUSE_OF_MISSING_CLOUD:
	case CAUSE_OF_MISSING_LEGACY:
		cause_of_presence(book, evidence, name);
		break;
	case CAUSE_OF_DUPLICATE:
		(void)named(name, CAUSE_DUPLICATE, "", "the cloud posted the document more than once");
		break;
	case CAUSE_OF_AMBIGUOUS:
		(void)named(name, CAUSE_UNEXPLAINED, "ambiguous",
		            "several documents could be its counterpart; none is taken by guessing");
		break;
	default:
		BUG("a status of cause_evidence");
	}
}
