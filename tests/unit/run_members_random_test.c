/*
 * run_members_random_test.c - random groups: one document of the cloud for several, or several for one, and one edit.
 *
 * Why:   what is joined and what members may disagree in is where a comparison forgives; it must forgive nothing else.
 * Owns:  a ledger for each batch, and what its groups should say.
 * Rules: 1. A group that is matched is equal to tests/lib/view_oracle.c: what counts, joined, on both sides.
 *        2. Where a member's posting date alone was changed, the collective document may have that of another.
 *        3. By fingerprints and in full.
 * Runs in: the tests.
 */
#include "connector/posting/join.h"
#include "tests/lib/random_postings.h"
#include "tests/lib/view_oracle.h"
#include "tests/unit/run_fixture.h"

#define BATCHES     60
#define GROUPS      40
#define MEMBERS_MAX 3
#define ORACLE_MAX  (1u << 20)

struct group {
	char subjects[MEMBERS_MAX + 1][STORE_SUBJECT_MAX]; /* of those that count, on either side */
	enum ledger_side sides[MEMBERS_MAX + 1];
	int count;
	bool equal;
	bool forgiven; /* rule 2 */
	const char *change;
};

struct trial {
	struct books books;
	struct sim_random random;
	struct document members[MEMBERS_MAX], whole, joined;
	struct buf one, other;
	struct group groups[GROUPS];
	int matched, broken;
};

static int below(struct trial *trial, int count)
{
	return (int)sim_random_below(&trial->random, (uint64_t)count);
}

static void set(struct document *document, int slot, const char *text)
{
	assert_int_equal(document_set_text(document, &document->header[slot], span_of(text)), ERR_OK);
}

/* Members of one company, period and currency, as one document could stand for. */
static void make_members(struct trial *trial, enum document_type type, int count)
{
	static const int common[] = {HEADER_PERIOD, HEADER_POSTING_DATE};
	static const int texts[] = {HEADER_CURRENCY, HEADER_LOCAL_CURRENCY};
	for (int i = 0; i < count; i++) {
		struct document *member = &trial->members[i];
		const struct document *first = &trial->members[0];
		char text[16];
		/* Amounts have the digits of their currency: it is made again until they share it. */
		do {
			random_posting(&trial->random, member, type);
			for (size_t k = 0; k < 2; k++)
				member->header[common[k]] = first->header[common[k]];
		} while (!span_equal(document_text(member, &member->header[texts[0]]),
		                     document_text(first, &first->header[texts[0]])) ||
		         !span_equal(document_text(member, &member->header[texts[1]]),
		                     document_text(first, &first->header[texts[1]])));
		if (type == DOCUMENT_CUSTOMER && i > 0)
			copy_document(member, first);
		member->voided = false;
		(void)snprintf(text, sizeof text, "M%d", i);
		set(member, HEADER_NUMBER, text);
	}
	if (count == 1)
		trial->members[0].voided = false;
}

/* Those that count, as one; false: they cannot be. */
static bool join(struct trial *trial, int count)
{
	struct err_info info;
	bool any = false;
	for (int i = 0; i < count; i++) {
		if (trial->members[i].voided)
			continue;
		if (!any)
			copy_document(&trial->joined, &trial->members[i]);
		else if (trial->joined.type != DOCUMENT_CUSTOMER &&
		         document_join(&trial->joined, &trial->members[i], &info) != ERR_OK)
			return false;
		any = true;
	}
	return any;
}

static void put(struct trial *trial, struct group *group, enum ledger_side side, struct document *document)
{
	const struct projection projection = {
	    .side = side, .revision = 1, .recorded_ns = (FIXTURE_TODAY - 5) * FIXTURE_DAY_NS};
	struct err_info info;
	enum err err = project_document(&trial->books.projector, &projection, document, &info);
	if (err != ERR_OK)
		fail_msg("%s", info.text);
	if (document->voided)
		return;
	assert_int_equal(
	    document_subject(document, group->subjects[group->count], sizeof group->subjects[0], &info),
	    ERR_OK);
	group->sides[group->count++] = side;
}

/* origin: the legacy document, or all of them. */
static void name_all(struct trial *trial, int number, int count, bool collective)
{
	char origin[MEMBERS_MAX * STORE_SUBJECT_MAX] = "";
	for (int i = 0; i < count; i++) {
		struct document *member = &trial->members[i];
		char text[32];
		char subject[STORE_SUBJECT_MAX];
		struct err_info info;
		(void)snprintf(text, sizeof text, "%d-%d", number, i);
		set(member, HEADER_NUMBER, text);
		assert_int_equal(document_subject(member, subject, sizeof subject, &info), ERR_OK);
		(void)snprintf(origin + strlen(origin), sizeof origin - strlen(origin), "%s%s", i ? " " : "",
		               subject);
	}
	char text[32];
	(void)snprintf(text, sizeof text, "%d-whole", number);
	set(&trial->whole, HEADER_NUMBER, text);
	if (collective) {
		set(&trial->whole, HEADER_ORIGIN, origin);
		return;
	}
	struct err_info info;
	assert_int_equal(document_subject(&trial->whole, origin, sizeof origin, &info), ERR_OK);
	for (int i = 0; i < count; i++)
		set(&trial->members[i], HEADER_ORIGIN, origin);
}

static void make_group(struct trial *trial, int number)
{
	struct group *group = &trial->groups[number];
	enum document_type type = (enum document_type)below(trial, DOCUMENT_TYPE_COUNT);
	int count = 1 + below(trial, MEMBERS_MAX);
	bool collective = below(trial, 2);
	*group = (struct group){.change = "nothing"};
	make_members(trial, type, count);
	assert_true(join(trial, count));
	copy_document(&trial->whole, &trial->joined);
	/* Named as they were sent: a change of the year or company comes after. */
	name_all(trial, number, count, collective);
	int changed = below(trial, count + 2); /* a member, the whole, none */
	enum posting_change change = (enum posting_change)below(trial, CHANGE_COUNT);
	/* Members in two currencies are none: they cannot be joined, and the run says so. */
	if ((change == CHANGE_CURRENCY || change == CHANGE_LOCAL_CURRENCY) && changed < count)
		changed = count;
	if (changed <= count) {
		random_change(&trial->random, changed < count ? &trial->members[changed] : &trial->whole,
		              change);
		group->change = posting_change_name(change);
	}
	group->forgiven =
	    collective && changed < count && (change == CHANGE_POSTING_DATE || type == DOCUMENT_CUSTOMER);
	view_oracle(&trial->whole, &trial->one);
	group->equal = join(trial, count) && !trial->whole.voided;
	view_oracle(&trial->joined, &trial->other);
	group->equal = group->equal && span_equal(buf_span(&trial->one), buf_span(&trial->other));
	for (int i = 0; i < count; i++)
		put(trial, group, collective ? SIDE_LEGACY : SIDE_CLOUD, &trial->members[i]);
	put(trial, group, collective ? SIDE_CLOUD : SIDE_LEGACY, &trial->whole);
}

/* No document of it is told as anything but matched; those of the list of documents are all that were looked at. */
static bool is_green(struct trial *trial, const struct group *group)
{
	for (int i = 0; i < group->count; i++) {
		char line[STORE_SUBJECT_MAX + 64];
		(void)snprintf(line, sizeof line,
		               "\"side\":\"%s\",\"status\":\"matched\",\"subject\":\"%s\"}",
		               ledger_side_name(group->sides[i]), group->subjects[i]);
		if (!books_says(&trial->books, RUN_FILE_DOCUMENTS, line))
			return false;
	}
	return group->count > 1;
}

static void check_batch(struct trial *trial)
{
	for (int full = 0; full < 2; full++) {
		trial->books.options.full = full;
		books_compare(&trial->books);
		if (trial->books.outcome.verdict != RUN_BREAKS)
			fail_msg("%s: %s", run_verdict_name(trial->books.outcome.verdict),
			         trial->books.outcome.why);
		for (int i = 0; i < GROUPS; i++) {
			struct group *group = &trial->groups[i];
			bool green = is_green(trial, group);
			if (green && !group->equal && !group->forgiven)
				fail_msg("%s: %s is matched", group->subjects[0], group->change);
			if (full) {
				trial->matched += green;
				trial->broken += !green;
			}
		}
	}
}

static void test_random_groups(void **state)
{
	struct trial *trial = *state;
	for (int batch = 0; batch < BATCHES; batch++) {
		books_open(&trial->books, NULL);
		for (int i = 0; i < GROUPS; i++)
			make_group(trial, i);
		check_batch(trial);
		books_close(&trial->books);
	}
	print_message("# %d matched, %d not\n", trial->matched, trial->broken);
	assert_in_range(trial->matched, BATCHES * GROUPS / 10, BATCHES * GROUPS * 9 / 10);
}

static int begin(void **state)
{
	struct trial *trial = calloc(1, sizeof *trial);
	assert_non_null(trial);
	sim_random_init(&trial->random, 7);
	for (int i = 0; i < MEMBERS_MAX; i++)
		document_init(&trial->members[i]);
	document_init(&trial->whole);
	document_init(&trial->joined);
	buf_init(&trial->one, ORACLE_MAX);
	buf_init(&trial->other, ORACLE_MAX);
	*state = trial;
	return 0;
}

static int end(void **state)
{
	struct trial *trial = *state;
	for (int i = 0; i < MEMBERS_MAX; i++)
		document_release(&trial->members[i]);
	document_release(&trial->whole);
	document_release(&trial->joined);
	buf_release(&trial->one);
	buf_release(&trial->other);
	free(trial);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_random_groups, begin, end),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
