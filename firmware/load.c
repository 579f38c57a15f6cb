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

bool load_config(struct config *config, const char *path, load_reader read_file, struct buf *out)
{
	struct buf text;
	struct err_info info;
	bool good = false;
	struct config_problems *problems = mem_alloc(sizeof *problems);
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	if (read_file(path, &text, &info) != ERR_OK)
		buf_printf(out, "%s\n", info.text);
	else
		good = config_parse(config, path, buf_span(&text), problems);
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

static bool load_key(const char *config_path, const char *name, const char *path,
                     uint8_t key[PUBLIC_KEY_BYTES], load_reader read_file, struct buf *out)
{
	struct buf pem;
	struct err_info info;
	size_t len = 0;
	buf_init(&pem, PUBLIC_KEY_PEM_MAX);
	bool read = read_file(path, &pem, &info) == ERR_OK;
	bool good = read && public_key_from_pem(buf_span(&pem), key, &len, &info) == ERR_OK;
	/* The reader names the file, the decoder does not. */
	if (!good)
		buf_printf(out, "%s: %s: %s%s%s; allowed is a PEM file with one public key of P-256\n",
		           config_path, name, read ? path : "", read ? ": " : "", info.text);
	buf_release(&pem);
	return good;
}

static bool load_keys(struct loaded *loaded, load_reader read_file, struct buf *out)
{
	const struct config *config = &loaded->config;
	bool good = true;
	for (int i = 0; i < config->cloud.command_key_count; i++)
		good = load_key(config->path, "cloud.command_keys", config->cloud.command_keys[i],
		                loaded->keys.command[i], read_file, out) &&
		       good;
	for (int i = 0; i < config->cloud.receipt_key_count; i++)
		good = load_key(config->path, "cloud.receipt_keys", config->cloud.receipt_keys[i],
		                loaded->keys.receipt[i], read_file, out) &&
		       good;
	loaded->keys.command_count = config->cloud.command_key_count;
	loaded->keys.receipt_count = config->cloud.receipt_key_count;
	return good;
}

bool load_all(struct loaded *loaded, const char *path, const char *profile_folder, load_reader read_file,
              struct buf *out)
{
	memset(loaded, 0, sizeof *loaded);
	if (!load_config(&loaded->config, path, read_file, out))
		return false;
	bool good = true;
	for (int i = 0; i < loaded->config.source_count; i++)
		good = load_profile(loaded, i, profile_folder, read_file, out) && good;
	return load_keys(loaded, read_file, out) && good;
}

void loaded_release(struct loaded *loaded)
{
	for (int i = 0; i < CONFIG_SOURCES_MAX; i++) {
		profile_free(loaded->profiles[i]);
		loaded->profiles[i] = NULL;
	}
}
