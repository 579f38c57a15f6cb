/*
 * rules_fuzz.c - any bytes as the files of a directory of rules.
 *
 * Why:   the files come from spreadsheets of many hands.
 * Owns:  nothing that outlives one input.
 * Rules: 1. The first byte says how many files there are and of which kinds; 0xff ends one.
 *        2. Rules that are finished without a problem answer: every row maps its own code on its first and last day to
 *           what it says, so that it has no gap between them; a kind without a file keeps every code.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/compare/rules_gaps.h"

#include <stdlib.h>
#include <string.h>

#include "connector/posting/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"account", "cost_centre",   "tax_code",  "customer",
                                    "entity",  "document_type", "tolerance", "attribute"};

#define NAMES (sizeof names / sizeof names[0])

struct visit {
	const struct rules *rules;
	enum mapping_kind kind;
	int64_t rows;
};

static void check_on(const struct visit *visit, const struct mapping_row *row, date_days on)
{
	struct span mapped;
	CHECK(rules_map(visit->rules, visit->kind, row->entity, row->from, on, &mapped));
	CHECK(span_equal(mapped, span_equal(row->to, SPAN_LITERAL("=")) ? row->from : row->to));
}

static bool check_row(void *self, const struct mapping_row *row)
{
	struct visit *visit = self;
	visit->rows++;
	CHECK(row->from.len > 0 && row->from.len <= RULES_CODE_MAX && row->to.len > 0 &&
	      row->to.len <= RULES_CODE_MAX && row->entity.len > 0 && row->valid_from <= row->valid_to);
	CHECK(utf8_valid(row->from) && utf8_valid(row->to) && utf8_valid(row->note));
	date_days first = row->valid_from == INT32_MIN ? -20000 : row->valid_from;
	date_days last = row->valid_to == INT32_MAX ? 80000 : row->valid_to;
	check_on(visit, row, first);
	check_on(visit, row, last);
	struct rules_seen seen = {visit->kind, row->entity, row->from, first, last, 1};
	struct rules_gaps gaps;
	rules_gaps_init(&gaps);
	if (visit->rows < 50)
		rules_gaps_find(&gaps, visit->rules, &seen, 1);
	CHECK(gaps.gaps == 0 && gaps.codes == 0);
	rules_gaps_release(&gaps);
	return true;
}

static void check_rules(const struct rules *rules)
{
	for (int kind = 0; kind < MAPPING_KIND_COUNT; kind++) {
		struct visit visit = {rules, (enum mapping_kind)kind, 0};
		struct span mapped;
		rules_visit(rules, visit.kind, check_row, &visit);
		CHECK(visit.rows == rules_count(rules, visit.kind));
		(void)!rules_map(rules, visit.kind, SPAN_LITERAL("1"), SPAN_LITERAL("2"), 20000, &mapped);
		CHECK(rules_has(rules, visit.kind) || span_equal(mapped, SPAN_LITERAL("2")));
	}
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		struct decimal amount = rules_tolerance(rules, SPAN_LITERAL("1"), SPAN_LITERAL("EUR"),
		                                        (enum document_type)type, SPAN_LITERAL("2"));
		CHECK(decimal_sign(amount) >= 0);
		(void)!rules_compares(rules, (enum document_type)type, SPAN_LITERAL("terms"), true);
	}
	CHECK(strlen(rules_version(rules)) == RULES_VERSION_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *rules = rules_new();
	struct rules_problems *problems = mem_alloc(sizeof *problems);
	uint8_t kinds = size > 0 ? data[0] : 0;
	size_t at = size > 0 ? 1 : 0;
	for (size_t i = 0; i < NAMES; i++) {
		if (!(kinds & 1u << i))
			continue;
		const uint8_t *end = at < size ? memchr(data + at, 0xff, size - at) : NULL;
		size_t len = end ? (size_t)(end - data) - at : size - at;
		int before = problems->total;
		bool good = rules_add(rules, names[i], (struct span){(const char *)data + at, len}, problems);
		CHECK(good == (problems->total == before));
		at = end ? (size_t)(end - data) + 1 : size;
	}
	bool good = rules_finish(rules, problems);
	CHECK(good == (problems->total == 0));
	CHECK(problems->count <= RULES_PROBLEMS_MAX && problems->count <= problems->total);
	for (int i = 0; i < problems->count; i++)
		CHECK(problems->list[i].line >= 0 && problems->list[i].text[0] && problems->list[i].file[0]);
	if (good)
		check_rules(rules);
	rules_free(rules);
	free(problems);
	return 0;
}
