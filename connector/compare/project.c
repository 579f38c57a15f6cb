/*
 * project.c - see project.h.
 *
 * Why:   see project.h.
 * Owns:  see project.h.
 * Rules: as in project.h.
 * Faults: see project.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/project_test.c
 */
#include "connector/compare/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/pack.h"

#define TEXTS_MAX     (LEDGER_PACKED_MAX + 4096)
#define TAX_LINES_MAX 64 /* of one document, in the summary of taxes */
#define ACCOUNTS_MAX  (4u << 20)
/* A second document with one reference shows that it names none. */
#define KEY_CANDIDATES 2

void projector_init(struct projector *projector, struct ledger *ledger, const struct rules *rules)
{
	*projector = (struct projector){.ledger = ledger, .rules = rules};
	view_init(&projector->view);
	view_init(&projector->before);
	document_init(&projector->document);
	buf_init(&projector->packed, LEDGER_PACKED_MAX);
	buf_init(&projector->texts, TEXTS_MAX);
	buf_init(&projector->accounts, ACCOUNTS_MAX);
}

void projector_release(struct projector *projector)
{
	view_release(&projector->view);
	view_release(&projector->before);
	document_release(&projector->document);
	buf_release(&projector->packed);
	buf_release(&projector->texts);
	buf_release(&projector->accounts);
	free(projector->balances);
	projector->balances = NULL;
}

/* ---- balances ---- */

/* Of documents that are no journals: rule 4. */
static const char *const kind_accounts[DOCUMENT_TYPE_COUNT] = {[DOCUMENT_INVOICE] = "invoices",
                                                               [DOCUMENT_CREDIT_MEMO] = "credit memos",
                                                               [DOCUMENT_PAYMENT] = "payments"};

bool project_is_account(struct span account)
{
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		if (kind_accounts[type] && span_equal(account, span_of(kind_accounts[type])))
			return false;
	}
	return account.len > 0 && account.data[0] != PROJECT_TAX_MARK;
}

static struct span cut_code(struct span code)
{
	return code.len <= LEDGER_CODE_MAX ? code : (struct span){code.data, LEDGER_CODE_MAX};
}

static struct ledger_balance *add_balance(struct projector *projector, int count, struct span account)
{
	if (count == projector->balance_capacity) {
		int capacity = count ? 2 * count : 64;
		projector->balances =
		    realloc(projector->balances, (size_t)capacity * sizeof projector->balances[0]);
		CHECK(projector->balances != NULL);
		projector->balance_capacity = capacity;
	}
	projector->balances[count] = (struct ledger_balance){.account = account};
	return &projector->balances[count];
}

/* The lines stand in the order of their keys, account first: equal accounts follow each other. */
static int journal_balances(struct projector *projector, const struct view *view)
{
	int count = 0;
	for (int i = 0; i < view->line_count; i++) {
		const struct view_line *line = &view->lines[i];
		struct ledger_balance *balance = count > 0 ? &projector->balances[count - 1] : NULL;
		if (!balance || !span_equal(balance->account, line->account))
			balance = add_balance(projector, count++, cut_code(line->account));
		balance->lines += line->count;
		/* Sums of one document were checked by view_make(). */
		balance->debit += line->debit;
		balance->credit += line->credit;
	}
	return count;
}

/* The rate of the document's tax lines with this code of the cloud; "" where they have none, or several. */
static void rate_of(const struct projector *projector, const struct view *view,
                    const struct document *document, struct span code, char text[DECIMAL_TEXT_MAX])
{
	struct decimal rate = {0, 0};
	int rates = 0;
	for (int i = 0; i < document->sections[SECTION_TAX_LINES].count; i++) {
		const struct value *line = document_line(document, SECTION_TAX_LINES, i);
		struct span raw = document_text(document, &line[INVOICE_TAX_LINE_CODE]);
		struct span mapped = raw;
		if (view->side == SIDE_LEGACY && projector->rules &&
		    !rules_map(projector->rules, MAPPING_TAX_CODE, view->raw_entity, raw, view->on, &mapped))
			mapped = raw;
		const struct value *one = &line[INVOICE_TAX_LINE_RATE];
		if (!span_equal(mapped, code) || !one->present ||
		    (rates > 0 && decimal_compare(rate, one->as.decimal) == 0))
			continue;
		rate = one->as.decimal;
		rates++;
	}
	text[0] = 0;
	if (rates != 1)
		return;
	while (rate.scale > 0 && rate.units % 10 == 0) {
		rate.units /= 10;
		rate.scale--;
	}
	(void)decimal_print(rate, text);
}

/* As the view has them: where a document has no tax lines, they are made of its lines' own tax. */
static int tax_balances(struct projector *projector, const struct view *view, const struct document *document,
                        int count)
{
	size_t starts[TAX_LINES_MAX + 1];
	int added = 0;
	buf_clear(&projector->accounts);
	for (int i = 0; i < view->line_count && added < TAX_LINES_MAX; i++) {
		const struct view_line *line = &view->lines[i];
		char rate[DECIMAL_TEXT_MAX];
		if (line->kind != VIEW_LINE_TAX)
			continue;
		rate_of(projector, view, document, line->tax_code, rate);
		starts[added++] = projector->accounts.len;
		buf_append_char(&projector->accounts, PROJECT_TAX_MARK);
		buf_append_span(&projector->accounts, line->tax_code);
		buf_append_char(&projector->accounts, PROJECT_TAX_MARK);
		buf_append_text(&projector->accounts, rate);
		struct ledger_balance *balance =
		    add_balance(projector, count + added - 1, (struct span){NULL, 0});
		balance->lines = 1;
		balance->debit = line->beside[VIEW_BESIDE_BASE];
		balance->credit = line->debit + line->credit;
	}
	starts[added] = projector->accounts.len;
	for (int i = 0; i < added; i++) {
		size_t len = starts[i + 1] - starts[i];
		projector->balances[count + i].account =
		    (struct span){(const char *)projector->accounts.data + starts[i],
		                  len < LEDGER_CODE_MAX ? len : LEDGER_CODE_MAX};
	}
	return count + added;
}

int project_balances(struct projector *projector, const struct view *view, const struct document *document,
                     const struct ledger_balance **balances)
{
	int count = 0;
	if (view->voided) {
		*balances = NULL;
		return 0;
	}
	if (view->type == DOCUMENT_JOURNAL) {
		count = journal_balances(projector, view);
	} else if (kind_accounts[view->type]) {
		struct ledger_balance *balance =
		    add_balance(projector, count++, span_of(kind_accounts[view->type]));
		balance->lines = 1;
		*(view->total >= 0 ? &balance->debit : &balance->credit) = view->total;
		count = tax_balances(projector, view, document, count);
	}
	*balances = projector->balances;
	return count;
}

/* ---- putting in and taking out ---- */

static enum err take_out(struct projector *projector, const struct ledger_document *old,
                         struct err_info *info)
{
	const struct ledger_balance *balances = NULL;
	int count = 0;
	if (old->generation == ledger_generation(projector->ledger)) {
		enum err err = document_unpack(&projector->document, old->packed, info);
		if (err == ERR_OK)
			err = view_make(&projector->before, old->side, &projector->document, projector->rules,
			                info);
		if (err != ERR_OK)
			return err;
		count = project_balances(projector, &projector->before, &projector->document, &balances);
	}
	return ledger_take(projector->ledger, old, balances, count, info);
}

static struct span number_of(const struct document *document)
{
	struct span number = document_text(document, &document->header[HEADER_NUMBER]);
	return number.len <= LEDGER_CODE_MAX ? number : (struct span){NULL, 0};
}

/* The row but for what ledger_put() sets. */
static void fill_row(const struct view *view, const struct projection *projection, struct span packed,
                     struct ledger_document *row)
{
	*row = (struct ledger_document){
	    .side = view->side,
	    .identity = span_of(view->identity),
	    .subject = span_of(view->subject),
	    .revision = projection->revision,
	    .n = projection->n,
	    .recorded_ns = projection->recorded_ns,
	    .first_ns = projection->first_ns,
	    .total = view->total,
	    .posting = view->has_posting ? view->posting : INT32_MIN,
	    .period = view->period,
	    .type = (int)view->type,
	    .outcome = projection->outcome,
	    .phase = projection->phase,
	    .origins = view->origins,
	    .voided = view->voided,
	    .entity = cut_code(view->entity),
	    .currency = cut_code(view->currency),
	    .party = cut_code(view->party),
	    .fingerprint = view->fingerprint,
	    .packed = packed,
	};
}

/* ---- identity by reference ---- */

struct key_search {
	int found;
	char identity[STORE_SUBJECT_MAX];
	char subject[STORE_SUBJECT_MAX];
};

static bool visit_key(void *self, const struct ledger_document *document)
{
	struct key_search *search = self;
	search->found++;
	(void)!text_copy(search->identity, sizeof search->identity, document->identity);
	(void)!text_copy(search->subject, sizeof search->subject, document->subject);
	return true;
}

/* A cloud document without origin: what its reference stands for. */
static enum err resolve_cloud(struct projector *projector, struct ledger_document *row,
                              struct key_search *search, struct err_info *info)
{
	enum err err =
	    ledger_with_key(projector->ledger, SIDE_LEGACY, row, KEY_CANDIDATES, visit_key, search, info);
	if (err != ERR_OK || search->found != 1)
		return err;
	row->identity = span_of(search->identity);
	row->key = (struct span){NULL, 0};
	row->fingerprint = view_fingerprint(&projector->view, row->identity);
	return ERR_OK;
}

/* A legacy document that is new: a cloud document may have waited for it. */
static enum err resolve_waiting(struct projector *projector, const struct ledger_document *legacy,
                                struct err_info *info)
{
	struct key_search search = {.found = 0};
	struct ledger_document cloud;
	char identity[STORE_SUBJECT_MAX];
	enum err err =
	    ledger_with_key(projector->ledger, SIDE_CLOUD, legacy, KEY_CANDIDATES, visit_key, &search, info);
	if (err != ERR_OK || search.found != 1)
		return err;
	(void)!text_copy(identity, sizeof identity, legacy->identity);
	err = ledger_find(projector->ledger, SIDE_CLOUD, (struct span){NULL, 0}, span_of(search.subject),
	                  &cloud, &projector->texts, info);
	if (err != ERR_OK)
		return err;
	err = take_out(projector, &cloud, info); /* leaves its document and, where it needs it, its view */
	if (err == ERR_OK)
		err = document_unpack(&projector->document, cloud.packed, info);
	if (err == ERR_OK)
		err = view_make(&projector->before, SIDE_CLOUD, &projector->document, projector->rules, info);
	if (err != ERR_OK)
		return err;
	const struct ledger_balance *balances = NULL;
	int count = project_balances(projector, &projector->before, &projector->document, &balances);
	cloud.identity = span_of(identity);
	cloud.key = (struct span){NULL, 0};
	cloud.fingerprint = view_fingerprint(&projector->before, cloud.identity);
	return ledger_put(projector->ledger, &cloud, balances, count, info);
}

/* ---- one document ---- */

/* Balances are kept by account. Other rules may leave a longer one later, which is cut. */
static enum err check_accounts(const struct view *view, struct err_info *info)
{
	for (int i = 0; i < view->line_count && view->type == DOCUMENT_JOURNAL; i++) {
		size_t len = view->lines[i].account.len;
		if (len == 0 || len > LEDGER_CODE_MAX)
			return err_set(info, ERR_BAD_INPUT,
			               "%s cannot be compared: the account of a line %s; correct it where it "
			               "was posted",
			               view->subject, len == 0 ? "is absent" : "is over 128 bytes");
	}
	return ERR_OK;
}
_Static_assert(LEDGER_CODE_MAX == 128, "the sentence names the limit");

/* The row that is there of this document; ERR_NOT_FOUND: none. */
static enum err find_old(struct projector *projector, const struct ledger_document *row,
                         struct ledger_document *old, struct err_info *info)
{
	if (row->side == SIDE_CLOUD)
		return ledger_find_cloud(projector->ledger, row->subject, old, &projector->texts, info);
	return ledger_find(projector->ledger, SIDE_LEGACY, row->identity, row->subject, old,
	                   &projector->texts, info);
}

static bool has_content(const struct ledger_document *old, const struct ledger_document *row)
{
	return old->voided == row->voided && span_equal(old->packed, row->packed);
}

/* The ERP's documents come in the order of their events. A store that was begun anew counts revisions from 1 again, and
 * what it sends is newer than all that was sent before. */
static bool begins_anew(const struct ledger_document *old, const struct ledger_document *row)
{
	return row->side == SIDE_LEGACY && old->revision > row->revision &&
	       old->recorded_ns < row->recorded_ns;
}

static bool is_same(const struct ledger_document *old, const struct ledger_document *row)
{
	return old->revision >= row->revision && has_content(old, row) && !begins_anew(old, row);
}

static enum err put_in(struct projector *projector, struct ledger_document *row,
                       const struct document *document, struct err_info *info)
{
	const struct ledger_balance *balances = NULL;
	int count = project_balances(projector, &projector->view, document, &balances);
	projector->put++;
	return ledger_put(projector->ledger, row, balances, count, info);
}

enum err project_document(struct projector *projector, const struct projection *projection,
                          const struct document *document, struct err_info *info)
{
	struct ledger_document row;
	struct ledger_document old;
	struct key_search search = {.found = 0};
	enum err err = view_make(&projector->view, projection->side, document, projector->rules, info);
	if (err == ERR_OK)
		err = check_accounts(&projector->view, info);
	if (err != ERR_OK)
		return err;
	buf_clear(&projector->packed);
	document_pack(document, &projector->packed);
	if (!buf_ok(&projector->packed))
		return err_set(info, ERR_TOO_LARGE, "the document %s is over %u MiB packed",
		               projector->view.subject, LEDGER_PACKED_MAX >> 20);
	fill_row(&projector->view, projection, buf_span(&projector->packed), &row);
	if (row.side == SIDE_LEGACY)
		row.key = number_of(document);
	else if (row.identity.len == 0 && row.origins == 0)
		row.key = cut_code(projector->view.reference);
	err = find_old(projector, &row, &old, info);
	bool is_new = err == ERR_NOT_FOUND;
	if (err != ERR_OK && !is_new)
		return err;
	if (row.revision == 0)
		row.revision = is_new ? 1 : old.revision + !has_content(&old, &row);
	if (!is_new && is_same(&old, &row)) {
		projector->unchanged++;
		return ERR_OK;
	}
	if (!is_new && old.revision > row.revision && !begins_anew(&old, &row))
		return ERR_OK; /* an older revision that comes late */
	if (!is_new && old.revision == row.revision && row.side == SIDE_CLOUD)
		return err_set(info, ERR_CONFLICT, "%s, revision %lld, is known with another content",
		               projector->view.subject, (long long)row.revision);
	/* Under a company that it has now, a cloud document may have waited for it. */
	bool appears =
	    row.side == SIDE_LEGACY && row.key.len > 0 && (is_new || !span_equal(old.entity, row.entity));
	if (!is_new) {
		row.first_ns = old.first_ns;
		row.outcome = row.outcome                            ? row.outcome
		              : projection->revision == old.revision ? old.outcome
		                                                     : 0;
		err = take_out(projector, &old, info);
	} else {
		err = ERR_OK;
	}
	if (err == ERR_OK && row.side == SIDE_CLOUD && row.key.len > 0)
		err = resolve_cloud(projector, &row, &search, info);
	if (err == ERR_OK)
		err = put_in(projector, &row, document, info);
	return err == ERR_OK && appears ? resolve_waiting(projector, &row, info) : err;
}

/* ---- other rules ---- */

struct sums_version {
	char text[RULES_VERSION_SIZE + 16];
};

/* Another program may make other views by the same rules: equal sums of old views prove nothing of new ones. */
static struct sums_version version_of(const struct rules *rules)
{
	struct sums_version version;
	(void)snprintf(version.text, sizeof version.text, "%s view %d", rules ? rules_version(rules) : "none",
	               VIEW_VERSION);
	return version;
}

bool project_is_of(const struct ledger *ledger, const struct rules *rules)
{
	return ledger_complete(ledger) && strcmp(ledger_rules(ledger), version_of(rules).text) == 0;
}

enum err project_use_rules(struct projector *projector, const struct rules *rules, struct err_info *info)
{
	const struct sums_version version = version_of(rules);
	projector->rules = rules;
	if (strcmp(ledger_rules(projector->ledger), version.text) == 0)
		return ERR_OK;
	return ledger_new_generation(projector->ledger, version.text, info);
}

struct outdated {
	enum ledger_side side;
	char identity[STORE_SUBJECT_MAX];
	char subject[STORE_SUBJECT_MAX];
};

struct outdated_list {
	struct outdated *list;
	int count;
};

static bool note_outdated(void *self, const struct ledger_document *document)
{
	struct outdated_list *list = self;
	struct outdated *one = &list->list[list->count++];
	one->side = document->side;
	(void)!text_copy(one->identity, sizeof one->identity, document->identity);
	(void)!text_copy(one->subject, sizeof one->subject, document->subject);
	return true;
}

static enum err regenerate(struct projector *projector, const struct outdated *one, struct err_info *info)
{
	struct ledger_document row;
	const struct ledger_balance *balances = NULL;
	enum err err = ledger_find(projector->ledger, one->side, span_of(one->identity),
	                           span_of(one->subject), &row, &projector->texts, info);
	if (err == ERR_NOT_FOUND)
		return ERR_OK; /* it has found its counterpart since the list was made, and is as new */
	if (err == ERR_OK)
		err = document_unpack(&projector->document, row.packed, info);
	if (err == ERR_OK)
		err = view_make(&projector->view, one->side, &projector->document, projector->rules, info);
	if (err != ERR_OK)
		return err;
	const struct view *view = &projector->view;
	int count = project_balances(projector, view, &projector->document, &balances);
	bool moved = !span_equal(row.entity, cut_code(view->entity));
	row.entity = cut_code(view->entity);
	row.currency = cut_code(view->currency);
	row.party = cut_code(view->party);
	row.fingerprint = view_fingerprint(view, row.identity);
	err = ledger_regenerate(projector->ledger, &row, balances, count, info);
	/* A cloud document may have waited for it under the company that it has now. */
	if (err == ERR_OK && moved && row.side == SIDE_LEGACY && row.key.len > 0)
		err = resolve_waiting(projector, &row, info);
	return err;
}

enum err project_regenerate(struct projector *projector, int limit, bool *done, struct err_info *info)
{
	struct outdated_list list = {.list = mem_alloc((size_t)limit * sizeof list.list[0])};
	enum err err = ledger_outdated(projector->ledger, limit, note_outdated, &list, done, info);
	for (int i = 0; i < list.count && err == ERR_OK; i++)
		err = regenerate(projector, &list.list[i], info);
	free(list.list);
	return err;
}
