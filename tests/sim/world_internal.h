/*
 * world_internal.h - what the files of the simulated world share.
 *
 * Why:   one file makes a world and its faults, the other runs it.
 * Owns:  struct world.
 * Rules: as in world.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_WORLD_INTERNAL_H
#define TWINPOST_WORLD_INTERNAL_H

#include "tests/sim/world.h"

#define MINUTE_NS   (60 * NS_PER_S)
#define LOG_TAIL    12
#define LEDGER_PATH "/var/ledger.db"

struct world {
	struct world_options options;
	struct world_result *result;
	struct hal_sim *sim;
	struct erp_books books;
	struct erp_sim erp;
	struct broker_sim broker;
	struct subscriber subscriber;
	struct middleware middleware;
	struct loaded loaded;
	struct log log;
	struct agent *agent;
	bool faulty;
	bool drain; /* the agent was asked to stop */
	int64_t faulty_until_ns;
	int64_t work_due_ns;
	int64_t trouble_due_ns;
	int64_t
	    calm_due_ns; /* when what lasts a while (absence, full disk, errors) ends; INT64_MAX: nothing lasts */
	struct sim_client *client;
	bool rotates;         /* the client asked for another key */
	bool maps;            /* the comparison has rules */
	int64_t rules_due_ns; /* when the right ones come; INT64_MAX: they are there */
	bool damages;         /* the ledger's file, at rest */
	bool damaged;
	uint64_t steps_at_once;
	char config_text[2000];
	char tail[LOG_TAIL][300];
	uint64_t lines;
};

static inline struct sim_random *random_of(struct world *world)
{
	return &world->sim->random;
}

static inline bool one_in(struct world *world, uint64_t n)
{
	return sim_random_one_in(random_of(world), n);
}

static inline int64_t between(struct world *world, int64_t low, int64_t high)
{
	return sim_random_between(random_of(world), low, high);
}

static inline int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* world_make.c */
/* The ERP's own time, since 1970. */
int64_t world_erp_now(void *self);
/* A world as options->seed draws it; the log goes to the sink. */
void world_open(struct world *world, void (*sink)(void *self, enum log_level level, const char *line));
void world_close(struct world *world);
void world_draw_faults(struct world *world);
void world_end_faults(struct world *world);

#endif
