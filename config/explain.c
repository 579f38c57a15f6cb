/*
 * explain.c - the key table as text for a terminal and as Markdown.
 *
 * Why:   what is explained is what the loader reads: one table.
 * Owns:  nothing.
 * Rules: 1. Plain text of at most 80 columns, no colour: it may be piped.
 *        2. docs/configuration.md is the output of config_markdown(), byte for byte.
 * Runs in: the CLI.
 * Tests: tests/unit/config_test.c
 */
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

#define TEXT_COLUMNS      78
#define LIST_NAME_COLUMNS 31
#define NEAREST_MAX       3

/* Appends text broken into lines, each behind indent blanks. */
static void append_wrapped(struct buf *out, const char *text, size_t indent)
{
	while (*text) {
		size_t length = strlen(text);
		if (length > TEXT_COLUMNS - indent) {
			length = TEXT_COLUMNS - indent;
			while (length > 0 && text[length] != ' ')
				length--;
			if (length == 0)
				length = strcspn(text, " ");
		}
		buf_printf(out, "%*s", (int)indent, "");
		buf_append(out, text, length);
		buf_append_char(out, '\n');
		text += length;
		text += strspn(text, " ");
	}
}

static void append_default(const struct key *key, struct buf *out)
{
	if (key->required)
		buf_append_text(out, "none; the key is required");
	else if (key->fallback)
		buf_append_text(out, key->fallback);
	else if (strcmp(key->name, "uplink.client_id") == 0)
		buf_append_text(out, "{tenant}-{gateway}");
	else
		buf_append_text(out, "none");
}

/* How the key stands in a file: its sections around it. */
static void append_example(const struct key *key, struct buf *out)
{
	const char *local = key_local_name(key);
	const char *lead = ""; /* before the name on its own line: blanks, or the dash of a list's entry */
	int indent = 0;
	for (const char *from = key->name; from < local; from = strchr(from, '.') + 1) {
		struct span section_name = {key->name, (size_t)(strchr(from, '.') - key->name)};
		const struct key *section = key_find(section_name);
		CHECK(section != NULL);
		buf_printf(out, "%*s%s%s:\n", indent, "", lead, key_local_name(section));
		indent += *lead ? 4 : 2;
		lead = section->type == KEY_LIST ? "- " : "";
	}
	buf_printf(out, "%*s%s%s: %s\n", indent, "", lead, local,
	           key->example ? key->example : key->fallback);
}

static void append_list(const char *section, struct buf *out)
{
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (!key_is_in(key, section))
			continue;
		buf_printf(out, "  %-*s %s\n", LIST_NAME_COLUMNS, key->name, key->summary);
		if (key_is_section(key))
			append_list(key->name, out);
	}
}

static void explain_one(const struct key *key, struct buf *out)
{
	buf_printf(out, "%s (%s%s)\n", key->name, key_type_text(key), key->required ? ", required" : "");
	append_wrapped(out, key->summary, 2);
	if (key->details) {
		buf_append_char(out, '\n');
		append_wrapped(out, key->details, 2);
	}
	buf_append_char(out, '\n');
	if (key_is_section(key)) {
		append_list(key->name, out);
		return;
	}
	buf_append_text(out, "  default  ");
	append_default(key, out);
	buf_append_text(out, "\n  allowed  ");
	key_allowed(key, out);
	buf_append_text(out, "\n\n");
	struct buf example;
	buf_init(&example, 1024);
	append_example(key, &example);
	/* Two blanks before each line of it. */
	const char *line = buf_cstr(&example);
	for (size_t length; *line; line += length) {
		length = strcspn(line, "\n") + 1;
		buf_append_text(out, "  ");
		buf_append(out, line, length);
	}
	buf_release(&example);
}

enum err config_explain(const char *key_name, struct buf *out)
{
	if (*key_name == 0) {
		append_list("", out);
		return ERR_OK;
	}
	const struct key *key = key_find(span_of(key_name));
	if (key) {
		explain_one(key, out);
		return ERR_OK;
	}
	/* A local name without its section, then a slip of the pen. */
	int found = 0;
	for (int i = 0; i < key_count() && found < NEAREST_MAX; i++) {
		if (strcmp(key_local_name(key_at(i)), key_name) == 0) {
			found++;
			buf_printf(out, "%s\n", key_at(i)->name);
		}
	}
	const struct key *near = found ? NULL : key_nearest(NULL, span_of(key_name));
	if (near)
		buf_printf(out, "%s\n", near->name);
	return ERR_NOT_FOUND;
}

void config_keys(struct buf *out)
{
	for (int i = 0; i < key_count(); i++)
		buf_printf(out, "%s\n", key_at(i)->name);
}

/* Markdown reads | and < in a cell as its own. */
static void append_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("|<*_", *text))
			buf_append_char(out, '\\');
		buf_append_char(out, *text);
	}
}

static void markdown_section(const struct key *section, struct buf *out)
{
	buf_printf(out, "\n## `%s`\n\n", section->name);
	append_cell(out, section->summary);
	buf_append_text(out, section->type == KEY_LIST ? "; a list" : "");
	buf_append_text(out, section->required ? "; required.\n" : ".\n");
	if (section->details) {
		append_cell(out, section->details);
		buf_append_char(out, '\n');
	}
}

static void markdown_key(const struct key *key, struct buf *out)
{
	struct buf text;
	buf_init(&text, 1024);
	buf_printf(out, "\n### `%s`\n\n", key->name);
	append_cell(out, key->summary);
	buf_append_text(out, ".\n");
	if (key->details) {
		append_cell(out, key->details);
		buf_append_char(out, '\n');
	}
	buf_append_text(out, "\n| type | default | allowed |\n|---|---|---|\n| ");
	buf_append_text(out, key_type_text(key));
	buf_append_text(out, " | ");
	append_default(key, &text);
	append_cell(out, buf_cstr(&text));
	buf_clear(&text);
	key_allowed(key, &text);
	buf_append_text(out, " | ");
	append_cell(out, buf_cstr(&text));
	buf_append_text(out, " |\n\n```yaml\n");
	append_example(key, out);
	buf_append_text(out, "```\n");
	buf_release(&text);
}

void config_markdown(struct buf *out)
{
	buf_append_text(out, "# Configuration\n\n"
	                     "One YAML file, by default `/etc/twinpost/twinpost.yaml`. Check it with "
	                     "`twinpost config check FILE`; "
	                     "it tells every problem\nas `file:line:column: what is wrong; what is allowed`. "
	                     "`twinpost config explain KEY` shows an entry of this page.\n\n");
	buf_append_text(out,
	                "- Durations are whole numbers with a unit: `500ms`, `30s`, `2m`, `1h`, `3d`. Sizes: "
	                "`60000 B`, `64KiB`, "
	                "`16MiB`, `4GiB`.\n"
	                "- Values are read as they are written: `00001` keeps its zeros, `no` is a text.\n"
	                "- Secrets never stand in the file. `file:/path` names a file that others cannot "
	                "read, `env:NAME` a\n"
	                "  variable of the agent's environment, `credential:name` a systemd credential "
	                "(`LoadCredential=`).\n"
	                "- Unknown keys, keys given twice, anchors, aliases, tags and tabs are refused.\n\n"
	                "Examples: [minimal](../config/examples/minimal.yaml), "
	                "[AWS IoT Core](../config/examples/aws-iot.yaml), "
	                "[complete](../config/examples/complete.yaml).\n"
	                "This page is made by `twinpost config explain --markdown`.\n");
	buf_append_text(out, "\n## The top of the file\n");
	for (int i = 0; i < key_count(); i++) {
		const struct key *key = key_at(i);
		if (key_is_section(key))
			markdown_section(key, out);
		else
			markdown_key(key, out);
	}
}
