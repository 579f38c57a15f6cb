/*
 * mapping_gaps.c - the command `mapping gaps`: codes that were posted on days on which no row covers them.
 *
 * Why:   before rules are put in force they are held against what the ERP really posts.
 * Owns:  the codes that were seen, until they are told.
 * Rules: 1. What was posted is the ERP's side of the agent's ledger, or a CSV file.
 *        2. A document without any date counts for today, as the agent does it.
 *        3. Voided documents count: they were posted.
 * Faults: what is wrong with rules, file or ledger is told.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_gaps.py, tests/unit/rules_gaps_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connector/compare/rules_gaps.h"
#include "connector/compare/tally.h"
#include "connector/posting/pack.h"
#include "connector/uplink/map_codes.h"
#include "tools/twinpost/compare_cut.h"

#define DAY_S 86400

struct gathering {
	struct tally *days; /* kind, entity, code, day: count */
	struct span entity;
	char day[16];
	date_days today;
	struct document document;
	/* Made of the tally's rows, whose texts they borrow. */
	struct rules_seen *seen;
	size_t count, capacity;
};

/* ---- what was posted ---- */

static void note_code(void *self, enum mapping_kind kind, struct span code)
{
	struct gathering *gathering = self;
	char letter[2] = {(char)('a' + kind), 0};
	const struct span key[] = {span_of(letter), gathering->entity, code, span_of(gathering->day)};
	tally_add(gathering->days, key, 4, 0, 1);
}

static void note_document(struct gathering *gathering)
{
	const struct document *document = &gathering->document;
	const struct value *date = &document->header[HEADER_POSTING_DATE];
	if (!date->present)
		date = &document->header[HEADER_DOCUMENT_DATE];
	/* Days sort as texts: from 1970 on, and before it as if on its first. */
	date_days day = date->present ? date->as.date : gathering->today;
	(void)snprintf(gathering->day, sizeof gathering->day, "%010d", (int)(day > 0 ? day : 0));
	gathering->entity = document_text(document, &document->header[HEADER_ENTITY]);
	map_codes_visit(document, note_code, gathering);
}

static enum err gather(struct gathering *gathering, struct ledger *ledger, struct err_info *info)
{
	struct ledger_cursor *cursor = NULL;
	struct ledger_document row;
	enum err err = ledger_cursor_open(ledger, SIDE_LEGACY, true, true, &cursor, info);
	while (err == ERR_OK && ledger_cursor_next(cursor, &row, &err, info)) {
		err = document_unpack(&gathering->document, row.packed, info);
		if (err == ERR_OK)
			note_document(gathering);
	}
	ledger_cursor_close(cursor);
	if (err == ERR_OK && !tally_ok(gathering->days))
		err =
		    err_set(info, ERR_OVERFLOW, "these are more codes and days than are looked at in one go");
	return err;
}

static bool goes_on(const struct rules_seen *seen, const struct tally_row *row, enum mapping_kind kind)
{
	return seen->kind == kind && span_equal(seen->entity, row->parts[1]) &&
	       span_equal(seen->code, row->parts[2]);
}

/* Rows of one code follow each other, by day. */
static void add_seen(void *self, const struct tally_row *row)
{
	struct gathering *gathering = self;
	enum mapping_kind kind = (enum mapping_kind)(row->parts[0].data[0] - 'a');
	date_days day = (date_days)command_number(row->parts[3].data, row->parts[3].len, INT32_MAX);
	struct rules_seen *last = gathering->count > 0 ? &gathering->seen[gathering->count - 1] : NULL;
	if (last && goes_on(last, row, kind)) {
		last->last = day;
		last->count += row->values[0];
		return;
	}
	if (gathering->count == gathering->capacity) {
		gathering->capacity = gathering->capacity ? 2 * gathering->capacity : 256;
		gathering->seen = mem_grow(gathering->seen, gathering->capacity * sizeof gathering->seen[0]);
	}
	gathering->seen[gathering->count++] = (struct rules_seen){.kind = kind,
	                                                          .entity = row->parts[1],
	                                                          .code = row->parts[2],
	                                                          .first = day,
	                                                          .last = day,
	                                                          .count = row->values[0]};
}

/* ---- telling ---- */

static void add_span(cJSON *object, const char *name, struct span text)
{
	char *copy = mem_copy_text(text);
	command_add_text(object, name, copy);
	free(copy);
}

static void add_date(cJSON *object, const char *name, date_days date)
{
	char text[DATE_TEXT_SIZE];
	date_print(date, text);
	command_add_text(object, name, text);
}

static void print_json(const struct gathering *gathering, const struct rules_gaps *gaps,
                       const struct rules *rules)
{
	cJSON *object = command_arguments();
	cJSON *list = cJSON_AddArrayToObject(object, "gaps");
	CHECK(list != NULL);
	for (size_t i = 0; i < gaps->kept; i++) {
		const struct rules_gap *gap = &gaps->list[i];
		cJSON *one = command_arguments();
		command_add_text(one, "kind", mapping_kind_name(gap->seen.kind));
		add_span(one, "entity", gap->seen.entity);
		add_span(one, "code", gap->seen.code);
		add_date(one, "from", gap->from);
		add_date(one, "to", gap->to);
		add_date(one, "first_posted", gap->seen.first);
		add_date(one, "last_posted", gap->seen.last);
		command_add_number(one, "posted", gap->seen.count);
		CHECK(cJSON_AddItemToArray(list, one));
	}
	command_add_number(object, "gap_count", gaps->gaps);
	command_add_number(object, "codes_with_gaps", gaps->codes);
	command_add_number(object, "codes_seen", (int64_t)gathering->count);
	command_add_text(object, "version", rules_version(rules));
	command_print_json(object);
	cJSON_Delete(object);
}

static void render(const struct gathering *gathering, const struct rules_gaps *gaps, struct buf *out)
{
	for (size_t i = 0; i < gaps->kept; i++) {
		struct buf line;
		buf_init(&line, CLIENT_MESSAGE_SIZE * 4u);
		rules_gap_text(&gaps->list[i], &line);
		terminal_text(buf_cstr(&line), out);
		buf_append_char(out, '\n');
		buf_release(&line);
	}
	if (gaps->gaps > (int64_t)gaps->kept)
		buf_printf(out, "... and %" PRId64 " more\n", gaps->gaps - (int64_t)gaps->kept);
	if (gaps->gaps == 0)
		buf_printf(out, "no gaps: every one of %zu codes that were posted has a row on its days\n",
		           gathering->count);
	else
		buf_printf(out, "%" PRId64 " gaps, of %" PRId64 " of %zu codes that were posted\n",
		           gaps->gaps, gaps->codes, gathering->count);
}

static enum cli_exit tell(const struct options *options, struct gathering *gathering,
                          const struct rules *rules)
{
	struct rules_gaps gaps;
	struct buf out;
	tally_visit(gathering->days, add_seen, gathering);
	rules_gaps_init(&gaps);
	rules_gaps_find(&gaps, rules, gathering->seen, gathering->count);
	buf_init(&out, CLI_OUTPUT_MAX);
	if (options->json)
		print_json(gathering, &gaps, rules);
	else
		render(gathering, &gaps, &out);
	bool any = gaps.gaps > 0;
	rules_gaps_release(&gaps);
	return command_print(&out) && !any ? CLI_OK : CLI_FAILED;
}

/* ---- the whole ---- */

static enum cli_exit look(struct compare_cut *cut, struct gathering *gathering)
{
	struct err_info info = {.text = ""};
	enum err err =
	    cut->options->legacy ? compare_cut_file(cut, SIDE_LEGACY, &info) : compare_cut_agent(cut, &info);
	if (err == ERR_OK)
		err = gather(gathering, cut->options->legacy ? cut->temporary : cut->agent, &info);
	return err == ERR_OK ? tell(cut->options, gathering, cut->rules) : compare_cut_complain(err, &info);
}

enum cli_exit command_mapping_gaps(const struct options *options)
{
	struct compare_cut cut;
	struct options chosen = *options;
	struct gathering gathering = {.days = tally_new(1), .today = (date_days)(time(NULL) / DAY_S)};
	chosen.rules = options->operands[0];
	document_init(&gathering.document);
	enum cli_exit status = compare_cut_begin(&cut, &chosen);
	if (status == CLI_OK && !cut.rules)
		status = command_misused("which rules? compare.rules is not set; name their folder: %s",
		                         "mapping gaps DIR");
	if (status == CLI_OK)
		status = look(&cut, &gathering);
	compare_cut_close(&cut);
	document_release(&gathering.document);
	free(gathering.seen);
	tally_free(gathering.days);
	return status;
}
