/*
 * load_ledger.c - documents of CSV files into a ledger file, as the agent would have put them there.
 *
 * Why:   tests and benches of the comparison need ledgers that grew step by step, and one of a million pairs in
 *        minutes; the agent needs an ERP and a broker for that.
 * Owns:  the ledger while it runs. It may be interrupted: a step is in the ledger or not.
 * Rules: 1. Arguments: LEDGER, a folder of rules or `-` (codes stay), then steps in their order:
 *           legacy=FILE or cloud=FILE; each is one transaction.
 *        2. A document counts as arrived at the end of its posting date, as with `compare run --legacy --cloud`.
 * Faults: the first one ends it, told on standard error, exit status 1.
 * Runs in: make bench; tests/integration/test_compare*.py
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/csv_documents.h"
#include "connector/compare/project.h"
#include "tools/twinpost/rules_files.h"

#define PIECE  65536
#define DAY_NS (INT64_C(86400) * NS_PER_S)

struct step {
	struct projector *projector;
	enum ledger_side side;
};

static enum err take(void *self, const struct document *document, int64_t revision, int64_t line,
                     struct err_info *info)
{
	const struct step *step = self;
	const struct value *posting = &document->header[HEADER_POSTING_DATE];
	const struct projection projection = {
	    .side = step->side,
	    .revision = revision,
	    .recorded_ns = posting->present ? ((int64_t)posting->as.date + 1) * DAY_NS : DAY_NS,
	};
	(void)line;
	return project_document(step->projector, &projection, document, info);
}

static enum err load(struct step *step, const char *path, struct err_info *info)
{
	static char piece[PIECE];
	FILE *file = fopen(path, "rb");
	if (!file)
		return err_set(info, ERR_NOT_FOUND, "%s cannot be opened", path);
	struct csv_documents *csv = csv_documents_open(take, step);
	enum err err = ledger_begin(step->projector->ledger, info);
	size_t len = 1;
	while (err == ERR_OK && (len = fread(piece, 1, sizeof piece, file)) > 0)
		err = csv_documents_feed(csv, (struct span){piece, len}, info);
	if (err == ERR_OK)
		err = csv_documents_finish(csv, info);
	if (err == ERR_OK)
		err = ledger_commit(step->projector->ledger, info);
	csv_documents_close(csv);
	(void)fclose(file);
	return err;
}

static enum err use_rules(struct projector *projector, const struct rules *rules, struct err_info *info)
{
	enum err err = ledger_begin(projector->ledger, info);
	if (err == ERR_OK)
		err = project_use_rules(projector, rules, info);
	return err == ERR_OK ? ledger_commit(projector->ledger, info) : err;
}

static enum err load_steps(struct projector *projector, char **steps, int count, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < count && err == ERR_OK; i++) {
		const char *path = strchr(steps[i], '=');
		bool cloud = strncmp(steps[i], "cloud=", 6) == 0;
		struct step step = {projector, cloud ? SIDE_CLOUD : SIDE_LEGACY};
		if (!path || (!cloud && strncmp(steps[i], "legacy=", 7) != 0))
			return err_set(info, ERR_BAD_INPUT, "%s is neither legacy=FILE nor cloud=FILE",
			               steps[i]);
		err = load(&step, path + 1, info);
	}
	return err;
}

int main(int argc, char **argv)
{
	struct ledger *ledger = NULL;
	struct ledger_opening opening;
	struct projector projector;
	struct rules *rules = NULL;
	struct err_info info = {.text = ""};
	enum err err = ERR_OK;
	if (argc < 3) {
		(void)fprintf(stderr, "usage: load_ledger LEDGER RULES|- [legacy=FILE | cloud=FILE]...\n");
		return 2;
	}
	if (strcmp(argv[2], "-") != 0) {
		struct rules_problems *problems = mem_alloc(sizeof *problems);
		err = rules_read_directory(argv[2], &rules, problems, &info);
		free(problems);
	}
	if (err == ERR_OK)
		err = ledger_open(NULL, argv[1], LEDGER_WRITE, &ledger, &opening, &info);
	if (err == ERR_OK) {
		projector_init(&projector, ledger, rules);
		err = use_rules(&projector, rules, &info);
		if (err == ERR_OK)
			err = load_steps(&projector, argv + 3, argc - 3, &info);
		projector_release(&projector);
	}
	if (err != ERR_OK)
		(void)fprintf(stderr, "load_ledger: %s\n", info.text);
	ledger_close(ledger);
	rules_free(rules);
	return err == ERR_OK ? 0 : 1;
}
