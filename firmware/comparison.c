/*
 * comparison.c - see comparison.h.
 *
 * Why:   see comparison.h.
 * Owns:  see comparison.h.
 * Rules: as in comparison.h.
 * Faults: see comparison.h.
 * Runs in: the core.
 * Tests: tests/unit/comparison_test.c
 */
#include "firmware/comparison.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/validity.h"
#include "firmware/comparison_internal.h"
#include "store_forward/meta.h"

#define STEP_BUDGET_NS (2 * NS_PER_MS)
#define RETRY_NS       (30 * NS_PER_S)
#define SYNC_NS        (1 * NS_PER_S)
#define BUSY_NS \
	(100 * NS_PER_MS) /* a fiftieth of the time: the postings come first, the ledger catches up after */
/* Files that were put aside take room: what finds damage again and again finds another. */
#define ASIDE_AGAIN_NS (600 * NS_PER_S)
#define META_LEDGER    "ledger" /* there is one, or was */

/* ---- opening, trouble ---- */

static void note_trouble(struct comparison *comparison, const char *text)
{
	(void)snprintf(comparison->trouble, sizeof comparison->trouble, "%s", text);
	comparison->said = false;
}

static void close_ledger(struct comparison *comparison)
{
	if (comparison->projecting)
		projector_release(&comparison->projector);
	comparison->projecting = false;
	ledger_close(comparison->ledger);
	comparison->ledger = NULL;
	comparison->told.run.run[0] = 0;
}

static void make_begun_text(struct comparison *comparison, const char *why)
{
	(void)snprintf(
	    comparison->begun_text, sizeof comparison->begun_text,
	    "the ledger of comparisons was begun anew (%.300s): what is still in the outbox is read again; "
	    "have the "
	    "middleware post everything again, then acknowledge this; until then no comparison is complete",
	    why);
	comparison->said = false;
}

struct begun_search {
	const struct comparison *comparison;
	bool found;
};

static bool visit_begun(void *self, const struct store_exception *exception)
{
	struct begun_search *search = self;
	search->found = span_equal(exception->rule, SPAN_LITERAL(BEGUN_RULE)) &&
	                span_equal(exception->key, span_of(search->comparison->begun));
	return !search->found;
}

/* The ledger was committed, and the store's transaction that told of it may have been lost. */
static enum err tell_begun_again(struct comparison *comparison, struct err_info *info)
{
	struct begun_search search = {.comparison = comparison};
	enum err err = store_exceptions_changed(comparison->store, 0, INT32_MAX, visit_begun, &search, info);
	if (err == ERR_OK && !search.found)
		make_begun_text(comparison, "an earlier one could not be used");
	return err;
}

/* Where the store knows of a ledger and this one is new, it has taken its place: what the cloud has posted is gone. */
static enum err learn_begun(struct comparison *comparison, const char *why, struct err_info *info)
{
	struct buf text;
	buf_init(&text, BEGUN_SIZE - 1);
	enum err err = store_meta_get(comparison->store, META_LEDGER, &text, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND) {
		buf_release(&text);
		return err;
	}
	comparison->introduced = err == ERR_OK;
	buf_clear(&text);
	err = ledger_text(comparison->ledger, TEXT_BEGUN, &text, info);
	comparison->begun[0] = 0;
	comparison->begun_due = err == ERR_NOT_FOUND;
	if (err == ERR_OK)
		(void)!text_copy(comparison->begun, sizeof comparison->begun, buf_span(&text));
	buf_release(&text);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (!comparison->begun_due)
		return comparison->begun[0] ? tell_begun_again(comparison, info) : ERR_OK;
	if (!comparison->introduced)
		return ERR_OK;
	(void)snprintf(comparison->begun, sizeof comparison->begun, "ledger %" PRId64,
	               hal_wall_ns(comparison->hal) / NS_PER_S);
	make_begun_text(comparison, why[0] ? why : "its file was gone");
	return ERR_OK;
}

static enum err try_open(struct comparison *comparison, int64_t now_ns, struct err_info *info)
{
	struct ledger_opening opening = {.created = false};
	char why[ERR_TEXT_MAX] = "";
	const char *path = comparison->config->compare.ledger;
	enum err err = ERR_OK;
	if (comparison->damaged && comparison->aside_ns != INT64_MIN &&
	    now_ns < comparison->aside_ns + ASIDE_AGAIN_NS)
		return err_set(info, ERR_AGAIN, "%.400s", comparison->damage);
	if (comparison->damaged)
		err = ledger_put_aside(comparison->hal, path, &opening, info);
	if (err == ERR_OK && comparison->damaged) {
		(void)snprintf(why, sizeof why, "%.150s; the damaged file is %.120s", comparison->damage,
		               opening.damaged_path);
		comparison->damaged = false;
		comparison->aside_ns = now_ns;
	}
	if (err == ERR_OK)
		err = ledger_open(comparison->hal, path, LEDGER_WRITE, &comparison->ledger, &opening, info);
	if (err != ERR_OK) {
		comparison->ledger = NULL;
		return err;
	}
	if (opening.damaged_path[0])
		(void)snprintf(why, sizeof why, "%.150s; the damaged file is %.120s", opening.text,
		               opening.damaged_path);
	return learn_begun(comparison, why, info);
}

void comparison_open(struct comparison *comparison, int64_t now_ns)
{
	struct err_info info = {.text = ""};
	comparison->due_ns = now_ns + RETRY_NS;
	if (try_open(comparison, now_ns, &info) != ERR_OK) {
		note_trouble(comparison, info.text);
		ledger_close(comparison->ledger);
		comparison->ledger = NULL;
		return;
	}
	projector_init(&comparison->projector, comparison->ledger, comparison->rules);
	comparison->projecting = true;
	comparison->behind = true;
	comparison->due_ns = now_ns;
	comparison->moved_lost = true;
	comparison->asked[0] = 0;
}

static void roll_back(struct comparison *comparison)
{
	struct buf text;
	struct err_info ignored;
	ledger_rollback(comparison->ledger);
	if (comparison->begun_due)
		return;
	/* It may have been cleared in what was rolled back. */
	buf_init(&text, BEGUN_SIZE - 1);
	if (ledger_text(comparison->ledger, TEXT_BEGUN, &text, &ignored) == ERR_OK)
		(void)!text_copy(comparison->begun, sizeof comparison->begun, buf_span(&text));
	buf_release(&text);
}

void comparison_failed(struct comparison *comparison, enum err err, const struct err_info *info)
{
	int64_t now = hal_mono_ns(comparison->hal);
	note_trouble(comparison, info->text);
	if (comparison->due_ns <= now || comparison->due_ns > now + RETRY_NS)
		comparison->due_ns = now + RETRY_NS;
	comparison->lost = comparison->lost || comparison->bound;
	comparison->bound = false;
	comparison->moved_lost = true;
	comparison->asked[0] = 0;
	comparison->careful = comparison->careful || err == ERR_OVERFLOW;
	if (err == ERR_CORRUPT) {
		comparison->damaged = true;
		comparison->due_ns = now;
		(void)snprintf(comparison->damage, sizeof comparison->damage, "%s", info->text);
		close_ledger(comparison);
	} else if (comparison->ledger) {
		roll_back(comparison);
	}
}

struct comparison *comparison_new(struct hal *hal, const struct log *log, struct store *store,
                                  const struct config *config, struct recorder *recorder)
{
	if (config->compare.enabled != CONFIG_YES)
		return NULL;
	struct comparison *comparison = mem_alloc(sizeof *comparison);
	comparison->hal = hal;
	comparison->log = log;
	comparison->store = store;
	comparison->config = config;
	comparison->recorder = recorder;
	comparison->aside_ns = INT64_MIN;
	comparison->raised = true; /* perhaps, by a process before */
	comparison->moved = mem_alloc(MOVED_MAX * sizeof comparison->moved[0]);
	canonical_init(&comparison->canonical);
	posting_reader_init(&comparison->reader, &comparison->canonical);
	document_init(&comparison->document);
	buf_init(&comparison->told.about, 2 * HAL_CONTROL_REQUEST_MAX);
	comparison_open(comparison, hal_mono_ns(hal));
	comparison_hold_streams(comparison, false);
	return comparison;
}

void comparison_free(struct comparison *comparison)
{
	if (!comparison)
		return;
	close_ledger(comparison);
	posting_reader_release(&comparison->reader);
	document_release(&comparison->document);
	buf_release(&comparison->told.about);
	free(comparison->moved);
	free(comparison);
}

/* What fails here is noted; a ledger that is not well already is no news. lazy: the commit need not be synced. */
static enum err begin_as(struct comparison *comparison, bool lazy, struct err_info *info)
{
	if (!comparison->ledger)
		return err_set(info, ERR_AGAIN, "the ledger is not well; see: twinpost exceptions");
	if (ledger_in_transaction(comparison->ledger))
		return ERR_OK;
	/* The first one of all is synced: from then on the store knows that there is a ledger. */
	lazy = lazy && !comparison->begun_due;
	enum err err =
	    lazy ? ledger_begin_lazy(comparison->ledger, info) : ledger_begin(comparison->ledger, info);
	if (err == ERR_OK && comparison->begun_due)
		err = ledger_set_text(comparison->ledger, TEXT_BEGUN, span_of(comparison->begun), info);
	if (err != ERR_OK)
		comparison_failed(comparison, err, info);
	return err;
}

enum err comparison_begin(struct comparison *comparison, struct err_info *info)
{
	return begin_as(comparison, false, info);
}

static bool commit(struct comparison *comparison)
{
	struct err_info info = {.text = ""};
	enum err err = ledger_commit(comparison->ledger, &info);
	if (err != ERR_OK) {
		comparison_failed(comparison, err, &info);
		return false;
	}
	comparison->well_again = true;
	comparison->begun_due = false;
	comparison->bound = false;
	return true;
}

void comparison_use_rules(struct comparison *comparison, const struct rules *rules)
{
	struct err_info info = {.text = ""};
	if (!comparison)
		return;
	comparison->rules = rules;
	if (!comparison->ledger)
		return;
	/* At once: what is in the sums of the former rules cannot be taken out by these. */
	bool ours = !ledger_in_transaction(comparison->ledger);
	enum err err = comparison_begin(comparison, &info);
	if (err == ERR_OK) {
		err = project_use_rules(&comparison->projector, rules, &info);
		if (err != ERR_OK)
			comparison_failed(comparison, err, &info);
	}
	if (err != ERR_OK || (ours && !commit(comparison)))
		close_ledger(comparison); /* opened again, it begins with these */
	comparison->due_ns = 0;
}

/* ---- one document ---- */

enum err comparison_leave_out(struct comparison *comparison, const struct projection *projection,
                              const char *subject, const struct err_info *why, struct err_info *info)
{
	struct ledger_held held = {.rule = SPAN_LITERAL(LEDGER_LEFT_OUT),
	                           .source = span_of(ledger_side_name(projection->side)),
	                           .key = span_of(subject),
	                           .text = span_of(why->text),
	                           .owner = STORE_OWNER_DATA_QUALITY};
	int64_t before = 0;
	(void)snprintf(
	    comparison->left_out, sizeof comparison->left_out,
	    "%s cannot be compared and is left out, which makes every comparison incomplete: %.300s", subject,
	    why->text);
	(void)snprintf(comparison->left_out_subject, sizeof comparison->left_out_subject, "%s", subject);
	enum err err = ledger_held_first(comparison->ledger, held.rule, held.source, held.key, &before, info);
	held.first_ns = projection->revision > before ? projection->revision : before;
	return err == ERR_OK ? ledger_hold(comparison->ledger, &held, true, info) : err;
}

/* It is in: an earlier revision that was left out does not count any more; a later one does. */
static enum err take_back_in(struct comparison *comparison, const struct projection *projection,
                             const char *subject, struct err_info *info)
{
	const struct ledger_held held = {.rule = SPAN_LITERAL(LEDGER_LEFT_OUT),
	                                 .source = span_of(ledger_side_name(projection->side)),
	                                 .key = span_of(subject)};
	int64_t left_out = -1;
	enum err err =
	    ledger_held_first(comparison->ledger, held.rule, held.source, held.key, &left_out, info);
	bool late = projection->side == SIDE_CLOUD && projection->revision < left_out;
	return err == ERR_OK && left_out >= 0 && !late ? ledger_hold(comparison->ledger, &held, false, info)
	                                               : err;
}

static bool is_documents_fault(enum err err)
{
	return err == ERR_OVERFLOW || err == ERR_TOO_LARGE || err == ERR_BAD_INPUT;
}

static bool is_poison(const struct comparison *comparison, const char *name)
{
	for (int i = 0; i < POISON_MAX; i++) {
		if (strcmp(comparison->poison[i], name) == 0)
			return true;
	}
	return false;
}

/* A sum that overflows cannot be undone alone: the transaction is rolled back, and the document left out next time. */
enum err comparison_project(struct comparison *comparison, const char *subject,
                            const struct projection *projection, const struct document *document,
                            struct err_info *info)
{
	struct err_info why = {.text = ""};
	char name[POISON_BYTES];
	(void)snprintf(name, sizeof name, "%.*s %" PRId64, STORE_SUBJECT_MAX, subject, projection->revision);
	if (is_poison(comparison, name)) {
		(void)err_set(&why, ERR_OVERFLOW, "the sums of its period are more than 64 bits hold");
		return comparison_leave_out(comparison, projection, subject, &why, info);
	}
	uint64_t put = comparison->projector.put;
	enum err err = project_document(&comparison->projector, projection, document, &why);
	if (err == ERR_OK && comparison->careful)
		err = ledger_flush(comparison->ledger, &why);
	if (is_documents_fault(err) && !ledger_failed(comparison->ledger))
		return comparison_leave_out(comparison, projection, subject, &why, info);
	if (err == ERR_OVERFLOW) {
		char *poison = comparison->poison[comparison->poison_next++ % POISON_MAX];
		(void)!text_copy(poison, POISON_BYTES, span_of(name));
	}
	if (err != ERR_OK)
		return err_set(info, err, "%s", why.text);
	return comparison->projector.put != put ? take_back_in(comparison, projection, subject, info)
	                                        : ERR_OK;
}

enum err comparison_posting(struct comparison *comparison, const struct posting_event *event,
                            const struct document *document, struct err_info *info)
{
	const struct projection projection = {.side = SIDE_CLOUD,
	                                      .revision = event->revision,
	                                      .recorded_ns = hal_wall_ns(comparison->hal),
	                                      .phase = event->has_phase ? (int)event->phase : 0};
	enum err err = comparison_begin(comparison, info);
	if (err != ERR_OK)
		return err;
	err = comparison_project(comparison, event->subject, &projection, document, info);
	if (err != ERR_OK && err != ERR_CONFLICT)
		comparison_failed(comparison, err, info);
	return err;
}

static enum err raise(struct comparison *comparison, const char *rule, const char *source, const char *key,
                      const char *text, enum store_owner owner, struct err_info *info)
{
	int64_t wall = hal_wall_ns(comparison->hal);
	const struct store_exception exception = {.rule = span_of(rule),
	                                          .source = span_of(source),
	                                          .key = span_of(key),
	                                          .owner = owner,
	                                          .text = span_of(text),
	                                          .open = true,
	                                          .first_ns = wall,
	                                          .last_ns = wall};
	return recorder_exception(comparison->recorder, &exception, info);
}

/* What the cloud has booked is a fact: it is compared, and the broken rule is told. */
static enum err judge_document(struct comparison *comparison, const char *source, const char *subject,
                               const struct document *document, struct err_info *info)
{
	struct finding finding;
	char text[ERR_TEXT_MAX];
	if (validity_check(document, &finding))
		return recorder_clear(comparison->recorder, SPAN_LITERAL("cloud-invalid"), span_of(source),
		                      span_of(subject), info);
	(void)snprintf(text, sizeof text, "%.40s: the cloud has booked a document in which %.400s",
	               finding.rule, finding.text);
	return raise(comparison, "cloud-invalid", source, subject, text, finding.owner, info);
}

enum err comparison_document(struct comparison *comparison, const char *source,
                             const struct document *document, struct err_info *info)
{
	char subject[STORE_SUBJECT_MAX] = "?";
	struct err_info why = {.text = ""};
	const struct projection projection = {.side = SIDE_CLOUD,
	                                      .recorded_ns = hal_wall_ns(comparison->hal)};
	enum err err = comparison_begin(comparison, info);
	if (err != ERR_OK)
		return err;
	comparison->bound = true;
	err = document_subject(document, subject, sizeof subject, &why);
	if (err != ERR_OK)
		err = comparison_leave_out(comparison, &projection, subject, &why, info);
	else
		err = comparison_project(comparison, subject, &projection, document, info);
	if (err != ERR_OK) {
		comparison_failed(comparison, err, info);
		return err == ERR_CORRUPT ? ERR_IO
		                          : err; /* it is the ledger that is damaged, not the store */
	}
	return judge_document(comparison, source, subject, document, info);
}

enum err comparison_state(struct comparison *comparison, const char *name, struct buf *out,
                          struct err_info *info)
{
	enum err err = comparison_begin(comparison, info);
	if (err != ERR_OK)
		return err;
	err = ledger_text(comparison->ledger, name, out, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		comparison_failed(comparison, err, info);
	return err;
}

enum err comparison_keep(struct comparison *comparison, const char *name, struct span state,
                         struct err_info *info)
{
	enum err err = comparison_begin(comparison, info);
	if (err != ERR_OK)
		return err;
	err = ledger_set_text(comparison->ledger, name, state, info);
	if (err != ERR_OK)
		comparison_failed(comparison, err, info);
	return err;
}

void comparison_moved(struct comparison *comparison, struct span subject, int64_t revision)
{
	if (!comparison)
		return;
	if (comparison->moved_count == MOVED_MAX) {
		comparison->moved_lost = true;
		return;
	}
	struct moved *moved = &comparison->moved[comparison->moved_count++];
	(void)!text_copy(moved->subject, sizeof moved->subject, subject);
	moved->revision = revision;
	comparison->due_ns = 0;
}

/* ---- transactions ---- */

enum err comparison_before_commit(struct comparison *comparison, struct err_info *info)
{
	if (!comparison)
		return ERR_OK;
	if (comparison->ledger && ledger_in_transaction(comparison->ledger))
		(void)commit(comparison);
	/* What is committed with this is there for the next step. */
	if (comparison->due_ns == INT64_MAX)
		comparison->due_ns = 0;
	return comparison->lost ? err_set(info, ERR_AGAIN, "%.400s", comparison->trouble) : ERR_OK;
}

void comparison_rolled_back(struct comparison *comparison)
{
	if (!comparison)
		return;
	comparison->lost = false;
	comparison->bound = false;
	/* What was told is told again; what has ended is looked for again. */
	comparison->said = false;
	comparison->raised = true;
	comparison->introduced = false;
	if (comparison->ledger && ledger_in_transaction(comparison->ledger))
		roll_back(comparison);
}

/* ---- the step ---- */

static enum err follow_rules(struct comparison *comparison, struct err_info *info)
{
	bool done = true;
	enum err err = ERR_OK;
	err = project_use_rules(&comparison->projector, comparison->rules, info);
	if (err == ERR_OK && !ledger_complete(comparison->ledger))
		err = project_regenerate(&comparison->projector, STEP_ROWS, &done, info);
	comparison->behind = comparison->behind || !done;
	return err;
}

static enum err take_in(struct comparison *comparison, int64_t now_ns, struct err_info *info)
{
	enum err err = comparison_feed_streams(comparison, now_ns + STEP_BUDGET_NS, info);
	if (err == ERR_OK)
		err = comparison_take_outcomes(comparison, info);
	if (err == ERR_OK)
		err = comparison_feed_held(comparison, info);
	return err == ERR_OK ? follow_rules(comparison, info) : err;
}

/* While rows stream in, a sync of the disk would cost them more than all else here: what the outbox still has may be
 * lost with a power cut and is taken in again. Retention follows what is synced. */
static void take_turn(struct comparison *comparison, int64_t now_ns, bool busy)
{
	struct err_info info = {.text = ""};
	bool synced = !busy || now_ns >= comparison->sync_due_ns;
	if (begin_as(comparison, !synced, &info) != ERR_OK)
		return;
	enum err err = take_in(comparison, now_ns, &info);
	if (err != ERR_OK) {
		comparison_failed(comparison, err, &info);
		if (!comparison->ledger)
			comparison_hold_streams(comparison, false);
		return;
	}
	if (!commit(comparison))
		return;
	if (synced) {
		comparison->sync_due_ns = now_ns + SYNC_NS;
		comparison_hold_streams(comparison, true);
	}
	comparison->due_ns = comparison->behind ? now_ns + (busy ? BUSY_NS : 0)
	                     : synced           ? INT64_MAX
	                                        : comparison->sync_due_ns;
}

void comparison_step(struct comparison *comparison, int64_t now_ns, bool busy, int64_t *deadline)
{
	if (!comparison || store_in_transaction(comparison->store))
		return;
	if (comparison->said) { /* and committed */
		comparison->said = false;
		comparison->trouble[0] = comparison->left_out[0] = comparison->begun_text[0] = 0;
	}
	if (!comparison->ledger && now_ns >= comparison->due_ns)
		comparison_open(comparison, now_ns);
	if (comparison->ledger && now_ns >= comparison->due_ns && !ledger_in_transaction(comparison->ledger))
		take_turn(comparison, now_ns, busy);
	*deadline = comparison->due_ns < *deadline ? comparison->due_ns : *deadline;
}

/* The store is to know that there is a ledger: without it, another one would pass for the first. */
static bool is_to_introduce(const struct comparison *comparison)
{
	return !comparison->introduced && comparison->ledger && !comparison->begun_due;
}

bool comparison_has_news(const struct comparison *comparison)
{
	if (!comparison)
		return false;
	bool texts = comparison->trouble[0] || comparison->left_out[0] || comparison->begun_text[0];
	return (texts && !comparison->said) || (comparison->well_again && comparison->raised) ||
	       is_to_introduce(comparison);
}

static enum err tell_trouble(struct comparison *comparison, struct err_info *info)
{
	if (comparison->trouble[0]) {
		comparison->raised = true;
		comparison->well_again = false;
		return raise(comparison, "ledger-failed", "ledger", "ledger", comparison->trouble,
		             STORE_OWNER_TECHNICAL, info);
	}
	if (!comparison->well_again || !comparison->raised)
		return ERR_OK;
	comparison->raised = false;
	return recorder_clear(comparison->recorder, SPAN_LITERAL("ledger-failed"), SPAN_LITERAL("ledger"),
	                      SPAN_LITERAL("ledger"), info);
}

enum err comparison_tell(struct comparison *comparison, struct err_info *info)
{
	enum err err = ERR_OK;
	bool texts = !comparison->said;
	if (texts && comparison->left_out[0])
		err = raise(comparison, "ledger-document", "ledger", comparison->left_out_subject,
		            comparison->left_out, STORE_OWNER_DATA_QUALITY, info);
	if (err == ERR_OK && texts && comparison->begun_text[0])
		err = raise(comparison, BEGUN_RULE, "ledger", comparison->begun, comparison->begun_text,
		            STORE_OWNER_TECHNICAL, info);
	if (err == ERR_OK && (texts || !comparison->trouble[0]))
		err = tell_trouble(comparison, info);
	if (err == ERR_OK && is_to_introduce(comparison)) {
		err = store_meta_put(comparison->store, META_LEDGER, SPAN_LITERAL("1"), info);
		comparison->introduced = err == ERR_OK;
	}
	comparison->said = err == ERR_OK;
	return err;
}

bool comparison_caught_up(const struct comparison *comparison)
{
	return !comparison || !comparison->ledger || (!comparison->behind && comparison->moved_count == 0);
}

struct ledger *comparison_ledger(const struct comparison *comparison)
{
	return comparison ? comparison->ledger : NULL;
}

/* ---- changes of others ---- */

enum err comparison_change_begin(struct comparison *comparison, struct err_info *info)
{
	if (!comparison)
		return err_set(info, ERR_UNSUPPORTED, "this agent does not compare: compare.enabled is no");
	if (comparison->ledger && ledger_in_transaction(comparison->ledger) && !commit(comparison))
		return err_set(info, ERR_AGAIN, "the ledger is not well; see: twinpost exceptions");
	return comparison_begin(comparison, info);
}

enum err comparison_change_end(struct comparison *comparison, enum err err, struct err_info *info)
{
	if (err == ERR_OK)
		err = ledger_commit(comparison->ledger, info);
	if (err == ERR_OK)
		return ERR_OK;
	if (ledger_failed(comparison->ledger))
		comparison_failed(comparison, err, info);
	else
		roll_back(comparison);
	return err;
}

struct comparison_told *comparison_told(struct comparison *comparison)
{
	return comparison ? &comparison->told : NULL;
}
