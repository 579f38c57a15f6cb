/*
 * check.c - `config check FILE`: the file, and everything it names.
 *
 * Why:   a certificate that is not there is told now, with its line, and not at three in the morning.
 * Owns:  the text of the file while it is checked.
 * Rules: 1. Problems have a place and decide the exit status. Notes do not: they are what may be right on the box but
 *           cannot be seen from here (a systemd credential, a variable of the service's environment).
 *        2. A secret is looked at (there, readable, closed to others, not empty), never shown.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/load.h"
#include "store_forward/signature.h"
#include "tools/twinpost/commands.h"
#include "tools/twinpost/rules_files.h"

#ifndef TWINPOST_PROFILE_DIR
#error "TWINPOST_PROFILE_DIR comes from the Makefile"
#endif

#define PEM_BYTES_MAX (4u * 1024u * 1024u) /* the public authorities of a system are some 250 KB */

struct check {
	struct span text;
	struct config_problems *problems;
	struct config_problems *notes;
};

static void tell(struct check *check, struct config_problems *to, const char *key, int entry,
                 const char *what)
{
	int line, column;
	(void)config_locate(check->text, key, entry, &line, &column); /* not given: the file as a whole */
	const char *dot = strrchr(key, '.');
	config_problem_add(to, line, column, "%s%s: %s", to == check->notes ? "note: " : "",
	                   dot ? dot + 1 : key, what);
}

/* Only its owner and group may touch it. false: told. */
static bool is_closed(struct check *check, const char *key, int entry, const char *path)
{
	struct stat state;
	char what[ERR_TEXT_MAX];
	if (stat(path, &state) != 0 || (state.st_mode & 007) == 0)
		return true;
	(void)snprintf(what, sizeof what,
	               "%.300s can be read by everyone; allowed is its owner and group: chmod 640 it", path);
	tell(check, check->problems, key, entry, what);
	return false;
}

/* Reads the file of a key; false: told. */
static bool read_named(struct check *check, const char *key, int entry, const char *path, struct buf *out)
{
	struct err_info info;
	char what[ERR_TEXT_MAX];
	if (file_read(path, out, &info) == ERR_OK)
		return true;
	(void)snprintf(what, sizeof what, "%.400s; allowed is a file that the agent's user can read",
	               info.text);
	tell(check, check->problems, key, entry, what);
	return false;
}

static void check_pem(struct check *check, const char *key, const char *path, const char *marker)
{
	struct buf text;
	char what[ERR_TEXT_MAX];
	if (path[0] == 0)
		return;
	buf_init(&text, PEM_BYTES_MAX);
	if (read_named(check, key, 0, path, &text) && !memmem(text.data, text.len, marker, strlen(marker))) {
		(void)snprintf(what, sizeof what, "%.300s holds no \"%s\"; allowed is a PEM file", path,
		               marker);
		tell(check, check->problems, key, 0, what);
	}
	/* It may have held a private key. */
	if (text.len > 0)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
}

/* As the agent reads it at its start. */
static void check_public_key(struct check *check, const char *key, int entry, const char *path)
{
	struct buf text;
	struct err_info info;
	char what[ERR_TEXT_MAX];
	uint8_t spki[PUBLIC_KEY_BYTES];
	size_t len = 0;
	buf_init(&text, PUBLIC_KEY_PEM_MAX);
	if (read_named(check, key, entry, path, &text) &&
	    public_key_from_pem(buf_span(&text), spki, &len, &info) != ERR_OK) {
		(void)snprintf(what, sizeof what,
		               "%.200s: %.200s; allowed is a PEM file with one public key of P-256", path,
		               info.text);
		tell(check, check->problems, key, entry, what);
	}
	/* It may be a private key by mistake. */
	if (text.len > 0)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
}

static void check_secret_file(struct check *check, const char *key, int entry, const char *path)
{
	struct buf text;
	char what[ERR_TEXT_MAX];
	buf_init(&text, SECRET_BYTES_MAX + 1);
	if (read_named(check, key, entry, path, &text) && is_closed(check, key, entry, path)) {
		size_t len = text.len > 0 && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
		if (len == 0 || len > SECRET_BYTES_MAX) {
			(void)snprintf(what, sizeof what, "%.300s holds %zu bytes; allowed are 1 to %d", path,
			               len, SECRET_BYTES_MAX);
			tell(check, check->problems, key, entry, what);
		}
	}
	if (text.len > 0)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
}

static void check_secret(struct check *check, const char *key, int entry,
                         const struct secret_reference *reference)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char text[ERR_TEXT_MAX];
	switch (reference->kind) {
	case SECRET_NONE:
		break;
	case SECRET_FILE:
		check_secret_file(check, key, entry, reference->name);
		break;
	case SECRET_ENVIRONMENT:
		if (getenv(reference->name))
			break;
		(void)snprintf(text, sizeof text,
		               "the variable %s is not set here; the agent's service must set it",
		               reference->name);
		tell(check, check->notes, key, entry, text);
		break;
	case SECRET_CREDENTIAL:
		(void)snprintf(text, sizeof text, "%.200s/%s", folder ? folder : "", reference->name);
		if (folder && access(text, R_OK) == 0)
			break;
		(void)snprintf(text, sizeof text,
		               "the credential %s cannot be seen from here; the agent's service must load it "
		               "(LoadCredential=)",
		               reference->name);
		tell(check, check->notes, key, entry, text);
		break;
	}
}

static void check_zone(struct check *check, int entry, const struct config_source *source)
{
	char path[128];
	char what[ERR_TEXT_MAX];
	(void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", source->zone);
	/* Without the database nothing can be said; the zone is only shown, never reckoned with. */
	if (access("/usr/share/zoneinfo/Europe", F_OK) != 0 ||
	    (access(path, R_OK) == 0 && source->zone[0] != '/'))
		return;
	(void)snprintf(what, sizeof what,
	               "there is no time zone %s; allowed is an IANA name such as Europe/Berlin",
	               source->zone);
	tell(check, check->problems, "sources.zone", entry, what);
}

static void check_encoding(struct check *check, int entry, const struct config_source *source)
{
	char what[ERR_TEXT_MAX];
	iconv_t conversion = iconv_open("UTF-8", source->text_encoding);
	if (conversion != (iconv_t)-1) {
		(void)iconv_close(conversion);
		return;
	}
	(void)snprintf(what, sizeof what,
	               "%s is no character set known here; allowed is what iconv --list shows",
	               source->text_encoding);
	tell(check, check->problems, "sources.encoding", entry, what);
}

/* Every entry of documents names a feed of the profile or a type that one makes. */
static void check_documents(struct check *check, int entry, const struct config_source *source,
                            const struct profile *profile)
{
	struct config_source *one = mem_alloc(sizeof *one);
	char what[ERR_TEXT_MAX];
	for (int i = 0; i < source->feed_count; i++) {
		bool known = false;
		memcpy(one->feeds[0], source->feeds[i], sizeof one->feeds[0]);
		one->feed_count = 1;
		for (int j = 0; j < profile->feed_count; j++)
			known = known || profile_feed_wanted(&profile->feeds[j], one);
		if (known)
			continue;
		(void)snprintf(what, sizeof what,
		               "the profile %s has no %s; allowed are its feeds and the types of their "
		               "documents",
		               profile_name(profile), source->feeds[i]);
		tell(check, check->problems, "sources.documents", entry, what);
	}
	free(one);
}

static void check_source(struct check *check, int entry, const struct config_source *source,
                         const struct profile *profile)
{
	check_secret(check, "sources.password", entry, &source->password);
	check_secret(check, "sources.status_table.password", entry, &source->status_table.password);
	check_zone(check, entry, source);
	check_encoding(check, entry, source);
	if (profile)
		check_documents(check, entry, source, profile);
}

/* The folder of a file that the agent makes itself. */
static void check_folder(struct check *check, const char *key, const char *path)
{
	char folder[CONFIG_PATH_MAX];
	char what[ERR_TEXT_MAX];
	struct stat state;
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	(void)snprintf(folder, sizeof folder, "%.*s", (int)len, path);
	if (!slash || len == 0 || (stat(folder, &state) == 0 && S_ISDIR(state.st_mode)))
		return;
	(void)snprintf(what, sizeof what,
	               "the folder %s is not there; the service makes it (StateDirectory=, "
	               "RuntimeDirectory=), elsewhere "
	               "make it yourself",
	               folder);
	tell(check, check->notes, key, 0, what);
}

/* The files of rules are told each by its own path; that the directory cannot be read, by the key's place. */
static bool check_rules(struct check *check, const struct config *config, struct buf *out)
{
	struct err_info info;
	struct rules *rules = NULL;
	if (config->compare.rules[0] == 0)
		return true;
	struct rules_problems *problems = mem_alloc(sizeof *problems);
	enum err err = rules_read_directory(config->compare.rules, &rules, problems, &info);
	rules_problems_print(problems, config->compare.rules, out);
	if (err != ERR_OK && problems->total == 0)
		tell(check, check->problems, "compare.rules", 0, info.text);
	rules_free(rules);
	free(problems);
	return err == ERR_OK;
}

static void check_world(struct check *check, const struct loaded *loaded)
{
	const struct config *config = &loaded->config;
	const struct config_uplink *uplink = &config->uplink;
	check_folder(check, "store.path", config->store.path);
	check_folder(check, "control.socket", config->control.socket);
	check_folder(check, "compare.ledger", config->compare.ledger);
	check_pem(check, "uplink.ca_file", uplink->ca_file, "-----BEGIN CERTIFICATE-----");
	check_pem(check, "uplink.certificate_file", uplink->certificate_file, "-----BEGIN CERTIFICATE-----");
	check_pem(check, "uplink.key_file", uplink->key_file, "PRIVATE KEY-----");
	if (uplink->key_file[0])
		(void)is_closed(check, "uplink.key_file", 0, uplink->key_file);
	check_secret(check, "uplink.key_password", 0, &uplink->key_password);
	check_secret(check, "uplink.password", 0, &uplink->password);
	check_secret(check, "keys.seal", 0, &config->keys.seal);
	for (int i = 0; i < config->cloud.command_key_count; i++)
		check_public_key(check, "cloud.command_keys", i, config->cloud.command_keys[i]);
	for (int i = 0; i < config->cloud.receipt_key_count; i++)
		check_public_key(check, "cloud.receipt_keys", i, config->cloud.receipt_keys[i]);
	for (int i = 0; i < config->source_count; i++)
		check_source(check, i, &config->sources[i], loaded->profiles[i]);
}

static void summarise(const struct loaded *loaded, struct buf *out)
{
	const struct config *config = &loaded->config;
	buf_printf(out, "%s: good\n", config->path);
	buf_printf(out, "  agent    %s/%s\n", config->tenant, config->gateway);
	buf_printf(out, "  uplink   %s:%d as %s\n", config->uplink.host, config->uplink.port,
	           config->uplink.client_id);
	for (int i = 0; i < config->source_count; i++) {
		const struct profile *profile = loaded->profiles[i];
		buf_printf(out, "  source   %s, profile %s %s\n", config->sources[i].name,
		           profile_name(profile), profile_version(profile));
	}
	buf_printf(out, "  store    %s\n", config->store.path);
	if (config->compare.rules[0])
		buf_printf(out, "  rules    %s\n", config->compare.rules);
}

static const char *profile_folder(const struct options *options)
{
	const char *folder = getenv("TWINPOST_PROFILES");
	if (options->profiles)
		return options->profiles;
	return folder && folder[0] ? folder : TWINPOST_PROFILE_DIR;
}

/* Is the text a configuration without problems? (load_all() says so of the profiles too.) */
static bool is_config(const char *path, struct span text)
{
	struct config *config = mem_alloc(sizeof *config);
	struct config_problems *problems = mem_alloc(sizeof *problems);
	bool good = config_parse(config, path, text, problems);
	free(problems);
	free(config);
	return good;
}

enum cli_exit check_file(const struct options *options, const char *path)
{
	struct buf out, text;
	struct err_info info;
	struct loaded *loaded = mem_alloc(sizeof *loaded);
	struct check check = {.problems = mem_alloc(sizeof *check.problems),
	                      .notes = mem_alloc(sizeof *check.notes)};
	buf_init(&out, CLI_OUTPUT_MAX);
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	bool good = load_all(loaded, path, profile_folder(options), file_read, &out);
	/* What a bad file names means nothing; a good one is looked through even where a profile is bad. */
	if (file_read(path, &text, &info) == ERR_OK && is_config(path, buf_span(&text))) {
		check.text = buf_span(&text);
		check_world(&check, loaded);
		good = check_rules(&check, &loaded->config, &out) && good;
		config_problems_sort(check.problems);
		config_problems_sort(check.notes);
		config_problems_print(check.problems, path, &out);
		good = good && check.problems->count == 0;
	}
	if (good)
		summarise(loaded, &out);
	config_problems_print(check.notes, path, &out);
	if (!command_print(&out))
		good = false;
	buf_release(&text);
	loaded_release(loaded);
	free(check.problems);
	free(check.notes);
	free(loaded);
	return good ? CLI_OK : CLI_FAILED;
}
