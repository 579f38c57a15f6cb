/*
 * profile_fuzz.c - any text as a profile of an ERP.
 *
 * Why:   a profile is written by a consultant, and its SQL goes to a database of somebody else's.
 * Owns:  nothing that outlives one input.
 * Rules: 1. A profile that is refused has at least one problem, one that is taken has none.
 *        2. Every query of a profile that was taken can be written for every dialect and shape; it has as many markers
 *           as it has parameters, and no parameter's text stands in it.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/source/statement.h"

#include <string.h>

#define SQL_BYTES_MAX (1u << 20)
#define SECRET        "0secret0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_statement(const struct profile_query *query, const struct profile_key *unit_keys,
                            enum dialect dialect, struct statement_shape shape)
{
	struct statement_values values;
	struct source_param params[SOURCE_PARAMS_MAX];
	struct buf sql;
	int markers = 0;
	struct span *const texts[] = {values.since, values.after, values.unit[0]};
	const size_t counts[] = {2, PROFILE_KEYS_MAX, (size_t)PROFILE_UNITS_MAX * PROFILE_KEYS_MAX};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		for (size_t k = 0; k < counts[i]; k++)
			texts[i][k] = SPAN_LITERAL(SECRET);
	}
	buf_init(&sql, SQL_BYTES_MAX);
	statement_text(query, dialect, shape, &sql, &markers);
	CHECK(buf_ok(&sql));
	int count = statement_params(query, unit_keys, shape, &values, params);
	CHECK(count == markers && count <= SOURCE_PARAMS_MAX);
	for (int i = 0; i < count; i++)
		CHECK(span_equal(params[i].text, SPAN_LITERAL(SECRET)));
	int found = 0;
	for (size_t i = 0; i < sql.len; i++)
		found += sql.data[i] == '?';
	CHECK(found == markers);
	buf_release(&sql);
}

static void check_query(const struct profile_query *query, const struct profile_key *unit_keys)
{
	CHECK(query->key_count >= 1 && query->key_count <= PROFILE_KEYS_MAX);
	CHECK(query->column_count >= query->key_count && query->column_count <= SOURCE_COLUMNS_MAX);
	for (int dialect = DIALECT_LIMIT; dialect <= DIALECT_OFFSET_FETCH; dialect++) {
		for (int bits = 0; bits < 4; bits++) {
			int most = query->units_max > 1 ? query->units_max : 1;
			for (int units = 0; units <= most; units += most)
				check_statement(query, unit_keys, (enum dialect)dialect,
				                (struct statement_shape){.since = (bits & 1) != 0,
				                                         .after = (bits & 2) != 0,
				                                         .rows = 500,
				                                         .units = units});
		}
	}
}

static void check_feed(const struct profile_feed *feed)
{
	bool gated = feed->strategy == STRATEGY_POSTED_GATE;
	CHECK(feed->name[0] && feed->types != 0);
	if (gated) {
		CHECK(feed->unit_keys >= 1 && feed->unit_keys <= feed->gate.key_count);
		check_query(&feed->gate, NULL);
	}
	check_query(&feed->rows, gated ? &feed->gate.keys[feed->gate.key_count - feed->unit_keys] : NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config_problems problems;
	static const struct config_parameter parameters[] = {{.name = "schema", .value = "PRODDTA."}};
	bool parameterised = size > 0 && data[0] == '!';
	const struct span text = {(const char *)data + parameterised, size - parameterised};
	config_problems_init(&problems);
	struct profile *profile =
	    profile_load(text, "fuzz.yaml", parameterised ? parameters : NULL, parameterised, &problems);
	CHECK((profile == NULL) == (problems.count > 0));
	for (int i = 0; i < problems.count; i++)
		CHECK(problems.list[i].text[0] && memchr(problems.list[i].text, 0, ERR_TEXT_MAX));
	if (profile) {
		CHECK(profile->feed_count >= 1 && profile->feed_count <= PROFILE_FEEDS_MAX);
		for (int i = 0; i < profile->feed_count; i++)
			check_feed(&profile->feeds[i]);
		(void)profile_clock_sql(profile, SPAN_LITERAL("PostgreSQL"));
	}
	profile_free(profile);
	return 0;
}
