/*
 * sim_test.c - runs simulated worlds: `sim_test`, `sim_test --seed N`, `sim_test --seeds N [--from N]`.
 *
 * Why:   see world.h. Without arguments it runs SEEDS_USUAL seeds, which take seconds, and what tests the
 *        simulator.
 * Owns:  nothing.
 * Rules: 1. A failure prints its seed and the command that shows it again, also where the run aborts.
 *        2. Over many seeds every mark must have been reached.
 * Runs in: tests.
 * Tests: is one.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/world.h"

#define SEEDS_USUAL 20

/* For the handler of an abort, which can be given nothing. */
static volatile sig_atomic_t seed_now;

static void say_seed(int number)
{
	char text[80];
	int len = snprintf(text, sizeof text,
	                   "\n# seed %ld: ended by signal %d; again: sim_test --seed %ld --log\n",
	                   (long)seed_now, number, (long)seed_now);
	if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
		_exit(1);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* The folder config/profiles of the tree that this program stands in. */
static bool find_profiles(char folder[PATH_MAX + 32])
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	if (len < 0)
		return false;
	path[len] = 0;
	for (char *slash; (slash = strrchr(path, '/'));) {
		*slash = 0;
		(void)snprintf(folder, PATH_MAX + 32, "%s/config/profiles", path);
		char file[PATH_MAX + 64];
		(void)snprintf(file, sizeof file, "%s/jde.yaml", folder);
		if (access(file, R_OK) == 0)
			return true;
	}
	return false;
}

static void add_marks(struct world_marks *sum, const struct world_marks *marks)
{
#define ADD_MARK(name) sum->name += marks->name;
	WORLD_MARKS(ADD_MARK)
#undef ADD_MARK
}

/* Prints all; returns how many were never reached. */
static int print_marks(const struct world_marks *marks)
{
	int missing = 0;
#define PRINT_MARK(name)                                                        \
	(void)printf("# %-18s %llu\n", #name, (unsigned long long)marks->name); \
	missing += marks->name == 0;
	WORLD_MARKS(PRINT_MARK)
#undef PRINT_MARK
	return missing;
}

static bool run_seed(struct world_options *options, struct world_marks *sum, uint64_t *digest)
{
	struct world_result *result = mem_alloc(sizeof *result);
	seed_now = (sig_atomic_t)options->seed;
	sim_world_run(options, result);
	bool good = result->good;
	(void)printf("%s %llu - seed %llu: %.1f simulated hours, %llu events, %llu again\n",
	             good ? "ok" : "not ok", (unsigned long long)options->seed,
	             (unsigned long long)options->seed, (double)result->simulated_ns / 3600e9,
	             (unsigned long long)result->marks.received,
	             (unsigned long long)result->marks.duplicates);
	if (!good)
		(void)printf("# %s\n# again: sim_test --seed %llu --log\n", result->finding,
		             (unsigned long long)options->seed);
	(void)fflush(stdout);
	add_marks(sum, &result->marks);
	*digest = result->digest;
	free(result);
	return good;
}

struct arguments {
	uint64_t from;
	uint64_t count;
	bool one;
	bool print_log;
	bool no_disk_errors;
};

static bool parse(int argc, char **argv, struct arguments *arguments)
{
	*arguments = (struct arguments){.from = 1, .count = SEEDS_USUAL};
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (strcmp(argv[i], "--seed") == 0 && more) {
			arguments->from = strtoull(argv[++i], NULL, 10);
			arguments->count = 1;
			arguments->one = true;
		} else if (strcmp(argv[i], "--seeds") == 0 && more) {
			arguments->count = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--from") == 0 && more) {
			arguments->from = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--log") == 0) {
			arguments->print_log = true;
		} else if (strcmp(argv[i], "--no-disk-errors") == 0) {
			arguments->no_disk_errors = true;
		} else {
			return false;
		}
	}
	return arguments->count > 0;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	char folder[PATH_MAX + 32];
	int failed = 0;
	if (!parse(argc, argv, &arguments)) {
		(void)fprintf(
		    stderr, "usage: sim_test [--seed N | --seeds N [--from N]] [--log] [--no-disk-errors]\n");
		return 2;
	}
	if (!find_profiles(folder)) {
		(void)fprintf(stderr, "config/profiles/jde.yaml is not in a folder above this program\n");
		return 2;
	}
	(void)signal(SIGABRT, say_seed);
	struct world_marks sum = {.steps = 0};
	uint64_t digest = 0;
	(void)printf("1..%llu\n", (unsigned long long)arguments.count + (arguments.one ? 0 : 2));
	for (uint64_t seed = arguments.from; seed < arguments.from + arguments.count; seed++) {
		struct world_options options = {.seed = seed,
		                                .profiles = folder,
		                                .print_log = arguments.print_log,
		                                .no_disk_errors = arguments.no_disk_errors};
		failed += !run_seed(&options, &sum, &digest);
	}
	int missing = print_marks(&sum);
	if (!arguments.one) {
		/* The last seed again: the same run, line by line of its log. */
		struct world_options options = {.seed = arguments.from + arguments.count - 1,
		                                .profiles = folder,
		                                .no_disk_errors = arguments.no_disk_errors};
		uint64_t again = 0;
		struct world_marks other = {.steps = 0};
		failed += !run_seed(&options, &other, &again);
		bool same = again == digest;
		bool complete = missing == 0 || arguments.count < SEEDS_USUAL || arguments.no_disk_errors;
		(void)printf("%s %llu - the same seed is the same run\n", same ? "ok" : "not ok",
		             (unsigned long long)arguments.count + 1);
		(void)printf("%s %llu - every mark was reached\n", complete ? "ok" : "not ok",
		             (unsigned long long)arguments.count + 2);
		failed += !same + !complete;
	}
	return failed > 0;
}
