/*
 * control_commands.h - the commands of the control protocol, behind control.c.
 *
 * Why:   control.c reads requests; what each command answers stands in files of its own.
 * Owns:  nothing.
 * Rules: a command writes the members of "data", or fails with one sentence; then nothing of what it wrote is sent.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c, tests/unit/control_change_test.c
 */
#ifndef TWINPOST_CONTROL_COMMANDS_H
#define TWINPOST_CONTROL_COMMANDS_H

#include "connector/posting/json_write.h"
#include "firmware/control.h"

/* What a request may carry besides v and cmd; each command takes some of them. */
enum control_argument {
	CONTROL_STREAM,
	CONTROL_SUBJECT,
	CONTROL_SOURCE,
	CONTROL_LIMIT,
	CONTROL_BEFORE,
	CONTROL_ALL,
	CONTROL_ID,
	CONTROL_OWNER,
	CONTROL_WHY,
	CONTROL_NOTE,
	CONTROL_FROM,
	CONTROL_TO,
	CONTROL_TEXT,
	CONTROL_RUN,
	CONTROL_VERDICT,
	CONTROL_SCOPE,
	CONTROL_CUT,
	CONTROL_FIGURES,
	CONTROL_DIFFERENCES,
	CONTROL_STATE,
	CONTROL_CAUSE,
	CONTROL_ENTITY,
	CONTROL_KEY,
	CONTROL_UNTIL,
	CONTROL_PREVIEW,
	CONTROL_TOKEN,
	CONTROL_ARGUMENT_COUNT
};

struct cJSON;

struct control_request {
	struct span who; /* asks */
	bool given[CONTROL_ARGUMENT_COUNT];
	struct span text[CONTROL_ARGUMENT_COUNT]; /* of those that are texts; not empty */
	int64_t number[CONTROL_ARGUMENT_COUNT];   /* of those that are numbers or true (1) and false (0) */
	const struct cJSON *json[CONTROL_ARGUMENT_COUNT]; /* of those that are objects or lists */
};

#define CONTROL_DIFFERENCES_MAX 100 /* of one compare_differences */
/* Lists stop growing at this many bytes of answer; what follows them still fits. */
#define CONTROL_LIST_BYTES_MAX (HAL_CONTROL_REPLY_MAX / 4u * 3u)

typedef enum err (*control_command)(const struct control_view *view, const struct control_request *request,
                                    struct json *json, struct err_info *info);

/* ERR_NOT_FOUND: the configured ones are told. */
enum err control_unknown_source(const struct control_view *view, struct span name, struct err_info *info);
/* NULL: there is none of that name. */
const struct store_stream *control_find_stream(const struct control_view *view, struct span name);
/* ERR_NOT_FOUND: the known ones are told. */
MUST_USE enum err control_stream(const struct control_view *view, struct span name,
                                 const struct store_stream **stream, struct err_info *info);
MUST_USE enum err control_need_store(const struct control_view *view, struct err_info *info);

/* control_change.c: a change is begun, made, and ended with its entry in the audit and the commit. */
/* ERR_UNSUPPORTED: this agent cannot change anything. */
MUST_USE enum err control_change_begin(const struct control_view *view, struct err_info *info);
struct control_change {
	const char *action; /* as the audit has it */
	struct span target;
	struct span why;
};
/* err is how the change itself went. Hands on the first thing that went wrong, and then nothing has changed. */
MUST_USE enum err control_change_end(const struct control_view *view, const struct control_request *request,
                                     const struct control_change *change, enum err err,
                                     struct err_info *info);
/* ERR_UNSUPPORTED, with what this agent cannot do. */
enum err control_not_available(const char *what, struct err_info *info);

enum err control_status(const struct control_view *view, const struct control_request *request,
                        struct json *json, struct err_info *info);
enum err control_queue(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info);
enum err control_trace(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info);
enum err control_exceptions(const struct control_view *view, const struct control_request *request,
                            struct json *json, struct err_info *info);

/* control_exceptions.c */
/* ERR_BAD_INPUT: the known ones are told. */
MUST_USE enum err control_owner(struct span name, enum store_owner *owner, struct err_info *info);
enum err control_exception(const struct control_view *view, const struct control_request *request,
                           struct json *json, struct err_info *info);
enum err control_exception_ack(const struct control_view *view, const struct control_request *request,
                               struct json *json, struct err_info *info);
enum err control_exception_note(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info);
enum err control_exception_retry(const struct control_view *view, const struct control_request *request,
                                 struct json *json, struct err_info *info);
/* control_replay.c */
enum err control_replay(const struct control_view *view, const struct control_request *request,
                        struct json *json, struct err_info *info);
enum err control_resend(const struct control_view *view, const struct control_request *request,
                        struct json *json, struct err_info *info);
/* control_key.c */
enum err control_key_show(const struct control_view *view, const struct control_request *request,
                          struct json *json, struct err_info *info);
enum err control_key_rotate(const struct control_view *view, const struct control_request *request,
                            struct json *json, struct err_info *info);
/* control_compare.c */
enum err control_compare_sign(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info);
/* control_compare_list.c */
enum err control_compare_list(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info);
enum err control_compare_show(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info);
struct ledger_break;
/* The members of one exception of comparisons. */
void control_write_break(const struct control_view *view, const struct ledger_break *one, struct json *json);
/* Minor units as the currency is written. */
void control_put_amount(struct json *json, const char *key, int64_t minor_units, struct span currency);
struct ledger;
/* ERR_UNSUPPORTED, ERR_AGAIN: there is none, or it is not well. */
MUST_USE enum err control_ledger(const struct control_view *view, struct ledger **ledger,
                                 struct err_info *info);
/* control_compare_decide.c */
enum err control_compare_ack(const struct control_view *view, const struct control_request *request,
                             struct json *json, struct err_info *info);
enum err control_compare_snooze(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info);
enum err control_compare_accept(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info);
enum err control_compare_reject(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info);
enum err control_compare_reopen(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info);
/* control_compare_runs.c */
enum err control_compare_begin(const struct control_view *view, const struct control_request *request,
                               struct json *json, struct err_info *info);
enum err control_compare_differences(const struct control_view *view, const struct control_request *request,
                                     struct json *json, struct err_info *info);
enum err control_compare_end(const struct control_view *view, const struct control_request *request,
                             struct json *json, struct err_info *info);
struct comparison_told;
/* control_compare_publish.c: in the store's transaction, what was told of a run as messages for the cloud; *pages: how
 * many. */
MUST_USE enum err control_compare_publish(const struct control_view *view, const struct comparison_told *told,
                                          int *pages, struct err_info *info);
/* control_repost.c */
enum err control_compare_repost(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info);
/* control_audit.c */
enum err control_audit(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info);
enum err control_audit_verify(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info);

/* Events of a stream that the broker has not acknowledged. */
int64_t control_waiting(const struct store_stream *stream);
/* Wall time of the oldest of them; 0: none waits. */
MUST_USE enum err control_oldest(struct store *store, const struct store_stream *stream, int64_t *recorded_ns,
                                 struct err_info *info);
/* Whole seconds from then to now, not below 0: the clock may have been set back. */
int64_t control_age_s(const struct control_view *view, int64_t then_wall_ns);

#endif
