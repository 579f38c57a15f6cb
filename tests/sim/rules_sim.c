/*
 * rules_sim.c - see rules_sim.h.
 *
 * Why:   see rules_sim.h.
 * Owns:  as in rules_sim.h.
 * Rules: as in rules_sim.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/rules_sim.h"

#include <string.h>

#define HEADER "entity,from,to,valid_from,valid_to,note\n"

struct code {
	const char *legacy;
	const char *cloud;
};

/* What the agent sends, and what the cloud has instead: two accounts become one. */
static const struct code entities[] = {{"00001", "A1"}, {"00070", "JP-7"}};
static const struct code accounts[] = {
    {"100.4010", "400100"}, {"100.1210", "120000"}, {"100.1110", "120000"}};

static const struct {
	const char *account;
	const char *entity; /* NULL: there is no such file */
} versions[RULES_SIM_COUNT] = {
    [RULES_SIM_OTHER] = {HEADER "*,*,=,,,\n*,100.4010,400199,,,\n", NULL},
    [RULES_SIM_LACKING] = {HEADER "*,100.4010,400100,,,\n*,100.1110,120000,,,\n00200,*,=,,,\n",
                           HEADER "*,*,=,,,\n00001,00001,A1,,,\n"},
    [RULES_SIM_RIGHT] = {HEADER
                         "*,100.4010,400100,,,\n*,100.1210,120000,,,\n*,100.1110,120000,,,\n*,*,=,,,\n",
                         HEADER "*,00001,A1,,,\n*,00070,JP-7,,,\n*,*,=,,,\n"},
};

static enum rules_sim_version present;

void rules_sim_put(enum rules_sim_version version)
{
	present = version;
}

static enum err read_file(const char *path, struct buf *out, struct err_info *info)
{
	const char *text = NULL;
	if (strcmp(path, RULES_SIM_DIRECTORY "/account.csv") == 0)
		text = versions[present].account;
	else if (strcmp(path, RULES_SIM_DIRECTORY "/entity.csv") == 0)
		text = versions[present].entity;
	if (!text)
		return err_set(info, ERR_NOT_FOUND, "%s is not there", path);
	buf_append_text(out, text);
	return ERR_OK;
}

static enum err list_files(const char *directory, struct buf *names, struct err_info *info)
{
	(void)info;
	CHECK(strcmp(directory, RULES_SIM_DIRECTORY) == 0);
	buf_append(names, "account.csv", sizeof "account.csv");
	if (versions[present].entity)
		buf_append(names, "entity.csv", sizeof "entity.csv");
	return ERR_OK;
}

static enum err stamp_files(const char *directory, uint64_t *stamp, struct err_info *info)
{
	(void)directory;
	(void)info;
	*stamp = 1 + (uint64_t)present;
	return ERR_OK;
}

const struct rules_files rules_sim_files = {read_file, list_files, stamp_files};

struct rules *rules_sim_right(void)
{
	struct rules *rules = rules_new();
	struct rules_problems problems = {.count = 0};
	bool good = rules_add(rules, "account", span_of(versions[RULES_SIM_RIGHT].account), &problems) &&
	            rules_add(rules, "entity", span_of(versions[RULES_SIM_RIGHT].entity), &problems) &&
	            rules_finish(rules, &problems);
	CHECK(good);
	return rules;
}

static const char *find(const struct code *codes, size_t count, const char *legacy)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(codes[i].legacy, legacy) == 0)
			return codes[i].cloud;
	}
	return legacy;
}

const char *rules_sim_entity(const char *legacy)
{
	return find(entities, sizeof entities / sizeof entities[0], legacy);
}

const char *rules_sim_account(const char *legacy)
{
	return find(accounts, sizeof accounts / sizeof accounts[0], legacy);
}
