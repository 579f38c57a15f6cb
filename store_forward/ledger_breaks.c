/*
 * ledger_breaks.c - rows of exceptions of comparisons; what people do with one of them, or with a set.
 *
 * Why:   see ledger_breaks.h.
 * Owns:  table breaks.
 * Rules: as in ledger_breaks.h.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core; the CLI (reading).
 * Tests: tests/unit/ledger_breaks_test.c
 */
#include "store_forward/ledger_breaks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/ledger_internal.h"

#define BREAK_LETTER 'e'
#define DAY_NS       (INT64_C(86400) * NS_PER_S)

/* ---- states ---- */

static const char *const names[BREAK_STATE_COUNT] = {
#define BREAK_NAME(identifier, name, over) [BREAK_##identifier] = (name),
    BREAK_STATES(BREAK_NAME)
#undef BREAK_NAME
};

const char *break_state_name(enum break_state state)
{
	CHECK((size_t)state < BREAK_STATE_COUNT);
	return names[state];
}

bool break_state_of(struct span name, enum break_state *state)
{
	for (int i = 0; i < BREAK_STATE_COUNT; i++) {
		if (span_equal(name, span_of(names[i]))) {
			*state = (enum break_state)i;
			return true;
		}
	}
	return false;
}

/* clang-format off */
/* By event; one letter a state, in the order of the list: o a s p A f r, and - for none. */
static const char moves[BREAK_STATE_COUNT][BREAK_EVENT_COUNT + 1] = {
    /* seen, changed, woken, gone fixed, gone, ack, snooze, accept, accept first, reject, reopen */
    [BREAK_OPEN] =           "oo-fr" "asAp--",
    [BREAK_ACKNOWLEDGED] =   "ao-fr" "asAp-o",
    [BREAK_SNOOZED] =        "soofr" "asAp-o",
    [BREAK_ACCEPT_PENDING] = "po-fr" "--A-o-",
    [BREAK_ACCEPTED] =       "Ao-fr" "----o-",
    [BREAK_FIXED] =          "oo---" "------",
    [BREAK_RESOLVED] =       "oo---" "------",
};
/* clang-format on */

int break_next(enum break_state state, enum break_event event)
{
	static const char letters[BREAK_STATE_COUNT + 1] = "oaspAfr";
	CHECK((size_t)state < BREAK_STATE_COUNT && (size_t)event < BREAK_EVENT_COUNT);
	const char *to = memchr(letters, moves[state][event], BREAK_STATE_COUNT);
	return to ? (int)(to - letters) : -1;
}

int64_t break_due_ns(enum store_owner owner, int64_t from_ns)
{
	/* Who holds up all the others has to look first; a controller may have to ask an auditor. */
	static const int days[] = {[STORE_OWNER_TECHNICAL] = 1,
	                           [STORE_OWNER_DATA_QUALITY] = 3,
	                           [STORE_OWNER_MAPPING] = 2,
	                           [STORE_OWNER_POLICY] = 5};
	CHECK((size_t)owner < sizeof days / sizeof days[0]);
	return from_ns + days[owner] * DAY_NS;
}

void break_evidence(const struct ledger_break *one, char text[BREAK_EVIDENCE_MAX])
{
	(void)snprintf(text, BREAK_EVIDENCE_MAX, "%.*s %.*s %" PRId64 " %" PRId64 "%s%.*s",
	               (int)one->status.len, one->status.data, (int)one->cause.len, one->cause.data, one->net,
	               one->gross, one->content.len > 0 ? " " : "", (int)one->content.len,
	               one->content.len > 0 ? one->content.data : "");
}

/* ---- rows ---- */

static int64_t row_checksum(const struct ledger_break *one)
{
	const struct span texts[] = {one->key,      one->status,        one->cause,  one->entity,
	                             one->currency, one->document_type, one->text,   one->evidence,
	                             one->who,      one->second,        one->reason, one->first_run,
	                             one->last_run, one->legacy,        one->cloud};
	const int64_t numbers[] = {one->id,      one->owner,     one->period,     one->net,
	                           one->gross,   one->state,     one->at_ns,      one->until_ns,
	                           one->due_ns,  one->opened_ns, one->changed_ns, one->closed_ns,
	                           one->seen_ns, one->session,   one->reopened};
	struct row_sum sum = row_sum_begin(BREAK_LETTER);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		row_sum_span(&sum, texts[i]);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		row_sum_int(&sum, numbers[i]);
	return row_sum_end(&sum);
}

static bool load(sqlite3_stmt *statement, struct ledger_break *one)
{
	int owner = sql_column_small(statement, 4, STORE_OWNER_POLICY);
	int state = sql_column_small(statement, 13, BREAK_STATE_COUNT - 1);
	*one = (struct ledger_break){
	    .id = sqlite3_column_int64(statement, 0),
	    .key = sql_column_span(statement, 1),
	    .status = sql_column_span(statement, 2),
	    .cause = sql_column_span(statement, 3),
	    .owner = owner < 0 ? STORE_OWNER_TECHNICAL : (enum store_owner)owner,
	    .entity = sql_column_span(statement, 5),
	    .document_type = sql_column_span(statement, 6),
	    .currency = sql_column_span(statement, 7),
	    .period = sqlite3_column_int(statement, 8),
	    .net = sqlite3_column_int64(statement, 9),
	    .gross = sqlite3_column_int64(statement, 10),
	    .text = sql_column_span(statement, 11),
	    .evidence = sql_column_span(statement, 12),
	    .state = state < 0 ? BREAK_OPEN : (enum break_state)state,
	    .who = sql_column_span(statement, 14),
	    .second = sql_column_span(statement, 15),
	    .reason = sql_column_span(statement, 16),
	    .at_ns = sqlite3_column_int64(statement, 17),
	    .until_ns = sqlite3_column_int64(statement, 18),
	    .due_ns = sqlite3_column_int64(statement, 19),
	    .first_run = sql_column_span(statement, 20),
	    .last_run = sql_column_span(statement, 21),
	    .opened_ns = sqlite3_column_int64(statement, 22),
	    .changed_ns = sqlite3_column_int64(statement, 23),
	    .closed_ns = sqlite3_column_int64(statement, 24),
	    .seen_ns = sqlite3_column_int64(statement, 25),
	    .session = sqlite3_column_int64(statement, 26),
	    .reopened = sqlite3_column_int64(statement, 27),
	    .legacy = sql_column_span(statement, 28),
	    .cloud = sql_column_span(statement, 29),
	};
	return owner >= 0 && state >= 0 && row_checksum(one) == sqlite3_column_int64(statement, 30);
}

enum err break_put(struct ledger *ledger, const struct ledger_break *one, struct err_info *info)
{
	const struct span texts[] = {one->who, one->second, one->reason};
	const int64_t times[] = {one->at_ns, one->until_ns, one->due_ns};
	CHECK(ledger->in_transaction && one->id > 0);
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_BREAK_PUT);
	sql_bind_int(statement, 1, one->id);
	sql_bind_text(statement, 2, one->key);
	sql_bind_text(statement, 3, one->status);
	sql_bind_text(statement, 4, one->cause);
	sql_bind_int(statement, 5, one->owner);
	sql_bind_text(statement, 6, one->entity);
	sql_bind_text(statement, 7, one->document_type);
	sql_bind_text(statement, 8, one->currency);
	sql_bind_int(statement, 9, one->period);
	sql_bind_int(statement, 10, one->net);
	sql_bind_int(statement, 11, one->gross);
	sql_bind_text(statement, 12, one->text);
	sql_bind_text(statement, 13, one->evidence);
	sql_bind_int(statement, 14, one->state);
	for (int i = 0; i < 3; i++) {
		sql_bind_text(statement, 15 + i, texts[i]);
		sql_bind_int(statement, 18 + i, times[i]);
	}
	sql_bind_text(statement, 21, one->first_run);
	sql_bind_text(statement, 22, one->last_run);
	sql_bind_int(statement, 23, one->opened_ns);
	sql_bind_int(statement, 24, one->changed_ns);
	sql_bind_int(statement, 25, one->closed_ns);
	sql_bind_int(statement, 26, one->seen_ns);
	sql_bind_int(statement, 27, one->session);
	sql_bind_int(statement, 28, one->reopened);
	sql_bind_text(statement, 29, one->legacy);
	sql_bind_text(statement, 30, one->cloud);
	sql_bind_int(statement, 31, row_checksum(one));
	return ledger_run(ledger, statement, "writing an exception of a comparison", info);
}

/* The statement's row dies with its reset: the texts move into `texts`. */
static void keep_texts(struct ledger_break *one, struct buf *texts)
{
	struct span *const all[] = {&one->key,      &one->status,        &one->cause,  &one->entity,
	                            &one->currency, &one->document_type, &one->text,   &one->evidence,
	                            &one->who,      &one->second,        &one->reason, &one->first_run,
	                            &one->last_run, &one->legacy,        &one->cloud};
	size_t at = 0;
	buf_clear(texts);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		buf_append_span(texts, *all[i]);
	CHECK(buf_ok(texts));
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		all[i]->data = all[i]->len > 0 ? (const char *)texts->data + at : NULL;
		at += all[i]->len;
	}
}

static enum err damaged(struct ledger *ledger, struct err_info *info)
{
	return ledger_damaged(ledger, "an exception of a comparison", info);
}

static enum err find(struct ledger *ledger, enum ledger_statement which, struct span key,
                     struct ledger_break *one, struct buf *texts, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, which);
	bool more = false;
	sql_bind_text(statement, 1, key);
	enum err err = ledger_step(ledger, statement, &more, "looking up an exception of a comparison", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND, "no comparison has told of \"%.*s\"", (int)key.len,
		              key.data);
	else if (err == ERR_OK && !load(statement, one))
		err = damaged(ledger, info);
	else if (err == ERR_OK)
		keep_texts(one, texts);
	sqlite3_reset(statement);
	return err;
}

enum err ledger_break_find(struct ledger *ledger, struct span key, struct ledger_break *one,
                           struct buf *texts, struct err_info *info)
{
	return find(ledger, LEDGER_BREAK_GET, key, one, texts, info);
}

enum err break_after(struct ledger *ledger, struct span after, struct ledger_break *one, struct buf *texts,
                     struct err_info *info)
{
	return find(ledger, LEDGER_BREAK_NEXT, after, one, texts, info);
}

static enum err list(struct ledger *ledger, sqlite3_stmt *statement, ledger_break_visitor visit, void *self,
                     struct err_info *info)
{
	bool more = false;
	enum err err = ledger_step(ledger, statement, &more, "listing exceptions of comparisons", info);
	while (err == ERR_OK && more) {
		struct ledger_break one;
		if (!load(statement, &one))
			err = damaged(ledger, info);
		else if (!visit(self, &one))
			break;
		else
			err =
			    ledger_step(ledger, statement, &more, "listing exceptions of comparisons", info);
	}
	sqlite3_reset(statement);
	return err;
}

enum err ledger_breaks(struct ledger *ledger, int64_t before, ledger_break_visitor visit, void *self,
                       struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_BREAK_ALL);
	sql_bind_int(statement, 1, before > 0 ? before : INT64_MAX);
	return list(ledger, statement, visit, self, info);
}

enum err ledger_breaks_of_session(struct ledger *ledger, int64_t session, int limit,
                                  ledger_break_visitor visit, void *self, struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_BREAK_SESSION);
	sql_bind_int(statement, 1, session);
	sql_bind_int(statement, 2, limit);
	return list(ledger, statement, visit, self, info);
}

enum err ledger_breaks_count(struct ledger *ledger, int64_t counts[BREAK_STATE_COUNT], struct err_info *info)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_BREAK_COUNT);
	bool more = false;
	memset(counts, 0, BREAK_STATE_COUNT * sizeof counts[0]);
	enum err err = ledger_step(ledger, statement, &more, "counting exceptions of comparisons", info);
	while (err == ERR_OK && more) {
		int state = sql_column_small(statement, 0, BREAK_STATE_COUNT - 1);
		if (state < 0) {
			err = damaged(ledger, info);
			break;
		}
		counts[state] = sqlite3_column_int64(statement, 1);
		err = ledger_step(ledger, statement, &more, "counting exceptions of comparisons", info);
	}
	sqlite3_reset(statement);
	return err;
}

/* ---- one ---- */

static enum err refuse(const struct ledger_break *one, const struct break_act *act, struct err_info *info)
{
	static const char *const acts[BREAK_EVENT_COUNT] = {
	    [BREAK_ACK] = "taken in hand", [BREAK_SNOOZE] = "snoozed",  [BREAK_ACCEPT] = "accepted",
	    [BREAK_REJECT] = "taken back", [BREAK_REOPEN] = "reopened",
	};
	bool over = one->state == BREAK_FIXED || one->state == BREAK_RESOLVED;
	return err_set(info, ERR_CONFLICT, "%.*s is %s and cannot be %s%s", (int)one->key.len, one->key.data,
	               break_state_name(one->state), acts[act->event],
	               over ? "; if it is there again, the next run opens it"
	               : one->state == BREAK_ACCEPTED || one->state == BREAK_ACCEPT_PENDING
	                   ? "; an acceptance is taken back by rejecting it"
	                   : "");
}

enum err break_decide(const struct ledger_break *one, const struct break_act *act, enum break_state *next,
                      struct err_info *info)
{
	enum break_event event = act->event;
	CHECK(event >= BREAK_ACK && event != BREAK_ACCEPT_FIRST);
	if (event == BREAK_ACCEPT && span_equal(one->key, SPAN_LITERAL(BREAKS_MANY_NEW)))
		return err_set(
		    info, ERR_CONFLICT,
		    "what stands for many differences is not accepted; accept them by cause, or take it "
		    "in hand");
	if (event == BREAK_ACCEPT && one->state == BREAK_ACCEPT_PENDING && span_equal(one->who, act->who))
		return err_set(info, ERR_CONFLICT,
		               "%.*s was accepted by %.*s already; the second person must be another",
		               (int)one->key.len, one->key.data, (int)one->who.len, one->who.data);
	if (event == BREAK_ACCEPT && act->four_eyes && one->state != BREAK_ACCEPT_PENDING)
		event = BREAK_ACCEPT_FIRST;
	int to = break_next(one->state, event);
	if (to < 0)
		return refuse(one, act, info);
	*next = (enum break_state)to;
	return ERR_OK;
}

enum err ledger_break_act(struct ledger *ledger, struct ledger_break *one, const struct break_act *act,
                          struct err_info *info)
{
	enum break_state next = BREAK_OPEN;
	enum err err = break_decide(one, act, &next, info);
	if (err != ERR_OK)
		return err;
	bool second = one->state == BREAK_ACCEPT_PENDING && next == BREAK_ACCEPTED;
	if (second) {
		one->second = act->who;
	} else {
		one->who = act->who;
		one->second = (struct span){NULL, 0};
		one->reason = act->why;
	}
	if (act->event == BREAK_REJECT || act->event == BREAK_REOPEN)
		one->due_ns = break_due_ns(one->owner, act->at_ns);
	one->state = next;
	one->at_ns = act->at_ns;
	one->changed_ns = act->at_ns;
	one->until_ns = next == BREAK_SNOOZED ? act->until_ns : 0;
	return break_put(ledger, one, info);
}

/* ---- a set ---- */

struct walk {
	struct ledger *ledger;
	struct span cause, entity;
	const struct break_act *act;
	char after[BREAK_KEY_MAX + 1];
	struct buf texts;
};

/* The next that belongs to the set. ERR_NOT_FOUND: that was the last. */
static enum err walk_next(struct walk *walk, struct ledger_break *one, enum break_state *next,
                          struct err_info *info)
{
	struct err_info ignored;
	for (;;) {
		enum err err = break_after(walk->ledger, span_of(walk->after), one, &walk->texts, info);
		if (err != ERR_OK)
			return err;
		if (!text_copy(walk->after, sizeof walk->after, one->key))
			return damaged(walk->ledger, info);
		if ((walk->cause.len == 0 || span_equal(one->cause, walk->cause)) &&
		    (walk->entity.len == 0 || span_equal(one->entity, walk->entity)) &&
		    break_decide(one, walk->act, next, &ignored) == ERR_OK)
			return ERR_OK;
	}
}

static enum err add_money(struct break_set *set, const struct ledger_break *one, struct err_info *info)
{
	int i = 0;
	while (i < set->currency_count && !span_equal(span_of(set->currencies[i].code), one->currency))
		i++;
	if (i == BREAKS_CURRENCIES)
		return err_set(info, ERR_TOO_LARGE,
		               "these differences are in more than %d currencies; narrow them by company",
		               BREAKS_CURRENCIES);
	if (i == set->currency_count) {
		CHECK(text_copy(set->currencies[i].code, sizeof set->currencies[i].code, one->currency));
		set->currency_count++;
	}
	set->currencies[i].count++;
	if (__builtin_add_overflow(set->currencies[i].net, one->net, &set->currencies[i].net) ||
	    __builtin_add_overflow(set->currencies[i].gross, one->gross, &set->currencies[i].gross))
		return err_set(info, ERR_TOO_LARGE, "the sum in %s is over 64 bits", set->currencies[i].code);
	return ERR_OK;
}

static void add_line(struct digest_stream *stream, const struct ledger_break *one)
{
	digest_stream_add(stream, one->key);
	digest_stream_add(stream, SPAN_LITERAL("\t"));
	digest_stream_add(stream, one->evidence);
	digest_stream_add(stream, SPAN_LITERAL("\t"));
	digest_stream_add(stream, span_of(break_state_name(one->state)));
	digest_stream_add(stream, SPAN_LITERAL("\n"));
}

enum err ledger_breaks_gather(struct ledger *ledger, struct span cause, struct span entity,
                              const struct break_act *act, struct break_set *set, struct err_info *info)
{
	struct walk walk = {.ledger = ledger, .cause = cause, .entity = entity, .act = act};
	struct digest_stream *stream = digest_stream_new();
	struct ledger_break one;
	enum break_state next = BREAK_OPEN;
	enum err err = ERR_OK;
	CHECK(cause.len > 0 || entity.len > 0);
	*set = (struct break_set){.count = 0};
	buf_init(&walk.texts, BREAK_ROW_BYTES_MAX);
	while (err == ERR_OK) {
		err = walk_next(&walk, &one, &next, info);
		if (err == ERR_OK && set->count == BREAKS_SET_MAX)
			err = err_set(
			    info, ERR_TOO_LARGE,
			    "these are over %d differences, more than can be decided on at once; narrow "
			    "them by company",
			    BREAKS_SET_MAX);
		if (err == ERR_OK)
			err = add_money(set, &one, info);
		if (err != ERR_OK)
			break;
		set->count++;
		set->becomes[next]++;
		add_line(stream, &one);
	}
	set->digest = digest_stream_finish(stream);
	buf_release(&walk.texts);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err ledger_breaks_act(struct ledger *ledger, struct span cause, struct span entity,
                           const struct break_act *act, const struct digest *digest, struct err_info *info)
{
	struct walk walk = {.ledger = ledger, .cause = cause, .entity = entity, .act = act};
	struct break_set *set = mem_alloc(sizeof *set);
	struct ledger_break one;
	enum break_state next = BREAK_OPEN;
	enum err err = ledger_breaks_gather(ledger, cause, entity, act, set, info);
	if (err == ERR_OK && !digest_equal(&set->digest, digest))
		err =
		    err_set(info, ERR_CONFLICT,
		            "these differences have changed since the preview; nothing was done, look again");
	free(set);
	buf_init(&walk.texts, BREAK_ROW_BYTES_MAX);
	while (err == ERR_OK) {
		err = walk_next(&walk, &one, &next, info);
		if (err == ERR_OK)
			err = ledger_break_act(ledger, &one, act, info);
	}
	buf_release(&walk.texts);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
