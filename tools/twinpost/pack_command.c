/*
 * pack_command.c - the commands `compare sign`, `compare verify` and `compare prove`.
 *
 * Why:   a comparison that two companies argue about must stand without the box that made it.
 * Owns:  the files of a pack while a command runs; what it writes.
 * Rules: 1. What does not verify is not signed, and a pack that was written verified a moment before.
 *        2. Without --key the running agent signs; it keeps in its audit who asked.
 *        3. pack.secret is made once and kept in the result's folder, so that the same run gives the same pack, byte
 *           for byte.
 *        4. Findings go to standard output, one plain line each: they are what was asked for.
 * Faults: any folder and file; a full disk leaves a folder without pack.note, which is no pack.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "connector/posting/date.h"
#include "connector/uplink/note_text.h"
#include "store_forward/signature.h"
#include "tools/twinpost/commands.h"
#include "tools/twinpost/compare_cut.h"
#include "tools/twinpost/pack_key.h"
#include "tools/twinpost/pack_proof.h"
#include "tools/twinpost/pack_rows.h"
#include "tools/twinpost/pack_verify.h"

#define PATH_SIZE 4200

static enum cli_exit failed(enum err err, const struct err_info *info)
{
	command_complain(info->text);
	return err == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED;
}

static void print_findings(struct pack_findings *findings, struct buf *out)
{
	if (findings->count > 0)
		terminal_lines(buf_cstr(&findings->text), out);
	if (findings->count > PACK_FINDINGS_TOLD)
		buf_printf(out, "... and %d more\n", findings->count - PACK_FINDINGS_TOLD);
}

/* ---- the key that verifies ---- */

struct public_key {
	uint8_t spki[PUBLIC_KEY_BYTES];
	struct note_key key;
};

static enum err read_public(const char *path, struct public_key *key, struct err_info *info)
{
	struct buf pem;
	size_t len = 0;
	struct err_info why = {0};
	buf_init(&pem, PUBLIC_KEY_PEM_MAX);
	enum err err = file_read(path, &pem, info);
	if (err == ERR_OK) {
		err = public_key_from_pem(buf_span(&pem), key->spki, &len, &why);
		if (err != ERR_OK)
			(void)err_set(info, err, "%.200s: %.280s", path, why.text);
	}
	key->key = (struct note_key){.name = {NULL, 0}, .spki = {(const char *)key->spki, len}};
	buf_release(&pem);
	return err;
}

/* ---- who signs ---- */

struct signer {
	struct pack_key *file; /* NULL: the agent */
	struct span name;
	struct answer agent; /* of key_show */
	struct public_key public;
};

static void signer_close(struct signer *signer)
{
	pack_key_close(signer->file);
	answer_release(&signer->agent);
}

/* With --key the file, else the running agent. */
static enum cli_exit signer_open(const struct options *options, struct signer *signer)
{
	struct err_info info = {0};
	size_t len = 0;
	*signer = (struct signer){.name = span_of(options->name)};
	if (options->key) {
		enum err err = pack_key_open(options->key, &signer->file, &info);
		if (err != ERR_OK)
			return failed(err, &info);
		struct span spki = hal_keys_public(pack_key_signer(signer->file), HAL_KEY_CURRENT);
		CHECK(spki.len == PUBLIC_KEY_BYTES);
		memcpy(signer->public.spki, spki.data, spki.len);
		len = spki.len;
	} else {
		enum cli_exit status = command_ask(options, "key_show", NULL, &signer->agent);
		if (status != CLI_OK)
			return status;
		signer->name = span_of(member_text(signer->agent.data, "name"));
		enum err err = public_key_from_pem(span_of(member_text(signer->agent.data, "pem")),
		                                   signer->public.spki, &len, &info);
		if (err != ERR_OK)
			return failed(err, &info);
	}
	signer->public.key = (struct note_key){.spki = {(const char *)signer->public.spki, len}};
	return CLI_OK;
}

static enum cli_exit sign_text(const struct options *options, struct signer *signer, struct buf *text,
                               struct buf *note)
{
	struct err_info info = {0};
	if (signer->file) {
		enum err err = note_sign(note, buf_span(text), signer->name, pack_key_signer(signer->file),
		                         HAL_KEY_CURRENT, &info);
		return err == ERR_OK ? CLI_OK : failed(err, &info);
	}
	struct answer answer;
	cJSON *arguments = command_arguments();
	command_add_text(arguments, "text", buf_cstr(text));
	enum cli_exit status = command_ask(options, "compare_sign", arguments, &answer);
	if (status == CLI_OK)
		buf_append_text(note, member_text(answer.data, "note"));
	answer_release(&answer);
	return status;
}

/* ---- making a pack ---- */

/* The folder of the rules: --rules, else what the configuration names; false: none. */
static bool rules_folder(const struct options *options, char folder[PATH_SIZE])
{
	struct buf text;
	struct err_info info;
	if (options->rules)
		return text_copy(folder, PATH_SIZE, span_of(options->rules));
	struct config *config = mem_alloc(sizeof *config);
	struct config_problems *problems = mem_alloc(sizeof *problems);
	const char *path = options->config ? options->config : CLI_CONFIG_DEFAULT;
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	bool found = file_read(path, &text, &info) == ERR_OK &&
	             config_parse(config, path, buf_span(&text), problems) && config->compare.rules[0] != 0 &&
	             text_copy(folder, PATH_SIZE, span_of(config->compare.rules));
	buf_release(&text);
	free(problems);
	free(config);
	return found;
}

/* Adds the CSV files of the rules as rules/NAME, where the result has none of its own. */
static enum err add_rules(const struct options *options, struct pack_files *files, struct err_info *info)
{
	char folder[PATH_SIZE];
	struct pack_files rules;
	for (int i = 0; i < files->count; i++) {
		if (strncmp(files->list[i].path, "rules/", 6) == 0)
			return ERR_OK;
	}
	if (!rules_folder(options, folder))
		return ERR_OK;
	pack_files_init(&rules);
	enum err err = pack_files_open(&rules, folder, info);
	for (int i = 0; i < rules.count && err == ERR_OK; i++) {
		const struct pack_file *file = &rules.list[i];
		char path[PACK_PATH_MAX + 8];
		size_t len = strlen(file->path);
		(void)snprintf(path, sizeof path, "rules/%s", file->path);
		if (len < 5 || strcmp(file->path + len - 4, ".csv") != 0 || strchr(file->path, '/'))
			continue;
		if (!pack_path_valid(span_of(path)))
			err = err_set(info, ERR_BAD_INPUT, "%.300s: the name is too long for a pack",
			              file->path);
		else
			pack_files_add(files, path, file->bytes);
	}
	pack_files_release(&rules);
	return err;
}

/* What is written, and where: PACK, or RUN.pack beside the result. */
static void output_path(const struct options *options, char path[PATH_SIZE])
{
	size_t len = strlen(options->operands[0]);
	while (len > 1 && options->operands[0][len - 1] == '/')
		len--;
	if (options->output)
		(void)snprintf(path, PATH_SIZE, "%s", options->output);
	else
		(void)snprintf(path, PATH_SIZE, "%.*s.pack%s", (int)len, options->operands[0],
		               options->tar ? ".tar" : "");
}

static enum err write_pack(const struct options *options, const struct pack_files *files,
                           const struct pack_note *note, const char *path, struct err_info *info)
{
	char folder[sizeof "compare-" + PACK_RUN_MAX];
	(void)snprintf(folder, sizeof folder, "compare-%.*s", (int)note->run.len, note->run.data);
	if (options->tar)
		return pack_files_write_tar(files, path, folder, note->cut_ns / NS_PER_S, info);
	return pack_files_write(files, path, PACK_NOTE, info);
}

/* The secret of this result, for the next time. */
static enum err keep_secret(const struct options *options, const struct pack_files *files,
                            struct err_info *info)
{
	char path[PATH_SIZE];
	struct stat state;
	if (snprintf(path, sizeof path, "%s/" PACK_SECRET, options->operands[0]) >= (int)sizeof path)
		return err_set(info, ERR_TOO_LARGE, "the path of the result is too long");
	if (stat(path, &state) == 0)
		return ERR_OK;
	return pack_write_new(path, pack_files_find(files, PACK_SECRET)->bytes, 0600, info);
}

static void describe(const struct pack_report *report, struct buf *out)
{
	char cut[INSTANT_TEXT_SIZE];
	const struct pack_note *said = &report->said;
	instant_print(said->cut_ns, cut);
	buf_printf(out, "%.*s/compare, run %.*s: %s\n", (int)said->gateway.len, said->gateway.data,
	           (int)said->run.len, said->run.data, pack_verdict_name(said->verdict));
	buf_printf(out, "%" PRId64 " documents of both sides, ", said->size);
	/* "-": not bounded on that side. */
	if (span_equal(said->from, span_of("-")) && span_equal(said->to, span_of("-")))
		buf_append_text(out, "all periods");
	else
		buf_printf(out, "periods %.*s to %.*s", (int)said->from.len, said->from.data,
		           (int)said->to.len, said->to.data);
	buf_printf(out, ", cut %s\n", cut);
}

/* The pack is complete in memory: looked at as a stranger would, then written. */
static enum cli_exit check_and_write(const struct options *options, struct pack_files *files,
                                     const struct signer *signer, struct buf *out)
{
	char path[PATH_SIZE];
	struct err_info info = {0};
	struct pack_report report;
	struct pack_findings findings;
	enum cli_exit status = CLI_FAILED;
	pack_report_init(&report);
	pack_findings_init(&findings);
	pack_verify(files, &signer->public.key, &report, &findings);
	output_path(options, path);
	if (findings.count > 0) {
		print_findings(&findings, out);
		command_complain("what was signed does not verify; nothing is written");
	} else {
		enum err err = keep_secret(options, files, &info);
		if (err == ERR_OK)
			err = write_pack(options, files, &report.said, path, &info);
		status = err == ERR_OK ? CLI_OK : failed(err, &info);
		if (err == ERR_OK) {
			terminal_text(path, out);
			buf_printf(out, ": signed by %.*s\n", (int)report.signed_by.len,
			           report.signed_by.data);
			describe(&report, out);
		}
	}
	pack_findings_release(&findings);
	pack_report_release(&report);
	return status;
}

static enum cli_exit sign_new(const struct options *options, struct pack_files *files, struct signer *signer,
                              struct buf *out)
{
	struct err_info info = {0};
	struct pack_findings findings;
	struct buf text, note;
	if (!note_gateway_valid(signer->name))
		return command_misused(
		    "a new pack is signed in the name of {tenant}/{gateway}: --name %s is not "
		    "two parts of a-z, 0-9 and dash",
		    options->name ? options->name : "");
	pack_findings_init(&findings);
	buf_init(&text, PACK_NOTE_TEXT_MAX);
	buf_init(&note, NOTE_BYTES_MAX);
	enum cli_exit status = CLI_FAILED;
	enum err err = add_rules(options, files, &info);
	if (err == ERR_OK)
		err = pack_make(files, signer->name, &text, &findings, &info);
	if (err != ERR_OK) {
		status = failed(err, &info);
	} else if (findings.count > 0) {
		print_findings(&findings, out);
		command_complain("the result is not signed, for what is said above");
	} else {
		CHECK(buf_ok(&text));
		status = sign_text(options, signer, &text, &note);
	}
	if (status == CLI_OK) {
		pack_files_add(files, PACK_NOTE, buf_span(&note));
		status = check_and_write(options, files, signer, out);
	}
	buf_release(&note);
	buf_release(&text);
	pack_findings_release(&findings);
	return status;
}

/* ---- one more signature ---- */

static enum err write_note(const struct options *options, struct pack_files *files,
                           const struct pack_note *said, struct err_info *info)
{
	char path[PATH_SIZE];
	char folder[sizeof "compare-" + PACK_RUN_MAX];
	const char *pack = options->operands[0];
	if (!files->tar) {
		if (snprintf(path, sizeof path, "%s/" PACK_NOTE, pack) >= (int)sizeof path)
			return err_set(info, ERR_TOO_LARGE, "the path of the pack is too long");
		return pack_write_over(path, pack_files_find(files, PACK_NOTE)->bytes, info);
	}
	if (snprintf(path, sizeof path, "%s.new", pack) >= (int)sizeof path)
		return err_set(info, ERR_TOO_LARGE, "the path of the pack is too long");
	(void)snprintf(folder, sizeof folder, "compare-%.*s", (int)said->run.len, said->run.data);
	enum err err = pack_files_write_tar(files, path, folder, said->cut_ns / NS_PER_S, info);
	if (err == ERR_OK && rename(path, pack) != 0) {
		(void)remove(path);
		err = err_set(info, ERR_IO, "%.300s cannot be replaced", pack);
	}
	return err;
}

static bool signed_before(const struct note *note, const struct note_key *key)
{
	return note_verify(note, key, 1, NULL) == NOTE_GOOD;
}

static enum cli_exit sign_again(const struct options *options, struct pack_files *files,
                                struct signer *signer, struct buf *out)
{
	struct err_info info = {0};
	struct pack_report report;
	struct pack_findings findings;
	struct buf note;
	enum cli_exit status = CLI_FAILED;
	pack_report_init(&report);
	pack_findings_init(&findings);
	buf_init(&note, NOTE_BYTES_MAX);
	pack_verify(files, NULL, &report, &findings);
	if (findings.count > 0) {
		print_findings(&findings, out);
		command_complain("the pack does not hold and is not signed");
	} else if (signed_before(&report.note, &signer->public.key)) {
		command_complain("the pack is signed by this key already");
	} else {
		buf_append_span(&note, pack_files_find(files, PACK_NOTE)->bytes);
		enum err err = note_add_signature(&note, signer->name, pack_key_signer(signer->file),
		                                  HAL_KEY_CURRENT, &info);
		if (err == ERR_OK) {
			pack_files_replace(files, PACK_NOTE, buf_span(&note));
			CHECK(note_decode(&report.note, pack_files_find(files, PACK_NOTE)->bytes) ==
			          NOTE_FAULT_NONE &&
			      pack_note_decode(&report.said, report.note.text));
			err = write_note(options, files, &report.said, &info);
		}
		status = err == ERR_OK ? CLI_OK : failed(err, &info);
		if (err == ERR_OK) {
			terminal_text(options->operands[0], out);
			buf_printf(out, ": %d signatures, this one by %.*s\n", report.note.count,
			           (int)signer->name.len, signer->name.data);
			describe(&report, out);
		}
	}
	buf_release(&note);
	pack_findings_release(&findings);
	pack_report_release(&report);
	return status;
}

static enum cli_exit sign(const struct options *options, struct pack_files *files, struct buf *out)
{
	struct signer signer = {.file = NULL};
	bool again = pack_files_find(files, PACK_NOTE) != NULL;
	if (options->key && !options->name)
		return command_misused("--key needs --name, the name that stands beside the signature%s", "");
	if (options->name && !note_name_valid(span_of(options->name)))
		return command_misused(
		    "--name %s is no name of a signer: at most 100 bytes, no blank and no plus",
		    options->name);
	if (again && !options->key)
		return command_misused("%s is a pack already; one more signature needs --key and --name",
		                       options->operands[0]);
	if (again && (options->output || options->tar || options->rules))
		return command_misused(
		    "%s is a pack already: it takes one more signature where it lies, without "
		    "--output, --tar and --rules",
		    options->operands[0]);
	if (!options->key && options->name)
		return command_misused("--name is for --key; the agent signs by its own name%s", "");
	enum cli_exit status = signer_open(options, &signer);
	if (status == CLI_OK)
		status =
		    again ? sign_again(options, files, &signer, out) : sign_new(options, files, &signer, out);
	signer_close(&signer);
	return status;
}

enum cli_exit command_compare_sign(const struct options *given)
{
	struct err_info info = {0};
	char path[COMPARE_PATH_SIZE];
	struct options options = *given;
	struct pack_files files;
	struct buf out;
	enum cli_exit status = compare_cut_result(given, given->operands[0], path);
	if (status != CLI_OK)
		return status;
	options.operands[0] = path;
	pack_files_init(&files);
	buf_init(&out, CLI_OUTPUT_MAX);
	enum err err = pack_files_open(&files, path, &info);
	status = err == ERR_OK ? sign(&options, &files, &out) : failed(err, &info);
	pack_files_release(&files);
	return command_print(&out) || status != CLI_OK ? status : CLI_FAILED;
}

/* ---- verifying ---- */

static void print_report(const struct pack_report *report, struct pack_findings *findings, const char *what,
                         const struct terminal *terminal, struct buf *out)
{
	bool good = findings->count == 0;
	print_findings(findings, out);
	terminal_style(terminal, good ? STYLE_GOOD : STYLE_BAD, out);
	buf_append_text(out, good ? "good" : "NOT GOOD");
	terminal_style(terminal, STYLE_PLAIN, out);
	if (!good) {
		buf_printf(out, ": %d %s; do not rely on this %s\n", findings->count,
		           findings->count == 1 ? "finding" : "findings", what);
		return;
	}
	buf_printf(out, ": this %s is whole and signed by %.*s\n", what, (int)report->signed_by.len,
	           report->signed_by.data);
	describe(report, out);
	if (report->document.len > 0) {
		buf_append_text(out, "the document: ");
		buf_append_span(out, report->document);
		buf_append_char(out, '\n');
	}
	for (int i = 0; i < report->note.count; i++) {
		struct span name = report->note.signatures[i].name;
		if (!span_equal(name, report->signed_by))
			buf_printf(out, "also signed as %.*s: not checked, that is another key\n",
			           (int)name.len, name.data);
	}
}

/* The first bytes tell a proof from a tar file. */
static bool read_proof(const char *path, struct buf *proof)
{
	struct err_info info;
	struct stat state;
	return stat(path, &state) == 0 && S_ISREG(state.st_mode) &&
	       state.st_size <= (off_t)PACK_PROOF_BYTES_MAX && file_read(path, proof, &info) == ERR_OK &&
	       pack_proof_looks(buf_span(proof));
}

enum cli_exit command_compare_verify(const struct options *options)
{
	struct err_info info = {0};
	struct public_key key;
	struct pack_files files;
	struct pack_report report;
	struct pack_findings findings;
	struct terminal terminal;
	struct buf out, proof;
	if (!options->key)
		return command_misused("verify needs --key FILE, the public key that you trust%s", "");
	enum err err = read_public(options->key, &key, &info);
	if (err != ERR_OK)
		return failed(err, &info);
	terminal_init(&terminal);
	pack_files_init(&files);
	pack_report_init(&report);
	pack_findings_init(&findings);
	buf_init(&out, CLI_OUTPUT_MAX);
	buf_init(&proof, PACK_PROOF_BYTES_MAX + 1);
	bool is_proof = read_proof(options->operands[0], &proof);
	if (is_proof) {
		pack_verify_proof(buf_span(&proof), &key.key, &report, &findings);
	} else {
		err = pack_files_open(&files, options->operands[0], &info);
		if (err == ERR_BAD_INPUT || err == ERR_TOO_LARGE)
			pack_found(&findings, "%s", info.text);
		else if (err == ERR_OK)
			pack_verify(&files, &key.key, &report, &findings);
	}
	enum cli_exit status = findings.count > 0 ? CLI_FAILED : CLI_OK;
	if (err != ERR_OK && findings.count == 0)
		status = failed(err, &info);
	else
		print_report(&report, &findings, is_proof ? "proof" : "pack", &terminal, &out);
	if (!command_print(&out) && status == CLI_OK)
		status = CLI_FAILED;
	buf_release(&proof);
	pack_findings_release(&findings);
	pack_report_release(&report);
	pack_files_release(&files);
	return status;
}

/* ---- proving ---- */

/* The document's line, and its place; the one of the ERP where both sides have the subject. */
static bool find_document(struct span documents, const char *wanted, struct pack_proof *proof)
{
	struct span line;
	bool cut, found = false;
	enum pack_side only = PACK_SIDES;
	if (strncmp(wanted, "legacy:", 7) == 0 || strncmp(wanted, "cloud:", 6) == 0) {
		only = wanted[0] == 'l' ? PACK_LEGACY : PACK_CLOUD;
		wanted = strchr(wanted, ':') + 1;
	}
	for (int64_t i = 0; pack_take_line(&documents, &line, &cut); i++) {
		struct json_value document;
		enum pack_side side;
		enum pack_status status;
		if (!pack_document_read(line, &document, &side, &status))
			continue;
		struct json_value subject = json_member(&document, "subject");
		if ((only != PACK_SIDES && side != only) || !json_text_is(&subject, wanted))
			continue;
		proof->document = line;
		proof->index = i;
		found = true;
		if (side == PACK_LEGACY)
			break;
	}
	return found;
}

static enum err prove(const struct pack_files *files, const char *subject, struct buf *out,
                      struct err_info *info)
{
	struct pack_proof proof = {.index = 0};
	struct pack_tree tree;
	struct note note;
	struct pack_note said;
	const struct pack_file *documents = pack_files_find(files, "documents.ndjson");
	const struct pack_file *secret = pack_files_find(files, PACK_SECRET);
	const struct pack_file *signed_note = pack_files_find(files, PACK_NOTE);
	if (!documents || !secret || secret->bytes.len <= PACK_SECRET_CHARS || !signed_note ||
	    note_decode(&note, signed_note->bytes) != NOTE_FAULT_NONE || !pack_note_decode(&said, note.text))
		return err_set(info, ERR_BAD_INPUT,
		               "it is no signed pack of a comparison; see twinpost compare verify");
	if (!find_document(documents->bytes, subject, &proof))
		return err_set(info, ERR_NOT_FOUND, "the comparison has no document \"%.200s\"", subject);
	const struct span hex = {secret->bytes.data, PACK_SECRET_CHARS};
	enum err err = pack_tree_make(&tree, hex, documents->bytes, info);
	if (err == ERR_OK) {
		struct digest root = pack_tree_root(&tree);
		if (!digest_equal(&root, &said.root))
			err = err_set(info, ERR_CORRUPT,
			              "documents.ndjson is not what was signed; see twinpost compare verify");
	}
	if (err == ERR_OK) {
		pack_salt(hex, proof.index, proof.salt);
		proof.path_count = pack_tree_path(&tree, proof.index, proof.path);
		proof.note = signed_note->bytes;
		pack_proof_encode(out, &proof);
		CHECK(buf_ok(out));
	}
	pack_tree_release(&tree);
	return err;
}

enum cli_exit command_compare_prove(const struct options *options)
{
	struct err_info info = {0};
	struct pack_files files;
	struct buf out;
	pack_files_init(&files);
	buf_init(&out, PACK_PROOF_BYTES_MAX);
	enum err err = pack_files_open(&files, options->operands[0], &info);
	if (err == ERR_OK)
		err = prove(&files, options->operands[1], &out, &info);
	if (err == ERR_OK && options->output)
		err = pack_write_new(options->output, buf_span(&out), 0666, &info);
	enum cli_exit status = err == ERR_OK ? CLI_OK : failed(err, &info);
	if (err == ERR_OK && !options->output && !command_print(&out))
		status = CLI_FAILED;
	buf_release(&out);
	pack_files_release(&files);
	return status;
}
