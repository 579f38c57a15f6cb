/*
 * outcome_machine.c - where the state of one revision goes when an outcome comes in.
 *
 * Why:   see outcome.h. One pure function, so that every case can be tried against a table written by hand.
 * Owns:  nothing.
 *
 *   queued --PUBACK--> sent ----> RECEIVED ----> VALIDATED ----> PARTIAL
 *                       |            |               |              |
 *                       +------------+-------+-------+--------------+      (every later one can be the next)
 *                                            |
 *               +----------------------------+---------------------------+
 *               v                            v                           v
 *            BOOKED  <== corrects ==>    REJECTED   <== corrects ==> DUPLICATE   <== corrects ==> BOOKED
 *
 *   Begins outcome-rejected: to REJECTED. Begins outcome-partial: to PARTIAL.
 *   Ends outcome-rejected: to BOOKED or DUPLICATE. Ends outcome-partial, outcome-unknown-code and outcome-conflict: to
 *   any final state. Ends outcome-double-booking: a correction alone.
 *
 * Rules: 1. Rank RECEIVED 1, VALIDATED 2, PARTIAL 3, the final ones 4. A higher rank moves, a lower one is late.
 *        2. The same outcome with the same document, or with none, is a repeat; the first document for a state that had
 *           none is learned, so that a later, other one is seen.
 *        3. Final after another final moves only where it names that one in `corrects`. BOOKED with another document
 *           never moves: money may stand in the ledger twice, whatever the message calls it. DUPLICATE of another
 *           document is another final; DUPLICATE of the very document that is booked, or of none, is a repeat.
 *        4. Another document for REJECTED and the states before the end says nothing: history only.
 *        5. An older revision has its history and state; exceptions are the newest one's.
 * Faults: none; every combination has its answer.
 * Runs in: the core.
 * Tests: tests/unit/outcome_machine_test.c
 */
#include "connector/uplink/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Texts from outside, as they stand in a sentence: with dots where they were cut, and the end. */
#define SHOWN_TEXT_SIZE 160
#define SHOWN_WORD_SIZE 72

const char *outcome_rule_name(enum outcome_rule rule)
{
	static const char *const names[OUTCOME_RULE_COUNT] = {
#define OUTCOME_RULE_NAME(name, text) text,
	    OUTCOME_RULES(OUTCOME_RULE_NAME)
#undef OUTCOME_RULE_NAME
	};
	CHECK((unsigned)rule < OUTCOME_RULE_COUNT);
	return names[rule];
}

static int rank(enum outcome_code code)
{
	static const int ranks[OUTCOME_OTHER] = {
	    [OUTCOME_RECEIVED] = 1, [OUTCOME_VALIDATED] = 2, [OUTCOME_PARTIAL] = 3,
	    [OUTCOME_BOOKED] = 4,   [OUTCOME_REJECTED] = 4,  [OUTCOME_DUPLICATE] = 4,
	};
	CHECK((unsigned)code < OUTCOME_OTHER);
	return ranks[code];
}

/* ---- sentences ---- */

/* On one line, and cut between characters. */
static void show(char *shown, size_t size, const char *text)
{
	size_t len = strlen(text);
	bool cut = len >= size;
	if (cut) {
		len = size - 4;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++)
		shown[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
	memcpy(shown + len, cut ? "..." : "", cut ? 4 : 1);
}

static const char *advice(const struct outcome *outcome)
{
	static const struct {
		const char *name;
		const char *text;
	} advices[] = {
	    {"mapping", "add or mend the mapping it names"},
	    {"period", "have the period opened in the cloud, or agree on another posting date"},
	    {"policy", "agree with the cloud's ledger team whether it may be posted"},
	    {"master_data", "mend the master data it names, on the side that lacks it"},
	    {"amount", "compare the amounts with the ERP and mend the side that is wrong"},
	    {"technical", "look into the middleware's log"},
	};
	for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
		if (strcmp(advices[i].name, outcome->reason_class) == 0)
			return advices[i].text;
	}
	return "ask the middleware's operators what it means";
}

static void tell_rejected(const struct outcome *outcome, struct outcome_decision *decision)
{
	char reason[SHOWN_WORD_SIZE];
	char text[SHOWN_TEXT_SIZE];
	show(reason, sizeof reason, outcome->reason[0] ? outcome->reason : "not given");
	show(text, sizeof text, outcome->text[0] ? outcome->text : "no text");
	(void)snprintf(decision->text, sizeof decision->text,
	               "the cloud rejected revision %" PRId64
	               " (class %.16s, reason %s: %s); %s: it ends when this or a "
	               "later revision is booked",
	               outcome->revision, outcome->reason_class, reason, text, advice(outcome));
}

static void tell_partial(const struct outcome *outcome, struct outcome_decision *decision)
{
	char document[SHOWN_WORD_SIZE];
	char text[SHOWN_TEXT_SIZE];
	show(document, sizeof document, outcome->document[0] ? outcome->document : "not given");
	show(text, sizeof text, outcome->text[0] ? outcome->text : "no text");
	(void)snprintf(decision->text, sizeof decision->text,
	               "revision %" PRId64
	               " is only partly in the cloud's ledger (document %s: %s); ask the middleware's "
	               "operators what is missing: it ends with a final outcome",
	               outcome->revision, document, text);
}

static void tell_conflict(const struct outcome_facts *facts, const struct outcome *outcome,
                          struct outcome_decision *decision)
{
	(void)snprintf(decision->text, sizeof decision->text,
	               "revision %" PRId64
	               " was %s, and now the cloud says %s without correcting that; look into the "
	               "cloud's ledger which is true, and have it sent again with \"corrects\":\"%s\" if it "
	               "is the new one",
	               outcome->revision, outcome_code_name(facts->state), outcome_code_name(outcome->code),
	               outcome_code_name(facts->state));
}

static void tell_double_booking(const struct outcome_facts *facts, const struct outcome *outcome,
                                struct outcome_decision *decision)
{
	char first[OUTCOME_FIELD_BYTES_MAX + 1];
	char first_shown[SHOWN_WORD_SIZE];
	char second_shown[SHOWN_WORD_SIZE];
	bool fits = text_copy(first, sizeof first, facts->document);
	show(first_shown, sizeof first_shown, fits ? first : "another document");
	show(second_shown, sizeof second_shown, outcome->document);
	(void)snprintf(decision->text, sizeof decision->text,
	               "revision %" PRId64
	               " is booked as %s and again as %s; look into the cloud's ledger whether both "
	               "stand, and have one reversed",
	               outcome->revision, first_shown, second_shown);
}

static void tell_unknown_code(const struct outcome_facts *facts, const struct outcome *outcome,
                              struct outcome_decision *decision)
{
	char word[SHOWN_WORD_SIZE];
	const char *state = outcome_code_name(facts->state);
	show(word, sizeof word, outcome->word);
	(void)snprintf(decision->text, sizeof decision->text,
	               "the cloud says %s of revision %" PRId64
	               ", which this agent does not know; the state stays %s: ask "
	               "the middleware's developers which outcome is meant",
	               word, outcome->revision, state[0] ? state : "sent");
}

static void tell_unknown_subject(const struct outcome *outcome, struct outcome_decision *decision)
{
	char subject[OUTCOME_FIELD_BYTES_MAX + 1];
	char word[SHOWN_WORD_SIZE];
	show(word, sizeof word, outcome->word);
	(void)snprintf(subject, sizeof subject, "%s", outcome->subject);
	(void)snprintf(decision->text, sizeof decision->text,
	               "the cloud says %s of %s revision %" PRId64
	               ", which was never sent; see whether the middleware "
	               "answers for another gateway, or for a store that was lost",
	               word, subject, outcome->revision);
}

/* ---- the machine ---- */

static struct outcome_decision stay(enum outcome_finding finding, bool keep)
{
	return (struct outcome_decision){.finding = finding, .keep = keep};
}

static struct outcome_decision move(void)
{
	return (struct outcome_decision){.finding = OUTCOME_FOUND_NONE, .keep = true, .moves = true};
}

static struct outcome_decision step_again(const struct outcome_facts *facts, const struct outcome *outcome)
{
	struct span document = span_of(outcome->document);
	if (document.len == 0 || span_equal(document, facts->document))
		return stay(OUTCOME_FOUND_REPEATED, false);
	if (facts->document.len == 0)
		return move();
	if (outcome->code == OUTCOME_BOOKED)
		return stay(OUTCOME_FOUND_DOUBLE_BOOKING, true);
	if (outcome->code == OUTCOME_DUPLICATE)
		return outcome->corrects == OUTCOME_DUPLICATE ? move() : stay(OUTCOME_FOUND_CONFLICT, true);
	return stay(OUTCOME_FOUND_NONE, true);
}

/* A middleware that was sent a booked document again has it already, and says so: that is no lie. */
static bool says_no_other(const struct outcome_facts *facts, const struct outcome *outcome)
{
	struct span document = span_of(outcome->document);
	return outcome->corrects != OUTCOME_BOOKED &&
	       (document.len == 0 || span_equal(document, facts->document));
}

static struct outcome_decision step(const struct outcome_facts *facts, const struct outcome *outcome)
{
	if (outcome->code == OUTCOME_OTHER)
		return stay(OUTCOME_FOUND_UNKNOWN_CODE, true);
	if (outcome->code == facts->state)
		return step_again(facts, outcome);
	if (facts->state == OUTCOME_BOOKED && outcome->code == OUTCOME_DUPLICATE &&
	    says_no_other(facts, outcome))
		return stay(OUTCOME_FOUND_REPEATED, false);
	if (outcome_is_final(facts->state) && outcome_is_final(outcome->code))
		return outcome->corrects == facts->state ? move() : stay(OUTCOME_FOUND_CONFLICT, true);
	return rank(outcome->code) > rank(facts->state) ? move() : stay(OUTCOME_FOUND_LATE, true);
}

/* What a move of the newest revision ends and begins. */
static void follow_move(const struct outcome_facts *facts, const struct outcome *outcome,
                        struct outcome_decision *decision)
{
	if (outcome_is_final(outcome->code)) {
		decision->clear = OUTCOME_RULE_BIT(OUTCOME_RULE_PARTIAL) |
		                  OUTCOME_RULE_BIT(OUTCOME_RULE_UNKNOWN_CODE) |
		                  OUTCOME_RULE_BIT(OUTCOME_RULE_CONFLICT);
		if (outcome->code != OUTCOME_REJECTED)
			decision->clear |= OUTCOME_RULE_BIT(OUTCOME_RULE_REJECTED);
		if (outcome_is_final(facts->state) && outcome->corrects == facts->state)
			decision->clear |= OUTCOME_RULE_BIT(OUTCOME_RULE_DOUBLE_BOOKING);
	}
	decision->raise = outcome->code == OUTCOME_REJECTED || outcome->code == OUTCOME_PARTIAL;
	if (outcome->code == OUTCOME_REJECTED) {
		decision->rule = OUTCOME_RULE_REJECTED;
		decision->owner = outcome->owner;
		tell_rejected(outcome, decision);
	} else if (outcome->code == OUTCOME_PARTIAL) {
		decision->rule = OUTCOME_RULE_PARTIAL;
		decision->owner = STORE_OWNER_DATA_QUALITY;
		tell_partial(outcome, decision);
	}
}

static void begin_exception(struct outcome_decision *decision, enum outcome_rule rule, enum store_owner owner)
{
	decision->raise = true;
	decision->rule = rule;
	decision->owner = owner;
}

static void follow_finding(const struct outcome_facts *facts, const struct outcome *outcome,
                           struct outcome_decision *decision)
{
	switch (decision->finding) {
	case OUTCOME_FOUND_CONFLICT:
		begin_exception(decision, OUTCOME_RULE_CONFLICT, STORE_OWNER_POLICY);
		tell_conflict(facts, outcome, decision);
		break;
	case OUTCOME_FOUND_DOUBLE_BOOKING:
		begin_exception(decision, OUTCOME_RULE_DOUBLE_BOOKING, STORE_OWNER_POLICY);
		tell_double_booking(facts, outcome, decision);
		break;
	case OUTCOME_FOUND_UNKNOWN_CODE:
		begin_exception(decision, OUTCOME_RULE_UNKNOWN_CODE, STORE_OWNER_TECHNICAL);
		tell_unknown_code(facts, outcome, decision);
		break;
	default:
		/* A document learned begins and ends nothing: the outcome is the same. */
		if (decision->moves && (outcome->code != facts->state || facts->document.len > 0))
			follow_move(facts, outcome, decision);
	}
}

void outcome_decide(const struct outcome_facts *facts, const struct outcome *outcome,
                    struct outcome_decision *decision)
{
	CHECK(outcome->code != OUTCOME_NONE && facts->state != OUTCOME_OTHER);
	if (facts->other_stream) {
		*decision = stay(OUTCOME_FOUND_OTHER_STREAM, false);
	} else if (!facts->sent) {
		*decision = stay(OUTCOME_FOUND_UNKNOWN_SUBJECT, false);
		begin_exception(decision, OUTCOME_RULE_UNKNOWN_SUBJECT, STORE_OWNER_TECHNICAL);
		tell_unknown_subject(outcome, decision);
	} else {
		*decision = step(facts, outcome);
		bool old = outcome->revision < facts->newest;
		if (!old)
			follow_finding(facts, outcome, decision);
		else if (decision->finding != OUTCOME_FOUND_REPEATED &&
		         decision->finding != OUTCOME_FOUND_LATE)
			decision->finding = OUTCOME_FOUND_OLD_REVISION;
	}
	decision->state = decision->moves ? outcome->code : facts->state;
	CHECK(decision->keep || !decision->moves);
}
