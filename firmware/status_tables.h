/*
 * status_tables.h - the writers of all status tables, one for each source that has one.
 *
 * Why:   the agent drives them with one call each, however many there are.
 * Owns:  the writers.
 * Rules: what waits for a source that has no status table any more is forgotten at the first step.
 * Runs in: the core.
 * Tests: tests/integration/test_status_table.py
 */
#ifndef TWINPOST_STATUS_TABLES_H
#define TWINPOST_STATUS_TABLES_H

#include "connector/source/status_writer.h"

struct status_tables;

/* Borrows all its arguments but the sink for its life. */
struct status_tables *status_tables_new(struct hal *hal, const struct log *log, struct store *store,
                                        const struct config *config, const struct status_writer_sink *sink);
void status_tables_free(struct status_tables *tables); /* NULL is allowed */

/* As those of status_writer.h. *deadline is made earlier where one of them is due before. */
MUST_USE enum err status_tables_step(struct status_tables *tables, int64_t now_ns, int64_t *deadline,
                                     struct err_info *info);
bool status_tables_own(const struct status_tables *tables, hal_child child);
MUST_USE enum err status_tables_event(struct status_tables *tables, const struct hal_child_event *event,
                                      int64_t now_ns, struct err_info *info);
void status_tables_rolled_back(struct status_tables *tables, int64_t now_ns);
bool status_tables_idle(const struct status_tables *tables);

int status_tables_count(const struct status_tables *tables);
void status_tables_status(const struct status_tables *tables, int n, struct status_writer_status *status);

#endif
