/*
 * replay_rules.c - the command `compare replay`: what other rules would make of the documents that are there.
 *
 * Why:   a mapping is mended with its consequences in sight, not by trying it on the cloud.
 * Owns:  two cuts of the same moment, until both were compared.
 * Rules: 1. The same cut is compared by the rules in force and by those of --rules; nothing is written, neither a
 *           result nor a word to the agent.
 *        2. What would be posted again: documents of the ERP that were sent and would be sent with other mapped codes.
 *           The cloud's side is as it is: what it would make of them is not guessed. So a difference that is created
 *           for one of these is what posting it again is for; how many these are is told.
 *        3. Exit status: 0 it only clears or changes, 1 it creates some, 5 one of the two comparisons is incomplete.
 *        4. The same ledger, rules and --at give the same bytes.
 * Faults: what is wrong with rules, files or ledger is told.
 * Runs in: the CLI.
 * Tests: tests/unit/test_compare_replay.py, tests/integration/test_compare_repost.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/tally.h"
#include "connector/posting/pack.h"
#include "connector/uplink/map_codes.h"
#include "tools/twinpost/compare_cut.h"
#include "tools/twinpost/compare_decisions.h"
#include "tools/twinpost/compare_replay.h"

#define SHOWN 20

struct replay {
	const struct options *options;
	struct options in_force; /* the options without --rules */
	struct compare_cut cut;
	struct rules *tried;
	struct ledger *ledger; /* by the rules that are tried */
	struct replay_side sides[2];
	struct tally *causes; /* kind, cause, currency: count, gross, net */
	struct tally *posted; /* subjects that would be posted again */
	int64_t counts[REPLAY_KIND_COUNT];
	int64_t again;                 /* documents that would be posted again */
	int64_t gaps;                  /* ... that cannot be, for a code without a row */
	int64_t led;                   /* ... that the phase keeps here */
	int64_t of[REPLAY_KIND_COUNT]; /* differences of documents that would be posted again */
	cJSON *shown[REPLAY_KIND_COUNT];
};

/* ---- comparing twice ---- */

struct comparing {
	struct replay_side *side;
	struct compare_decisions *decisions;
};

static enum err take_line(void *self, enum run_file file, struct span line, struct err_info *info)
{
	struct comparing *comparing = self;
	return file == RUN_FILE_DIFFERENCES ? replay_add(comparing->side, line, info) : ERR_OK;
}

static bool find_decision(void *self, struct span key, struct span evidence, struct run_decision *decision)
{
	struct comparing *comparing = self;
	return compare_decisions_find(comparing->decisions, key, evidence, decision);
}

static enum err compare_side(struct replay *replay, struct ledger *ledger, const struct rules *rules,
                             struct replay_side *side, struct err_info *info)
{
	struct compare_cut *cut = &replay->cut;
	struct ledger *decided = cut->agent ? cut->agent : cut->ledger;
	struct comparing comparing = {side, compare_decisions_open(decided, cut->run.at_ns)};
	const struct run_sink sink = {&comparing, take_line, find_decision};
	enum err err = run_compare(ledger, rules, &cut->run, &sink, &side->outcome, info);
	compare_decisions_close(comparing.decisions);
	replay_sort(side);
	return err;
}

/* ---- what would be posted again ---- */

static date_days date_of(const struct replay *replay, const struct document *document)
{
	const struct value *posting = &document->header[HEADER_POSTING_DATE];
	const struct value *date = posting->present ? posting : &document->header[HEADER_DOCUMENT_DATE];
	return date->present ? date->as.date : replay->cut.day;
}

/* The phase keeps it here: nothing is sent, or the cloud leads. */
static bool stays(const struct replay *replay, const struct document *document, date_days on)
{
	int year, month, day;
	if (!replay->cut.configured)
		return false;
	date_to_civil(on, &year, &month, &day);
	enum config_phase phase =
	    config_phase_of(replay->cut.config, document_text(document, &document->header[HEADER_ENTITY]),
	                    span_of(document_spec(document->type)->name), 10000 * year + 100 * month + day)
		->phase;
	return phase == CONFIG_PHASE_LEGACY || phase == CONFIG_PHASE_CUTOVER;
}

struct posting_again {
	struct document document;
	struct buf before, after;
};

/* By which codes it was sent: the ledger has them; a file has the ERP's alone. */
static enum err pack_before(struct replay *replay, const struct ledger_document *row, date_days on,
                            struct posting_again *again, struct err_info *info)
{
	struct map_gaps gaps;
	enum err err = ERR_OK;
	if (replay->options->legacy && replay->cut.rules)
		err = map_codes(&again->document, replay->cut.rules, on, &gaps);
	buf_clear(&again->before);
	if (replay->options->legacy)
		document_pack(&again->document, &again->before);
	else
		buf_append_span(&again->before, row->packed);
	return err == ERR_OK ? ERR_OK : err_set(info, err, "a document is over the limits with its codes");
}

static enum err look_at(struct replay *replay, const struct ledger_document *row, struct posting_again *again,
                        struct err_info *info)
{
	struct map_gaps gaps;
	enum err err = document_unpack(&again->document, row->packed, info);
	if (err != ERR_OK || row->voided)
		return err;
	date_days on = date_of(replay, &again->document);
	err = pack_before(replay, row, on, again, info);
	if (err == ERR_OK)
		err = map_codes(&again->document, replay->tried, on, &gaps);
	if (err != ERR_OK)
		return err_set(info, err, "%.*s is over the limits with its codes", (int)row->subject.len,
		               row->subject.data);
	buf_clear(&again->after);
	document_pack(&again->document, &again->after);
	CHECK(buf_ok(&again->before) && buf_ok(&again->after));
	if (span_equal(buf_span(&again->before), buf_span(&again->after)))
		return ERR_OK;
	if (stays(replay, &again->document, on)) {
		replay->led++;
	} else if (gaps.count > 0) {
		replay->gaps++;
	} else {
		replay->again++;
		tally_add(replay->posted, &row->subject, 1, 0, 1);
	}
	return ERR_OK;
}

static enum err look_at_all(struct replay *replay, struct err_info *info)
{
	struct posting_again again;
	struct ledger_cursor *cursor = NULL;
	struct ledger_document row;
	document_init(&again.document);
	buf_init(&again.before, LEDGER_PACKED_MAX + 4096);
	buf_init(&again.after, LEDGER_PACKED_MAX + 4096);
	enum err err = ledger_cursor_open(replay->cut.ledger, SIDE_LEGACY, true, true, &cursor, info);
	while (err == ERR_OK && ledger_cursor_next(cursor, &row, &err, info))
		err = look_at(replay, &row, &again, info);
	ledger_cursor_close(cursor);
	buf_release(&again.before);
	buf_release(&again.after);
	document_release(&again.document);
	return err;
}

/* ---- adding up ---- */

static void add_money(struct replay *replay, enum replay_kind kind, const struct replay_difference *one)
{
	char place[2] = {(char)('0' + kind), 0};
	const struct span key[] = {span_of(place), span_of(one->cause), span_of(one->currency)};
	tally_add(replay->causes, key, 3, 0, 1);
	/* All amounts of a currency have its digits. */
	tally_add(replay->causes, key, 3, 1, one->gross.units);
	tally_add(replay->causes, key, 3, 2, one->net.units);
	tally_add(replay->causes, key, 3, 3, one->gross.scale);
}

static cJSON *difference_object(const struct replay_difference *before, const struct replay_difference *after,
                                bool again)
{
	const struct replay_difference *one = after ? after : before;
	const struct replay_difference *const both[] = {before, after};
	static const char *const names[] = {"before", "after"};
	cJSON *object = command_arguments();
	command_add_text(object, "subject", one->subject);
	command_add_text(object, "currency", one->currency);
	for (int i = 0; i < 2; i++) {
		char text[DECIMAL_TEXT_MAX];
		if (!both[i])
			continue;
		cJSON *part = command_arguments();
		command_add_text(part, "status", both[i]->status);
		command_add_text(part, "cause", both[i]->cause);
		(void)decimal_print(both[i]->gross, text);
		command_add_text(part, "gross", text);
		(void)decimal_print(both[i]->net, text);
		command_add_text(part, "net", text);
		CHECK(cJSON_AddItemToObject(object, names[i], part));
	}
	CHECK(cJSON_AddBoolToObject(object, "posted_again", again) != NULL);
	return object;
}

static void visit_change(void *self, enum replay_kind kind, const struct replay_difference *before,
                         const struct replay_difference *after)
{
	struct replay *replay = self;
	const struct replay_difference *one = after ? after : before;
	const struct span subject = span_of(one->subject);
	bool again = one->legacy && tally_get(replay->posted, &subject, 1, 0) > 0;
	int64_t limit = replay->options->limit > 0 ? replay->options->limit : SHOWN;
	replay->of[kind] += again;
	add_money(replay, kind, one);
	if (replay->counts[kind]++ < limit)
		CHECK(cJSON_AddItemToArray(replay->shown[kind], difference_object(before, after, again)));
}

/* ---- telling ---- */

struct cause_list {
	cJSON *array;
	char kind;
};

static void put_cause(void *self, const struct tally_row *row)
{
	struct cause_list *list = self;
	char text[DECIMAL_TEXT_MAX];
	if (row->parts[0].data[0] != list->kind)
		return;
	uint8_t scale = (uint8_t)(row->values[3] / row->values[0]);
	char *cause = mem_copy_text(row->parts[1]);
	char *currency = mem_copy_text(row->parts[2]);
	cJSON *object = command_arguments();
	command_add_text(object, "cause", cause);
	command_add_number(object, "count", row->values[0]);
	command_add_text(object, "currency", currency);
	(void)decimal_print((struct decimal){row->values[1], scale}, text);
	command_add_text(object, "gross", text);
	(void)decimal_print((struct decimal){row->values[2], scale}, text);
	command_add_text(object, "net", text);
	CHECK(cJSON_AddItemToArray(list->array, object));
	free(cause);
	free(currency);
}

static cJSON *kind_object(struct replay *replay, enum replay_kind kind)
{
	cJSON *object = command_arguments();
	struct cause_list list = {.array = cJSON_AddArrayToObject(object, "causes"),
	                          .kind = (char)('0' + kind)};
	CHECK(list.array != NULL);
	tally_visit(replay->causes, put_cause, &list);
	command_add_number(object, "count", replay->counts[kind]);
	CHECK(cJSON_AddItemToObject(object, "differences", replay->shown[kind]));
	replay->shown[kind] = NULL;
	return object;
}

static void put_side(cJSON *object, const char *name, const struct replay_side *side,
                     const struct rules *rules)
{
	cJSON *part = cJSON_AddObjectToObject(object, name);
	CHECK(part != NULL);
	command_add_text(part, "rules", rules ? rules_version(rules) : RUN_NO_RULES);
	command_add_text(part, "verdict", run_verdict_name(side->outcome.verdict));
	command_add_text(part, "why", side->outcome.why);
	command_add_number(part, "open", side->outcome.open);
	command_add_number(part, "accepted", side->outcome.accepted);
}

static cJSON *whole_object(struct replay *replay)
{
	char at[INSTANT_TEXT_SIZE];
	cJSON *object = command_arguments();
	instant_print(replay->cut.run.at_ns, at);
	command_add_text(object, "at", at);
	put_side(object, "before", &replay->sides[0], replay->cut.rules);
	put_side(object, "after", &replay->sides[1], replay->tried);
	for (int kind = 0; kind < REPLAY_KIND_COUNT; kind++)
		CHECK(cJSON_AddItemToObject(object, replay_kind_name((enum replay_kind)kind),
		                            kind_object(replay, (enum replay_kind)kind)));
	cJSON *repost = cJSON_AddObjectToObject(object, "repost");
	CHECK(repost != NULL);
	command_add_number(repost, "documents", replay->again);
	command_add_number(repost, "without_row", replay->gaps);
	command_add_number(repost, "kept_by_phase", replay->led);
	command_add_number(repost, "of_cleared", replay->of[REPLAY_CLEARED]);
	command_add_number(repost, "of_created", replay->of[REPLAY_CREATED]);
	command_add_number(repost, "of_changed", replay->of[REPLAY_CHANGED]);
	return object;
}

static void render_kind(const cJSON *data, const char *name, struct buf *out)
{
	char count[WORDS_SIZE];
	const cJSON *kind = member(data, name);
	const cJSON *cause;
	const cJSON *one;
	count_words(member_integer(kind, "count"), count);
	buf_printf(out, "%s: %s\n", name, count);
	cJSON_ArrayForEach(cause, member(kind, "causes"))
	{
		buf_printf(out, "    %s, %" PRId64 ": %s gross, %s net %s\n", member_text(cause, "cause"),
		           member_integer(cause, "count"), member_text(cause, "gross"),
		           member_text(cause, "net"), member_text(cause, "currency"));
	}
	cJSON_ArrayForEach(one, member(kind, "differences"))
	{
		const cJSON *before = member(one, "before");
		const cJSON *after = member(one, "after");
		buf_append_text(out, "      ");
		terminal_text(member_text(one, "subject"), out);
		buf_printf(out, "  %s%s%s%s\n", before ? member_text(before, "cause") : "",
		           before && after ? " -> " : "", after ? member_text(after, "cause") : "",
		           member_true(one, "posted_again") ? "  (would be posted again)" : "");
	}
	int64_t shown = cJSON_GetArraySize(member(kind, "differences"));
	if (member_integer(kind, "count") > shown)
		buf_printf(out, "      ... and %" PRId64 " more (--limit N)\n",
		           member_integer(kind, "count") - shown);
}

static void render_side(const cJSON *data, const char *name, const char *label, struct buf *out)
{
	char open[WORDS_SIZE];
	const cJSON *side = member(data, name);
	count_words(member_integer(side, "open"), open);
	buf_printf(out, "%-18s%s open, %s (rules %s)\n", label, open, member_text(side, "verdict"),
	           member_text(side, "rules"));
	if (strcmp(member_text(side, "verdict"), run_verdict_name(RUN_INCOMPLETE)) == 0) {
		buf_append_text(out, "    ");
		terminal_text(member_text(side, "why"), out);
		buf_append_char(out, '\n');
	}
}

static void render(const cJSON *data, struct buf *out)
{
	char documents[WORDS_SIZE];
	const cJSON *repost = member(data, "repost");
	render_side(data, "before", "rules in force", out);
	render_side(data, "after", "rules tried", out);
	for (int kind = 0; kind < REPLAY_KIND_COUNT; kind++)
		render_kind(data, replay_kind_name((enum replay_kind)kind), out);
	count_words(member_integer(repost, "documents"), documents);
	buf_printf(out,
	           "to be posted again: %s; %" PRId64 " of the created and %" PRId64
	           " of the changed differences are theirs\n",
	           documents, member_integer(repost, "of_created"), member_integer(repost, "of_changed"));
	if (member_integer(repost, "without_row") > 0)
		buf_printf(out,
		           "    and %" PRId64 " more cannot be: a code has no row (twinpost mapping gaps)\n",
		           member_integer(repost, "without_row"));
	if (member_integer(repost, "kept_by_phase") > 0)
		buf_printf(out, "    and %" PRId64 " more are not sent any more in their phase\n",
		           member_integer(repost, "kept_by_phase"));
}

/* ---- the whole ---- */

static enum err replay_both(struct replay *replay, struct err_info *info)
{
	struct compare_cut *cut = &replay->cut;
	cut->run.id = "replay";
	enum err err = compare_cut_copy(cut, replay->tried, &replay->ledger, info);
	if (err == ERR_OK)
		err = look_at_all(replay, info);
	if (err == ERR_OK)
		err = compare_side(replay, cut->ledger, cut->rules, &replay->sides[0], info);
	if (err == ERR_OK)
		err = compare_side(replay, replay->ledger, replay->tried, &replay->sides[1], info);
	if (err != ERR_OK)
		return err;
	replay_compare(&replay->sides[0], &replay->sides[1], visit_change, replay);
	if (!tally_ok(replay->causes) || !tally_ok(replay->posted))
		return err_set(info, ERR_OVERFLOW,
		               "the sums are over 64 bits; replay it by --entity or --from");
	return ERR_OK;
}

static enum cli_exit show(struct replay *replay)
{
	struct buf out;
	cJSON *object = whole_object(replay);
	buf_init(&out, CLI_OUTPUT_MAX);
	if (replay->options->json)
		command_print_json(object);
	else
		render(object, &out);
	cJSON_Delete(object);
	if (!command_print(&out))
		return CLI_FAILED;
	for (int i = 0; i < 2; i++) {
		if (replay->sides[i].outcome.verdict == RUN_INCOMPLETE)
			return CLI_INCOMPLETE;
	}
	return replay->counts[REPLAY_CREATED] > 0 ? CLI_FAILED : CLI_OK;
}

enum cli_exit command_compare_replay(const struct options *options)
{
	struct err_info info = {.text = ""};
	if (!options->rules)
		return command_misused("which rules are tried? %s", "--rules DIR");
	struct replay *replay = mem_alloc(sizeof *replay);
	replay->options = options;
	replay->in_force = *options;
	replay->in_force.rules = NULL;
	replay->causes = tally_new(4);
	replay->posted = tally_new(1);
	for (int kind = 0; kind < REPLAY_KIND_COUNT; kind++)
		replay->shown[kind] = cJSON_CreateArray();
	enum cli_exit status = compare_cut_open(&replay->cut, &replay->in_force);
	if (status == CLI_OK && !compare_cut_rules(options->rules, &replay->tried))
		status = CLI_FAILED;
	if (status == CLI_OK) {
		enum err err = replay_both(replay, &info);
		status = err == ERR_OK ? show(replay) : compare_cut_complain(err, &info);
	}
	for (int kind = 0; kind < REPLAY_KIND_COUNT; kind++)
		cJSON_Delete(replay->shown[kind]);
	for (int i = 0; i < 2; i++)
		replay_side_release(&replay->sides[i]);
	tally_free(replay->causes);
	tally_free(replay->posted);
	ledger_close(replay->ledger);
	rules_free(replay->tried);
	compare_cut_close(&replay->cut);
	free(replay);
	return status;
}
