/*
 * load.c - reads the configuration file, then each profile it names.
 *
 * Why:   see load.h.
 * Owns:  the profiles, until loaded_release().
 * Faults: absent and unreadable files, files that are no YAML, every mistake the tables know.
 * Runs in: the core, the CLI.
 * Tests: tests/unit/load_test.c, tests/integration
 */
#include "firmware/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool load_config(struct loaded *loaded, const char *path, load_reader read_file, struct buf *out)
{
	struct buf text;
	struct err_info info;
	bool good = false;
	struct config_problems *problems = mem_alloc(sizeof *problems);
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	if (read_file(path, &text, &info) != ERR_OK)
		buf_printf(out, "%s\n", info.text);
	else
		good = config_parse(&loaded->config, path, buf_span(&text), problems);
	config_problems_print(problems, path, out);
	buf_release(&text);
	free(problems);
	return good;
}

static bool load_profile(struct loaded *loaded, int index, const char *folder, load_reader read_file,
                         struct buf *out)
{
	const struct config_source *source = &loaded->config.sources[index];
	char path[2 * CONFIG_PATH_MAX];
	if (strchr(source->profile, '/'))
		(void)snprintf(path, sizeof path, "%s", source->profile);
	else
		(void)snprintf(path, sizeof path, "%s/%s.yaml", folder, source->profile);
	struct buf text;
	struct err_info info;
	bool good = false;
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	if (read_file(path, &text, &info) != ERR_OK) {
		buf_printf(out,
		           "%s:%d:%d: profile of source %s: %s; allowed is the path of a profile or "
		           "a name in %s\n",
		           loaded->config.path, source->line, source->column, source->name, info.text,
		           folder);
	} else {
		struct config_problems *problems = mem_alloc(sizeof *problems);
		loaded->profiles[index] = profile_load(buf_span(&text), path, source->parameters,
		                                       source->parameter_count, problems);
		good = loaded->profiles[index] != NULL;
		config_problems_print(problems, path, out);
		free(problems);
	}
	buf_release(&text);
	return good;
}

bool load_all(struct loaded *loaded, const char *path, const char *profile_folder, load_reader read_file,
              struct buf *out)
{
	memset(loaded, 0, sizeof *loaded);
	if (!load_config(loaded, path, read_file, out))
		return false;
	bool good = true;
	for (int i = 0; i < loaded->config.source_count; i++)
		good = load_profile(loaded, i, profile_folder, read_file, out) && good;
	return good;
}

void loaded_release(struct loaded *loaded)
{
	for (int i = 0; i < CONFIG_SOURCES_MAX; i++) {
		profile_free(loaded->profiles[i]);
		loaded->profiles[i] = NULL;
	}
}
