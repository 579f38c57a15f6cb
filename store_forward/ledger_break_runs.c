/*
 * ledger_break_runs.c - what a run changes of exceptions: seen, changed, new, gone.
 *
 * Why:   a run is told in pages, because there may be a million differences; what it no longer finds shows at its end.
 * Owns:  table breaks; mark "compare session", the number of the last run that was begun.
 * Rules: as in ledger_breaks.h. What was seen of a run that was never ended stands; nothing ends by it.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/ledger_break_runs_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store_forward/ledger_breaks.h"
#include "store_forward/ledger_internal.h"

#define MARK_SESSION "compare session"
#define KEY_PREFIX   "compare:"
#define CLOUD_PREFIX "cloud:" /* of a document that is alone there */

/* The newest id, and how many are not over. */
static enum err last_of(struct ledger *ledger, int64_t *id, int64_t *not_over, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_BREAK_LAST);
	bool more = false;
	enum err err = ledger_step(ledger, statement, &more, "counting exceptions of comparisons", info);
	*id = err == ERR_OK && more ? sqlite3_column_int64(statement, 0) : 0;
	*not_over = err == ERR_OK && more ? sqlite3_column_int64(statement, 1) : 0;
	sqlite3_reset(statement);
	return err;
}

enum err breaks_run_begin(struct ledger *ledger, struct breaks_run *run, struct err_info *info)
{
	CHECK(run->run[0] != 0);
	run->counts = (struct breaks_counts){.seen = 0};
	run->cause_count = 0;
	run->many_told = false;
	run->after[0] = 0;
	enum err err = ledger_mark(ledger, MARK_SESSION, &run->session, info);
	run->session = run->session < 0 ? 1 : run->session + 1;
	if (err == ERR_OK)
		err = ledger_set_mark(ledger, MARK_SESSION, run->session, info);
	if (err == ERR_OK)
		err = last_of(ledger, &run->last_id, &run->not_over, info);
	return err;
}

/* ---- seen ---- */

static enum err check_limits(const struct ledger_break *one, struct err_info *info)
{
	if (one->key.len == 0 || one->key.len > BREAK_KEY_MAX || one->status.len > BREAK_WORD_MAX ||
	    one->cause.len > BREAK_WORD_MAX || one->document_type.len > BREAK_WORD_MAX ||
	    one->entity.len > LEDGER_CODE_MAX || one->currency.len > BREAK_CURRENCY_MAX ||
	    one->content.len > BREAK_CONTENT_MAX || one->legacy.len > STORE_SUBJECT_MAX ||
	    one->cloud.len > STORE_SUBJECT_MAX)
		return err_set(info, ERR_TOO_LARGE,
		               "the key of a difference, or a code of it, is over its limit");
	return ERR_OK;
}

static void count_cause(struct breaks_run *run, const struct ledger_break *one)
{
	int i = 0;
	while (i < run->cause_count && !span_equal(span_of(run->causes[i].word), one->cause))
		i++;
	if (i == BREAKS_CAUSES_MAX)
		return;
	if (i == run->cause_count) {
		CHECK(text_copy(run->causes[i].word, sizeof run->causes[i].word, one->cause));
		run->causes[i].owner = one->owner;
		run->causes[i].count = 0;
		run->cause_count++;
	}
	run->causes[i].count++;
}

/* What the run says of it, on what was known. */
static void take_over(struct ledger_break *known, const struct ledger_break *one,
                      const struct breaks_run *run, int64_t now_ns)
{
	if (known->owner != one->owner)
		known->due_ns = break_due_ns(one->owner, now_ns);
	known->legacy = one->legacy;
	known->cloud = one->cloud;
	known->status = one->status;
	known->cause = one->cause;
	known->owner = one->owner;
	known->entity = one->entity;
	known->document_type = one->document_type;
	known->currency = one->currency;
	known->period = one->period;
	known->net = one->net;
	known->gross = one->gross;
	known->text = text_cut(one->text, BREAK_TEXT_MAX);
	known->evidence = one->evidence;
	known->last_run = span_of(run->run);
	known->seen_ns = run->at_ns;
	known->session = run->session;
}

static enum err add_new(struct ledger *ledger, struct breaks_run *run, const struct ledger_break *one,
                        int64_t now_ns, struct err_info *info)
{
	struct ledger_break row = {
	    .id = run->last_id + 1,
	    .key = one->key,
	    .state = BREAK_OPEN,
	    .owner = one->owner,
	    .first_run = span_of(run->run),
	    .opened_ns = now_ns,
	    .changed_ns = now_ns,
	    .due_ns = break_due_ns(one->owner, now_ns),
	};
	take_over(&row, one, run, now_ns);
	enum err err = break_put(ledger, &row, info);
	if (err != ERR_OK)
		return err;
	run->last_id++;
	run->not_over++;
	return ERR_OK;
}

/* A row that is known. */
static enum err see_again(struct ledger *ledger, struct breaks_run *run, struct ledger_break *known,
                          const struct ledger_break *one, int64_t now_ns, struct err_info *info)
{
	bool same = span_equal(known->evidence, one->evidence);
	bool woken = same && known->state == BREAK_SNOOZED && known->until_ns <= run->at_ns;
	enum break_event event = woken ? BREAK_WOKEN : same ? BREAK_SEEN : BREAK_CHANGED;
	int next = break_next(known->state, event);
	CHECK(next >= 0);
	if (next == BREAK_OPEN && known->state != BREAK_OPEN) {
		run->not_over += known->closed_ns != 0;
		run->counts.reopened++;
		known->reopened++;
		known->closed_ns = 0;
		known->until_ns = 0;
		known->opened_ns = now_ns;
		known->due_ns = break_due_ns(one->owner, now_ns);
	}
	if (!same || next != (int)known->state)
		known->changed_ns = now_ns;
	known->state = (enum break_state)next;
	take_over(known, one, run, now_ns);
	return break_put(ledger, known, info);
}

/* one has its evidence. *fresh: there was no row. */
static enum err see(struct ledger *ledger, struct breaks_run *run, const struct ledger_break *one,
                    int64_t now_ns, bool *fresh, struct err_info *info)
{
	struct ledger_break known;
	struct buf texts;
	buf_init(&texts, BREAK_ROW_BYTES_MAX);
	enum err err = ledger_break_find(ledger, one->key, &known, &texts, info);
	*fresh = err == ERR_NOT_FOUND;
	if (err == ERR_OK && known.session != run->session) {
		run->counts.seen++;
		err = see_again(ledger, run, &known, one, now_ns, info);
	} else if (*fresh && run->not_over >= BREAKS_OPEN_MAX &&
	           !span_equal(one->key, SPAN_LITERAL(BREAKS_MANY_NEW))) {
		run->counts.seen++;
		run->counts.left_out++;
		err = ERR_OK;
	} else if (*fresh) {
		run->counts.seen++;
		err = add_new(ledger, run, one, now_ns, info);
	}
	buf_release(&texts);
	return err;
}

enum err breaks_run_see(struct ledger *ledger, struct breaks_run *run, const struct ledger_break *one,
                        int64_t now_ns, struct err_info *info)
{
	char evidence[BREAK_EVIDENCE_MAX];
	struct ledger_break told = *one;
	bool fresh = false;
	CHECK(run->run[0] != 0);
	enum err err = check_limits(one, info);
	if (err != ERR_OK)
		return err;
	break_evidence(one, evidence);
	told.evidence = span_of(evidence);
	err = see(ledger, run, &told, now_ns, &fresh, info);
	if (err == ERR_OK && fresh) {
		run->counts.fresh++;
		count_cause(run, one);
	}
	return err;
}

/* ---- the end ---- */

/* Rule 5: one exception for all that are new. */
static enum err tell_many(struct ledger *ledger, struct breaks_run *run, int64_t now_ns,
                          struct err_info *info)
{
	char text[BREAK_TEXT_MAX];
	char evidence[BREAK_EVIDENCE_MAX];
	const struct breaks_counts before = run->counts;
	int top = 0;
	bool fresh = false;
	for (int i = 1; i < run->cause_count; i++) {
		if (run->causes[i].count > run->causes[top].count)
			top = i;
	}
	(void)snprintf(text, sizeof text,
	               "%" PRId64 " differences are new in run %s, %" PRId64
	               " of them with the cause %s; nothing was ended by itself in this run: look for what "
	               "they have in common first",
	               before.fresh, run->run, run->causes[top].count, run->causes[top].word);
	(void)snprintf(evidence, sizeof evidence, "many_new %s %" PRId64 " %s", run->causes[top].word,
	               before.fresh, run->run);
	const struct ledger_break many = {
	    .key = SPAN_LITERAL(BREAKS_MANY_NEW),
	    .status = SPAN_LITERAL("many_new"),
	    .cause = span_of(run->causes[top].word),
	    .owner = run->causes[top].owner,
	    .text = span_of(text),
	    .evidence = span_of(evidence),
	};
	enum err err = see(ledger, run, &many, now_ns, &fresh, info);
	run->counts = before;
	return err;
}

static bool in_list(struct span code, const char *list, size_t size, int count)
{
	for (int i = 0; i < count; i++) {
		if (span_equal(code, span_of(list + (size_t)i * size)))
			return true;
	}
	return count == 0;
}

static bool in_scope(const struct breaks_run *run, const struct ledger_break *one)
{
	const struct break_scope *scope = &run->scope;
	/* What stands for many is over with a run over everything, or once somebody has it in hand. */
	if (span_equal(one->key, SPAN_LITERAL(BREAKS_MANY_NEW)))
		return one->state == BREAK_ACKNOWLEDGED ||
		       (scope->entity_count == 0 && scope->type_count == 0 && scope->from == 0 &&
		        scope->to == 0);
	return in_list(one->entity, scope->entities[0], sizeof scope->entities[0], scope->entity_count) &&
	       in_list(one->document_type, scope->types[0], sizeof scope->types[0], scope->type_count) &&
	       (scope->from == 0 || one->period >= scope->from) &&
	       (scope->to == 0 || (one->period != 0 && one->period <= scope->to));
}

/* "SUBJECT" of "compare:SUBJECT:PERIOD" or "compare:cloud:SUBJECT:PERIOD"; empty: it has no such form. */
static struct span subject_of(struct span key, bool *cloud)
{
	const struct span none = {NULL, 0};
	size_t prefix = sizeof KEY_PREFIX - 1;
	*cloud = false;
	if (key.len <= prefix || memcmp(key.data, KEY_PREFIX, prefix) != 0)
		return none;
	*cloud = key.len > prefix + sizeof CLOUD_PREFIX - 1 &&
	         memcmp(key.data + prefix, CLOUD_PREFIX, sizeof CLOUD_PREFIX - 1) == 0;
	prefix += *cloud ? sizeof CLOUD_PREFIX - 1 : 0;
	size_t end = key.len;
	while (end > prefix && key.data[end - 1] != ':')
		end--;
	return end > prefix + 1 ? (struct span){key.data + prefix, end - prefix - 1} : none;
}

struct since {
	int64_t cut_ns;
	bool booked;
};

static bool look_since(void *self, const struct ledger_document *document)
{
	struct since *since = self;
	since->booked = since->booked || document->recorded_ns > since->cut_ns;
	return !since->booked;
}

/* Its documents are there, and it is a booking that ended it: the counterpart of one that was alone, or else one that
 * came after the last run that found it. */
static enum err was_fixed(struct ledger *ledger, const struct ledger_break *one, bool *fixed,
                          struct err_info *info)
{
	bool cloud = false;
	struct span subject = subject_of(one->key, &cloud);
	struct ledger_document document;
	struct since since = {.cut_ns = one->seen_ns};
	struct buf texts;
	*fixed = false;
	if (subject.len == 0)
		return ERR_OK;
	bool alone = span_equal(one->status, SPAN_LITERAL("missing_cloud")) ||
	             span_equal(one->status, SPAN_LITERAL("waiting_cloud")) ||
	             span_equal(one->status, SPAN_LITERAL("missing_legacy")) ||
	             span_equal(one->status, SPAN_LITERAL("waiting_legacy"));
	buf_init(&texts, LEDGER_PACKED_MAX + 4096);
	enum err err = cloud ? ledger_find_cloud(ledger, subject, &document, &texts, info)
	                     : ledger_find(ledger, SIDE_LEGACY, subject, subject, &document, &texts, info);
	bool there = err == ERR_OK && !document.voided;
	if (there && !alone) {
		(void)look_since(&since, &document);
		err = ledger_with_identity(ledger, SIDE_CLOUD, subject, BREAKS_IDENTITY_MAX, look_since,
		                           &since, info);
	}
	*fixed = there && (alone || since.booked);
	buf_release(&texts);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err end_one(struct ledger *ledger, struct breaks_run *run, struct ledger_break *one,
                        int64_t now_ns, struct err_info *info)
{
	bool fixed = false;
	enum err err = was_fixed(ledger, one, &fixed, info);
	if (err != ERR_OK)
		return err;
	int next = break_next(one->state, fixed ? BREAK_GONE_FIXED : BREAK_GONE);
	CHECK(next >= 0);
	one->state = (enum break_state)next;
	one->until_ns = 0;
	one->changed_ns = now_ns;
	one->closed_ns = now_ns;
	run->counts.resolved++;
	run->not_over--;
	return break_put(ledger, one, info);
}

enum err breaks_run_end(struct ledger *ledger, struct breaks_run *run, int64_t now_ns, bool *done,
                        struct err_info *info)
{
	struct ledger_break one;
	struct buf texts;
	enum err err = ERR_OK;
	bool many = run->counts.fresh > BREAKS_NEW_MAX;
	CHECK(run->run[0] != 0);
	*done = true;
	if (many && !run->many_told)
		err = tell_many(ledger, run, now_ns, info);
	run->many_told = run->many_told || many;
	if (err != ERR_OK || many || run->incomplete)
		return err;
	buf_init(&texts, BREAK_ROW_BYTES_MAX);
	for (int i = 0; i < BREAKS_END_ROWS && err == ERR_OK; i++) {
		err = break_after(ledger, span_of(run->after), &one, &texts, info);
		if (err != ERR_OK)
			break;
		(void)!text_copy(run->after, sizeof run->after, one.key);
		if (one.session != run->session && in_scope(run, &one))
			err = end_one(ledger, run, &one, now_ns, info);
	}
	buf_release(&texts);
	*done = err == ERR_NOT_FOUND;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
