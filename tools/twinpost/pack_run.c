/*
 * pack_run.c - what run.json gives to the signed text.
 *
 * Why:   signing and verifying make the text from the same file by the same function.
 * Owns:  nothing.
 * Rules: a value that the text cannot hold in its one form is an error, never changed to fit.
 * Faults: any bytes.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#include <string.h>

#include "connector/posting/date.h"
#include "tools/twinpost/pack_check.h"

#define STREAMS_MAX 10000

/* The text between the quotes; values of the note have no escapes. */
static struct span text_of(const struct json_value *object, const char *name)
{
	struct json_value value = json_member(object, name);
	if (value.kind != JSON_TEXT)
		return (struct span){NULL, 0};
	return (struct span){value.raw.data + 1, value.raw.len - 2};
}

static bool count_of(const struct json_value *object, const char *name, int64_t *number)
{
	struct json_value value = json_member(object, name);
	return value.kind == JSON_NUMBER && json_read_integer(&value, number) && *number >= 0;
}

static struct span period_of(const struct json_value *scope, const char *name)
{
	struct span period = text_of(scope, name);
	return period.len > 0 ? period : SPAN_LITERAL("-");
}

static bool read_streams(const struct json_value *legacy, struct pack_note *note, struct buf *lines)
{
	struct json_value list = json_member(legacy, "streams");
	struct json_value stream;
	struct json_walk walk;
	struct buf all;
	int64_t epoch, sequence;
	bool good = true;
	note->stream_count = 0;
	buf_init(&all, (size_t)STREAMS_MAX * (PACK_STREAM_NAME + 64));
	if (list.kind == JSON_LIST)
		json_walk_init(&walk, &list);
	while (good && list.kind == JSON_LIST && json_walk_next(&walk, NULL, &stream)) {
		struct span name = {NULL, 0};
		good = stream.kind == JSON_OBJECT && count_of(&stream, "epoch", &epoch) &&
		       count_of(&stream, "sequence", &sequence);
		if (good)
			name = text_of(&stream, "name");
		good = good && pack_note_stream_valid(name) && ++note->stream_count <= STREAMS_MAX;
		if (good)
			pack_note_put_stream(&all, epoch, sequence, name);
	}
	if (good)
		pack_note_put_streams(lines, note->stream_count, buf_span(&all));
	buf_release(&all);
	note->streams = buf_span(lines);
	return good && (list.kind == JSON_LIST || list.kind == JSON_NONE);
}

static bool read_cut(const struct json_value *run, struct pack_note *note, struct buf *lines)
{
	struct json_value cut = json_member(run, "cut");
	if (cut.kind != JSON_OBJECT)
		return false;
	struct json_value cloud = json_member(&cut, "cloud");
	struct json_value legacy = json_member(&cut, "legacy");
	return cloud.kind == JSON_OBJECT && legacy.kind == JSON_OBJECT &&
	       instant_parse(&note->cut_ns, text_of(&cut, "at")) == ERR_OK &&
	       count_of(&cloud, "count", &note->cloud_count) &&
	       count_of(&cloud, "sequence", &note->cloud_sequence) &&
	       count_of(&legacy, "count", &note->legacy_count) && read_streams(&legacy, note, lines);
}

static enum err refuse(const char *what, struct err_info *info)
{
	return err_set(info, ERR_BAD_INPUT, "run.json: %s is missing or has not the form of format 1", what);
}

enum err pack_run_read(const struct pack_files *files, struct json_value *run, struct pack_note *note,
                       struct buf *lines, struct err_info *info)
{
	const struct pack_file *file = pack_files_find(files, "run.json");
	struct err_info why = {0};
	int64_t format;
	if (!file)
		return err_set(info, ERR_NOT_FOUND,
		               "missing file: there is no run.json; is this a comparison?");
	struct span text = file->bytes;
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (json_open(run, text, &why) != ERR_OK)
		return err_set(info, ERR_BAD_INPUT, "run.json: %.300s", why.text);
	if (run->kind != JSON_OBJECT || !count_of(run, "format", &format))
		return refuse("format", info);
	if (format != 1)
		return err_set(info, ERR_VERSION, "run.json has format %lld; this program knows 1",
		               (long long)format);
	struct json_value verdict = json_member(run, "verdict");
	struct json_value rules = json_member(run, "rules");
	struct json_value scope = json_member(run, "scope");
	if (verdict.kind != JSON_OBJECT || !pack_verdict_find(text_of(&verdict, "name"), &note->verdict))
		return refuse("verdict.name", info);
	note->run = text_of(run, "id");
	if (!pack_note_run_valid(note->run))
		return refuse("id", info);
	note->rules = rules.kind == JSON_OBJECT ? text_of(&rules, "version") : note->rules;
	if (rules.kind != JSON_OBJECT || !pack_note_rules_valid(note->rules))
		return refuse("rules.version", info);
	if (scope.kind != JSON_OBJECT)
		return refuse("scope", info);
	note->from = period_of(&scope, "from");
	note->to = period_of(&scope, "to");
	if (!pack_note_period_valid(note->from) || !pack_note_period_valid(note->to))
		return refuse("scope.from or scope.to", info);
	return read_cut(run, note, lines) ? ERR_OK : refuse("cut", info);
}
