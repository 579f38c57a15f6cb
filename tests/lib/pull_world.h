/*
 * pull_world.h - a pull machine with the JD Edwards profile, a real store and a small ERP in memory, driven
 * by hand.
 *
 * Why:   the machine's tests speak of batches, documents and minutes, not of frames.
 * Owns:  the ERP, the store in a directory of its own, the machine, what it handed on.
 * Rules: 1. Time moves only in world_run() and world_pass(); the ERP's clock moves with it.
 *        2. Each round is what the core does: events, a step, a commit.
 * Runs in: tests.
 */
#ifndef TWINPOST_TESTS_PULL_WORLD_H
#define TWINPOST_TESTS_PULL_WORLD_H

#include "connector/source/pull.h"
#include "tests/lib/memory_source.h"

#define WORLD_SUBJECTS_MAX 4096
/* 2024-03-01 08:00:00, as seconds and as the ERP writes it. */
#define WORLD_START_S   INT64_C(1709280000)
#define WORLD_START_DAY 124061

struct world_document {
	char subject[STORE_SUBJECT_MAX];
	int times; /* handed on, in transactions that stand */
	int lines;
	bool voided;
	int64_t total; /* first amount of the first line, in minor units */
};

struct world {
	struct memory_source source;
	struct config_source config;
	struct profile *profile;
	struct store *store;
	struct pull *pull;
	struct pull_sink sink;
	struct log log;
	char directory[64];
	char path[96];
	struct world_document documents[WORLD_SUBJECTS_MAX];
	int document_count;
	int handed_on; /* documents, in all */
	int unreadable;
	char held[STORE_SUBJECT_MAX]; /* this subject is held */
	char held_word[16];           /* subjects with this in them are held; empty: none */
	int fail_in;                  /* the so many-th document fails as the store would when it is full */
	int rollbacks;
};

/* profile_change: "from" to be replaced by "to" in the profile; NULL: none. */
void world_begin(struct world *world, const char *from, const char *to);
void world_end(struct world *world);
/* Makes the machine anew, as after a restart; what was not committed is lost. */
void world_restart(struct world *world);

/* One round. true: something happened. */
bool world_round(struct world *world);
/* Until everything is read; fails the test after 10,000 rounds. */
void world_run(struct world *world);
/* Lets so many seconds pass, doing what becomes due. */
void world_pass(struct world *world, double seconds);

const struct world_document *world_find(struct world *world, const char *subject); /* NULL: never handed on */
int world_times(struct world *world, const char *subject);
/* An open exception of this rule and key; its text, or NULL. */
const char *world_exception(struct world *world, const char *rule, const char *key);

/* A posted batch with this stamp, and a journal of `lines` lines in it: lines - 1 of 1.00 and one that
 * balances them. */
void world_batch(struct world *world, int batch, int day, int time);
void world_journal(struct world *world, int batch, int document, int lines);
void world_invoice(struct world *world, int document, int items, int day, int time);
void world_customer(struct world *world, int number, int day, int time);

#endif
