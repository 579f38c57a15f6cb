/*
 * pair_random_test.c - random pairs of documents: matched, equal fingerprints and equal content are one and the same.
 *
 * Why:   whole months are proven equal by fingerprints; a pair that matched without them, or they without it, is a lie.
 * Owns:  the trial: a fixture, chance, and both sides' content as text.
 * Rules: 1. Whether two documents are equal is worked out a second time, by tests/lib/view_oracle.c.
 *        2. Each pair is compared with its sides swapped, too.
 * Runs in: the tests.
 */
#include "tests/lib/random_postings.h"
#include "tests/lib/view_oracle.h"
#include "tests/unit/pair_fixture.h"

#define ROUNDS     60000
#define RULE_SETS  300
#define ORACLE_MAX (1u << 20)

struct trial {
	struct fixture *fixture;
	struct pair mirrored;
	struct sim_random random;
	struct buf legacy_text, cloud_text;
};

static int begin(void **state)
{
	struct trial *trial = calloc(1, sizeof *trial);
	void *fixture = NULL;
	assert_non_null(trial);
	assert_int_equal(set_up(&fixture), 0);
	trial->fixture = fixture;
	buf_init(&trial->legacy_text, ORACLE_MAX);
	buf_init(&trial->cloud_text, ORACLE_MAX);
	sim_random_init(&trial->random, 4);
	*state = trial;
	return 0;
}

static int end(void **state)
{
	struct trial *trial = *state;
	void *fixture = trial->fixture;
	assert_int_equal(tear_down(&fixture), 0);
	buf_release(&trial->legacy_text);
	buf_release(&trial->cloud_text);
	free(trial);
	return 0;
}

/* Where the sides change places, all amounts do, and what is the cloud's less the legacy's changes its sign. */
static void assert_mirrored(const struct pair *pair, const struct pair *mirrored)
{
	assert_int_equal(mirrored->class_, pair->class_);
	assert_int_equal(mirrored->count, pair->count);
	assert_int_equal(mirrored->kept, pair->kept);
	assert_int_equal(mirrored->net_delta, -pair->net_delta);
	if (pair->amounts_compared)
		assert_int_equal(mirrored->gross_delta, pair->gross_delta);
	for (int i = 0; i < pair->kept; i++) {
		const struct pair_difference *a = &pair->differences[i];
		const struct pair_difference *b = &mirrored->differences[i];
		assert_string_equal(a->field, b->field);
		assert_string_not_equal(a->field, "form");
		assert_int_equal(a->tolerated, b->tolerated);
		assert_int_equal(a->legacy_amount, b->cloud_amount);
		assert_int_equal(a->cloud_amount, b->legacy_amount);
		assert_int_equal(a->legacy_has, b->cloud_has);
		assert_int_equal(a->cloud_has, b->legacy_has);
		assert_true(span_equal(a->account, b->account) && span_equal(a->entity, b->entity));
		assert_true(span_equal(a->legacy_text, b->cloud_text));
		assert_true(span_equal(a->cloud_text, b->legacy_text));
	}
}

/* Compares, in both directions, and holds the fingerprints against the pair. true: matched. */
static bool check_pair(struct trial *trial)
{
	struct fixture *fixture = trial->fixture;
	const struct pair *pair = &fixture->pair;
	compare(fixture);
	bool matched = pair->class_ == PAIR_MATCHED;
	assert_int_equal(matched, prints_equal(fixture));
	assert_int_equal(matched, pair->count == 0);
	pair_compare(&fixture->cloud_view, &fixture->legacy_view, fixture->rules, &trial->mirrored);
	assert_mirrored(pair, &trial->mirrored);
	for (int i = 0; i < pair->kept && pair->class_ == PAIR_WITHIN_TOLERANCE; i++)
		assert_true(pair->differences[i].tolerated && pair->gross_delta == 0);
	return matched;
}

/* The same, and the oracle comes to the same. */
static bool check_random_pair(struct trial *trial)
{
	struct fixture *fixture = trial->fixture;
	view_oracle(&fixture->legacy, &trial->legacy_text);
	view_oracle(&fixture->cloud, &trial->cloud_text);
	bool equal = span_equal(buf_span(&trial->legacy_text), buf_span(&trial->cloud_text));
	if (equal != check_pair(trial)) {
		print_message("# legacy\n%s# cloud\n%s", buf_cstr(&trial->legacy_text),
		              buf_cstr(&trial->cloud_text));
		fail_msg("to the oracle they are %s", equal ? "equal" : "different");
	}
	return equal;
}

static void make_random_pair(struct trial *trial, enum document_type type, uint64_t changes_max)
{
	struct fixture *fixture = trial->fixture;
	random_posting(&trial->random, &fixture->legacy, type);
	copy_document(&fixture->cloud, &fixture->legacy);
	for (uint64_t left = sim_random_below(&trial->random, changes_max + 1); left > 0; left--)
		random_change(&trial->random, &fixture->cloud,
		              (enum posting_change)sim_random_below(&trial->random, CHANGE_COUNT));
}

static void test_random_pairs(void **state)
{
	struct trial *trial = *state;
	int equal_pairs = 0;
	for (int round = 0; round < ROUNDS; round++) {
		enum document_type type = (enum document_type)(round % DOCUMENT_TYPE_COUNT);
		make_random_pair(trial, type, 4);
		equal_pairs += check_random_pair(trial);
	}
	/* Neither was rare. */
	assert_in_range(equal_pairs, ROUNDS / 10, ROUNDS / 10 * 9);
}

/* Documents that share nothing but their kind. */
static void test_random_strangers(void **state)
{
	struct trial *trial = *state;
	struct fixture *fixture = trial->fixture;
	for (int round = 0; round < ROUNDS / 4; round++) {
		random_posting(&trial->random, &fixture->legacy,
		               (enum document_type)sim_random_below(&trial->random, DOCUMENT_TYPE_COUNT));
		random_posting(&trial->random, &fixture->cloud,
		               (enum document_type)sim_random_below(&trial->random, DOCUMENT_TYPE_COUNT));
		(void)check_random_pair(trial);
	}
}

/* Each kind of change by itself is found at times; order, splitting and what is not compared never are. */
static void test_each_change(void **state)
{
	struct trial *trial = *state;
	struct fixture *fixture = trial->fixture;
	for (int change = 0; change < CHANGE_COUNT; change++) {
		int found = 0;
		for (int round = 0; round < ROUNDS / CHANGE_COUNT; round++) {
			enum document_type type = (enum document_type)(round % DOCUMENT_TYPE_COUNT);
			random_posting(&trial->random, &fixture->legacy, type);
			copy_document(&fixture->cloud, &fixture->legacy);
			random_change(&trial->random, &fixture->cloud, (enum posting_change)change);
			found += !check_random_pair(trial);
		}
		bool neutral = change == CHANGE_ORDER || change == CHANGE_SPLIT || change == CHANGE_IGNORED;
		if (neutral != (found == 0))
			fail_msg("%s: found %d times", posting_change_name((enum posting_change)change),
			         found);
	}
}

/* With any of the attributes in or out, and some tolerance: fingerprints know no tolerance. */
static void test_random_rules(void **state)
{
	struct trial *trial = *state;
	struct fixture *fixture = trial->fixture;
	char csv[4096];
	int within = 0;
	for (int set = 0; set < RULE_SETS; set++) {
		struct rules_problems problems = {0};
		size_t len = (size_t)snprintf(csv, sizeof csv, "document_type,attribute,compare\n");
		for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++)
			len += (size_t)snprintf(csv + len, sizeof csv - len, "*,%s,%s\n",
			                        view_attribute_name((enum view_attribute)i),
			                        sim_random_below(&trial->random, 2) ? "yes" : "no");
		rules_free(fixture->rules);
		fixture->rules = rules_new();
		assert_true(rules_add(fixture->rules, "attribute", span_of(csv), &problems));
		assert_true(rules_add(fixture->rules, "tolerance",
		                      SPAN_LITERAL("entity,currency,document_type,account,amount\n"
		                                   "*,EUR,*,4000,0.01\n*,EUR,*,*,0.03\n*,*,*,*,2\n"),
		                      &problems));
		assert_true(rules_finish(fixture->rules, &problems));
		for (int round = 0; round < 100; round++) {
			make_random_pair(trial, (enum document_type)(round % DOCUMENT_TYPE_COUNT), 2);
			/* Codes stay on both sides: there are no mappings. */
			(void)check_pair(trial);
			within += fixture->pair.class_ == PAIR_WITHIN_TOLERANCE;
		}
	}
	assert_true(within > RULE_SETS);
}

#define WITH_TRIAL(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_TRIAL(test_random_pairs),
	    WITH_TRIAL(test_random_strangers),
	    WITH_TRIAL(test_each_change),
	    WITH_TRIAL(test_random_rules),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
