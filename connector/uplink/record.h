/*
 * record.h - from a whole document to its outbox row: validity, register, envelope, append.
 *
 * Why:   one place decides what is new, what has changed, what is the same, and what must wait for a person.
 * Owns:  two buffers, kept from document to document.
 * Rules: 1. A document that breaks a validity rule is not sent: it waits as an exception that ends when it reads well.
 *        2. Same bytes of data as the last revision: nothing happens. Other bytes, or voided now: the next revision.
 *        3. A document whose event is over message_size_max is sent in parts, each an event; where even one line does
 *           not fit it is an exception. Nothing is cut and nothing is dropped silently.
 *        4. Every call happens inside the caller's store transaction.
 *        5. By the rules, where there are any, the cloud's codes are written beside those of the ERP; a code that they
 *           do not have holds the document (mapping-missing).
 *        6. A document's phase is that of its company, kind and date: the posting date, else that of the document,
 *           else the day of today. In `legacy` it is excluded: nothing is sent, and what the register has stays as it
 *           is. In `cutover` it is held (legacy-after-cutover); one without a date of its own only if it is new or
 *           has changed.
 * Runs in: the core.
 * Tests: tests/unit/record_test.c, tests/sim
 */
#ifndef TWINPOST_RECORD_H
#define TWINPOST_RECORD_H

#include "config/config.h"
#include "connector/compare/rules.h"
#include "connector/posting/canonical.h"
#include "connector/posting/document.h"
#include "connector/uplink/notary.h"
#include "hal/hal.h"
#include "store_forward/store.h"

/* A document that is in phase `legacy` and was never sent; the same twice is no harm. excluded false: it is none of
 * those, or no longer. In the store's transaction; an error is one of the store's. */
typedef enum err (*recorder_excluding)(void *self, const char *subject, bool excluded, struct err_info *info);

struct recorder {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct notary *notary;        /* NULL: nothing is counted and no piece is closed */
	const struct rules *rules;    /* NULL: codes are not mapped */
	recorder_excluding excluding; /* NULL: nobody counts them; set by the owner, as the next */
	void *excluding_self;
	struct canonical canonical;
	struct buf data;
	struct buf event;
	uint64_t recorded; /* since start */
	uint64_t amended;
	uint64_t unchanged;
	uint64_t held;
	uint64_t excluded; /* since start, each time that one is read */
};

void recorder_init(struct recorder *recorder, struct hal *hal, const struct log *log, struct store *store,
                   const struct config *config, struct notary *notary);
void recorder_release(struct recorder *recorder);
/* From the next document on; borrowed. NULL: codes are not mapped. */
void recorder_set_rules(struct recorder *recorder, const struct rules *rules);

/* Fills the document's mapped fields. *held: it was not recorded but waits as an exception. An error is one of the
 * store's. */
MUST_USE enum err recorder_document(struct recorder *recorder, const char *source,
                                    const char *profile_version, struct document *document, bool *held,
                                    struct err_info *info);

/* A document that was sent already, as it was sent last, once more: its mapped codes by the rules in force. */
enum again { AGAIN_UNCHANGED, AGAIN_AMENDED, AGAIN_REFUSED };
struct recorder_again {
	enum again result;      /* preview: what it would be */
	int64_t revision;       /* after it; preview: of the register */
	char why[ERR_TEXT_MAX]; /* AGAIN_REFUSED */
};
/* Nothing is held and no exception ends by this: what the ERP has made of the document since is told by its next
 * reading. Refused: a code has no row, the cloud leads already or nothing is sent, or it is not what the register has.
 * An error is one of the store's. */
MUST_USE enum err recorder_document_again(struct recorder *recorder, const char *profile_version,
                                          struct document *document, bool preview,
                                          struct recorder_again *again, struct err_info *info);

/* Raises an exception and logs it when it is new. */
MUST_USE enum err recorder_exception(struct recorder *recorder, const struct store_exception *exception,
                                     struct err_info *info);
/* Clears exceptions of source and key (rule empty: any) and logs it when there were some. */
MUST_USE enum err recorder_clear(struct recorder *recorder, struct span rule, struct span source,
                                 struct span key, struct err_info *info);

#endif
