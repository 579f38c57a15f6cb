/*
 * inbox_outcomes.c - takes messages of outcomes: states move, exceptions open and close, the sender is answered.
 *
 * Why:   see inbox.h, rule 3.
 * Owns:  nothing beyond struct inbox.
 * Rules: 1. The history keeps every outcome that says something new; only those that move become the state.
 *        2. A final outcome settles the sequences that its revision was sent as, and those of earlier revisions.
 *        3. A stream that is not ours is never the key of an exception: strangers would fill the list.
 * Faults: as in inbox.h.
 * Runs in: the core.
 * Tests: tests/unit/inbox_test.c
 */
#include <stdio.h>
#include <string.h>

#include "connector/uplink/inbox_state.h"
#include "store_forward/commands.h"

/* What is known of the subject; document->revision 0: nothing. */
static enum err find_facts(struct inbox *inbox, struct span stream, struct outcome_facts *facts,
                           struct store_document *document, struct err_info *info)
{
	const struct outcome *outcome = &inbox->outcome;
	*facts = (struct outcome_facts){.stream = stream};
	*document = (struct store_document){.revision = 0};
	enum err err = store_document_find(inbox->store, span_of(outcome->subject), document, info);
	if (err == ERR_NOT_FOUND) {
		document->revision = 0;
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	const struct store_stream *sent_on = store_stream_by_id(inbox->store, document->stream);
	facts->newest = document->revision;
	facts->sent = outcome->revision >= 1 && outcome->revision <= document->revision;
	facts->other_stream = !sent_on || !span_equal(span_of(sent_on->name), stream);
	err = store_outcome_state(inbox->store, span_of(outcome->subject), outcome->revision, &inbox->known,
	                          info);
	if (err == ERR_OK) {
		facts->state = (enum outcome_code)inbox->known.shown.code;
		facts->document = inbox->known.shown.document;
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err keep(struct inbox *inbox, const char *message, struct err_info *info)
{
	const struct outcome *outcome = &inbox->outcome;
	const struct store_outcome row = {
	    .subject = span_of(outcome->subject),
	    .revision = outcome->revision,
	    .code = (uint8_t)outcome->code,
	    .moved = inbox->decision.moves,
	    .document = span_of(outcome->document),
	    .date = span_of(outcome->date),
	    .ledger = span_of(outcome->ledger),
	    .reason = span_of(outcome->reason),
	    .reason_class = span_of(outcome->reason_class),
	    .text = span_of(outcome->text),
	    .message = span_of(message),
	    .at_ns = outcome->at_ns,
	    .received_ns = hal_wall_ns(inbox->hal),
	};
	return store_outcome_add(inbox->store, &row, info);
}

static enum err raise(struct inbox *inbox, struct span stream, struct err_info *info)
{
	const struct outcome_decision *decision = &inbox->decision;
	const struct span key = decision->rule == OUTCOME_RULE_UNKNOWN_SUBJECT
	                            ? inbox_stream_key(inbox, stream)
	                            : span_of(inbox->outcome.subject);
	return inbox_raise(inbox, outcome_rule_name(decision->rule), key, decision->owner, decision->text,
	                   info);
}

/* The sequences of the revision need nothing more. */
static enum err settle(struct inbox *inbox, struct err_info *info)
{
	if (!outcome_is_final(inbox->decision.state))
		return ERR_OK;
	return store_settle_revisions(inbox->store, span_of(inbox->outcome.subject), inbox->outcome.revision,
	                              info);
}

static enum err take_one(struct inbox *inbox, struct span stream, const char *message, struct err_info *info)
{
	struct outcome_facts facts;
	struct store_document document;
	enum err err = find_facts(inbox, stream, &facts, &document, info);
	if (err != ERR_OK)
		return err;
	outcome_decide(&facts, &inbox->outcome, &inbox->decision);
	ack_answer_count(&inbox->acks, &inbox->outcome, inbox->decision.finding);
	if (inbox->decision.keep)
		err = keep(inbox, message, info);
	if (err == ERR_OK && inbox->decision.moves)
		err = settle(inbox, info);
	if (err == ERR_OK && inbox->decision.moves)
		err = inbox->sink.moved(inbox->sink.self, document.source, span_of(inbox->outcome.subject),
		                        inbox->outcome.revision, info);
	for (int rule = 0; rule < OUTCOME_RULE_COUNT && err == ERR_OK; rule++) {
		if (inbox->decision.clear & OUTCOME_RULE_BIT(rule))
			err = inbox->sink.clear(inbox->sink.self, outcome_rule_name((enum outcome_rule)rule),
			                        span_of(inbox->outcome.subject), info);
	}
	if (err == ERR_OK && inbox->decision.raise)
		err = raise(inbox, stream, info);
	return err;
}

static enum err take_all(struct inbox *inbox, struct outcome_message *message, struct span stream,
                         struct err_info *info)
{
	enum err err = ERR_OK;
	enum outcome_next next = OUTCOME_READ;
	const char *why = "";
	ack_answer_clear(&inbox->acks);
	while (err == ERR_OK && (next = outcome_next(message, &inbox->outcome, &why)) != OUTCOME_END) {
		inbox->counters.outcomes++;
		if (next == OUTCOME_REFUSED)
			ack_answer_refuse(&inbox->acks, span_of(inbox->outcome.subject), why);
		else
			err = take_one(inbox, stream, message->id, info);
	}
	return err;
}

enum err inbox_outcomes(struct inbox *inbox, struct span stream, struct span payload, struct err_info *info)
{
	struct outcome_message message;
	struct err_info why = {.text = ""};
	const struct digest digest = digest_of(&payload, 1);
	if (outcome_message_open(&message, payload, &why) != ERR_OK)
		return inbox_refuse(inbox, "outcome-unreadable", inbox_stream_key(inbox, stream), payload,
		                    why.text, info);
	buf_clear(&inbox->answer);
	enum err err = store_message_seen(inbox->store, STORE_MESSAGE_ACK, span_of(message.id), &digest,
	                                  &inbox->answer, info);
	if (err == ERR_CONFLICT) {
		(void)snprintf(
		    why.text, sizeof why.text,
		    "a message of outcomes came with the id of another one, %s: each needs an id of "
		    "its own",
		    message.id);
		return inbox_refuse(inbox, "outcome-id-reused", inbox_stream_key(inbox, stream), payload,
		                    why.text, info);
	}
	if (err == ERR_NOT_FOUND) {
		err = take_all(inbox, &message, stream, info);
		buf_clear(&inbox->answer);
		ack_result_write(&inbox->answer, &inbox->acks, span_of(message.id), hal_wall_ns(inbox->hal));
		if (err == ERR_OK)
			err = store_message_put(inbox->store, STORE_MESSAGE_ACK, span_of(message.id), &digest,
			                        buf_span(&inbox->answer), hal_wall_ns(inbox->hal), info);
	}
	return err == ERR_OK ? inbox_answer(inbox, info) : err;
}
