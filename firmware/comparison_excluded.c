/*
 * comparison_excluded.c - documents that phase legacy keeps here, counted for the comparison's waterfall.
 *
 * Why:   every document of the ERP stands in exactly one class; these leave no trace anywhere else.
 * Owns:  the ledger's rows of LEDGER_EXCLUDED, and which configuration they are of.
 * Rules: A row is on the disk before the position of the source behind it (comparison_before_commit()).
 * Faults: a ledger that is not well counts nothing, and says so: the sources are read again (firmware/agent_phases.c).
 * Runs in: the core.
 * Tests: tests/integration/test_mapping.py
 */
#include <string.h>

#include "firmware/comparison_internal.h"

bool comparison_exclude(struct comparison *comparison, const char *subject, bool excluded)
{
	struct err_info info = {.text = ""};
	int64_t since = -1;
	const struct ledger_held held = {.rule = SPAN_LITERAL(LEDGER_EXCLUDED),
	                                 .source = span_of(ledger_side_name(SIDE_LEGACY)),
	                                 .key = span_of(subject),
	                                 .owner = STORE_OWNER_POLICY,
	                                 .first_ns = comparison ? hal_wall_ns(comparison->hal) : 0};
	if (!comparison)
		return true;
	int64_t now_ns = hal_mono_ns(comparison->hal);
	if (!comparison->ledger && now_ns >= comparison->due_ns)
		comparison_open(comparison, now_ns);
	if (!comparison->ledger)
		return false;
	if (!excluded && ledger_held_count(comparison->ledger) == 0)
		return true;
	enum err err = ledger_held_first(comparison->ledger, held.rule, held.source, held.key, &since, &info);
	if (err == ERR_OK && (since >= 0) == excluded)
		return true;
	if (err == ERR_OK)
		err = comparison_begin(comparison, &info);
	if (err == ERR_OK)
		err = ledger_hold(comparison->ledger, &held, excluded, &info);
	if (err != ERR_OK) {
		comparison_failed(comparison, err, &info);
		return false;
	}
	comparison->bound = true;
	return true;
}

bool comparison_excludes_other(struct comparison *comparison, const char *digest)
{
	struct err_info info = {.text = ""};
	struct buf text;
	if (!comparison || !comparison->ledger)
		return false;
	buf_init(&text, DIGEST_HEX_SIZE);
	enum err err = ledger_text(comparison->ledger, TEXT_EXCLUDED, &text, &info);
	bool other = err == ERR_OK && !span_equal(buf_span(&text), span_of(digest));
	/* A ledger of before they were counted has none of them. */
	other = other || (err == ERR_NOT_FOUND && strcmp(digest, "none") != 0);
	buf_release(&text);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		comparison_failed(comparison, err, &info);
	return other;
}

void comparison_excludes_these(struct comparison *comparison, const char *digest)
{
	struct err_info info = {.text = ""};
	if (!comparison || comparison_begin(comparison, &info) != ERR_OK)
		return;
	enum err err = ledger_set_text(comparison->ledger, TEXT_EXCLUDED, span_of(digest), &info);
	if (err != ERR_OK)
		comparison_failed(comparison, err, &info);
}
