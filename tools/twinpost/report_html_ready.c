/*
 * report_html_ready.c - days of clean running, readiness of each company, and what the comparison rests on.
 *
 * Why:   a cut-over is signed for one company; what speaks for it and what was never tried stand side by side.
 * Owns:  nothing.
 * Rules: see report_html.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include <string.h>

#include "tools/twinpost/client.h"
#include "tools/twinpost/report_chart.h"
#include "tools/twinpost/report_html.h"
#include "tools/twinpost/report_words.h"

#define DAYS_LISTED      31
#define CURRENCIES_DRAWN 8

static void texts(struct page *page, const cJSON *list, const char *nothing)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list) page_format(page, "%r%t", item->prev->next ? "<br>" : "",
	                                           cJSON_IsString(item) ? item->valuestring : "");
	if (cJSON_GetArraySize(list) == 0)
		page_put(page, nothing);
}

static void money(struct page *page, const cJSON *list)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list) page_format(page, "%r%t\xc2\xa0%a", item->prev->next ? "<br>" : "",
	                                           member_text(item, "currency"), member_text(item, "value"));
	if (cJSON_GetArraySize(list) == 0)
		page_put(page, "<span class=\"zero\">0</span>");
}

/* ---- days ---- */

static void day_row(struct page *page, const cJSON *day)
{
	const cJSON *class_;
	char buffer[WORDS_CODE_SIZE];
	page_format(page, "<tr><th scope=\"row\" class=\"t\">%t</th><td class=\"n\">%n</td><td>%r</td><td>",
	            member_text(day, "date"), member_integer(day, "documents"),
	            member_true(day, "clean") ? "<span class=\"good\">clean</span>"
	                                      : "<span class=\"bad\">not clean</span>");
	cJSON_ArrayForEach(class_, member(day, "classes"))
	    page_format(page, "%r%t %n", class_->prev->next ? ", " : "", words_status(class_->string, buffer),
	                member_integer(member(day, "classes"), class_->string));
	page_put(page, "</td><td class=\"n\">");
	money(page, member(day, "unexplained"));
	page_put(page, "</td></tr>\n");
}

void html_days(struct page *page)
{
	const cJSON *days = member(page->run, "days");
	const cJSON *day;
	int64_t skipped = member_integer(member(page->run, "fingerprints"), "documents_skipped");
	int all = cJSON_GetArraySize(days);
	int clean = 0;
	int drawn = 0;
	cJSON_ArrayForEach(day, days) clean += member_true(day, "clean");
	if (all == 0) {
		page_nothing(page, "No document has a posting date.");
		return;
	}
	page_format(page,
	            "<p>%n of %n posting dates%t are clean: nothing on them but documents that agree, were "
	            "accepted or are on their way.",
	            (int64_t)clean, (int64_t)all, skipped > 0 ? " that were looked at" : "");
	if (skipped > 0)
		page_put(page,
		         " Days that fingerprints proved equal are clean, too, and are not listed; documents "
		         "of a listed day that they proved equal are not counted.");
	page_put(page, "</p>\n");
	page_put(page, "<div class=\"charts\">\n");
	chart_days(page);
	const cJSON *bridge;
	cJSON_ArrayForEach(bridge, member(page->run, "bridge"))
	{
		if (drawn++ < CURRENCIES_DRAWN)
			chart_unexplained(page, member_text(bridge, "currency"));
	}
	page_put(page, "</div>\n");
	int first = all > DAYS_LISTED ? all - DAYS_LISTED : 0;
	page_table(page, "wide", "The newest %i posting dates", all - first);
	page_heads(page, "Date|#Documents|Clean|What does not simply agree|#Unexplained");
	for (day = cJSON_GetArrayItem(days, first); day; day = day->next)
		day_row(page, day);
	page_table_end(page);
	if (first > 0)
		page_format(page, "<p class=\"note\">%i earlier dates are in days.csv.</p>\n", first);
}

/* ---- readiness ---- */

static void ready_row(struct page *page, const cJSON *entry)
{
	char buffer[WORDS_CODE_SIZE];
	page_format(page,
	            "<tr><th scope=\"row\">%t</th><td>%t</td><td>%r</td><td class=\"n\">%n of %n</td><td "
	            "class=\"n\">%h</td><td class=\"n\">",
	            member_text(entry, "entity"), words_code(member_text(entry, "phase"), buffer),
	            member_true(entry, "ready") ? "<strong class=\"good\">ready</strong>"
	                                        : "<strong class=\"bad\">not ready</strong>",
	            member_integer(entry, "clean_days"), member_integer(entry, "needed_days"),
	            member_text(entry, "coverage"));
	money(page, member(entry, "unexplained"));
	page_put(page, "</td><td>");
	texts(page, member(entry, "why"), "");
	page_put(page, "</td><td>");
	texts(page, member(entry, "untested"), "<span class=\"zero\">nothing known</span>");
	page_format(
	    page, "</td><td class=\"n\">%h<br><span class=\"minor\">at %h, %n documents</span></td></tr>\n",
	    member_text_of(entry, "confidence", "bound"), member_text_of(entry, "confidence", "level"),
	    member_integer(member(entry, "confidence"), "documents"));
}

static void coverage(struct page *page)
{
	const cJSON *entry;
	page_table(page, "", "Kinds of business that were exercised");
	page_heads(page, "Kind|#ERP|#Cloud|Tested");
	cJSON_ArrayForEach(entry, member(member(page->run, "coverage"), "strata"))
	{
		bool untested = member_integer(entry, "legacy") == 0 || member_integer(entry, "cloud") == 0;
		page_format(page,
		            "<tr><th scope=\"row\">%t</th><td class=\"n\">%n</td><td "
		            "class=\"n\">%n</td><td>%r</td></tr>\n",
		            member_text(entry, "name"), member_integer(entry, "legacy"),
		            member_integer(entry, "cloud"),
		            untested ? "<strong class=\"warn\">untested</strong>" : "yes");
	}
	page_table_end(page);
}

void html_readiness(struct page *page)
{
	const cJSON *entry;
	page_format(
	    page,
	    "<p>A company is ready when enough days in a row were clean, nothing is unexplained beyond %a in "
	    "any "
	    "currency, and no more than %h of its documents are open. What was never exercised is named as "
	    "untested: no clean day proves anything about it. <em>Wrong at most</em> is the share of "
	    "documents that may be wrong and was not seen, with the confidence told below it.</p>\n",
	    member_text_of(page->run, "thresholds", "value"),
	    member_text_of(page->run, "thresholds", "documents_share"));
	page_table(page, "wide", "Readiness by company");
	page_heads(page,
	           "Company|Phase|Ready|#Clean days|#Compared|#Unexplained|Why not|Untested|#Wrong at most");
	cJSON_ArrayForEach(entry, member(page->run, "readiness")) ready_row(page, entry);
	page_table_end(page);
	page_put(page, "<div class=\"charts wide-rows\">\n");
	chart_heat(page);
	page_put(page, "</div>\n");
	if (cJSON_GetArraySize(member(member(page->run, "coverage"), "strata")) > 0)
		coverage(page);
}

/* ---- basis ---- */

static void policies(struct page *page)
{
	const cJSON *entry;
	char buffer[WORDS_CODE_SIZE];
	page_put(page, "<h3>Rounding</h3>\n");
	if (cJSON_GetArraySize(member(page->run, "policies")) == 0) {
		page_nothing(page, "No amounts from which a way of rounding could be told.");
		return;
	}
	page_table(page, "", "How each side rounds, as its own amounts tell");
	page_heads(page, "Company|Side|Rounds|#Amounts that tell|Finding");
	cJSON_ArrayForEach(entry, member(page->run, "policies")) page_format(
	    page,
	    "<tr><th scope=\"row\">%t</th><td>%r</td><td>%t</td><td class=\"n\">%n</td><td>%t</td></tr>\n",
	    member_text(entry, "entity"), strcmp(member_text(entry, "side"), "legacy") == 0 ? "ERP" : "Cloud",
	    member_text(entry, "policy")[0] ? member_text(entry, "policy") : "not told",
	    member_integer(entry, "evidence"), words_code(member_text(entry, "verdict"), buffer));
	page_table_end(page);
}

static void canaries(struct page *page)
{
	const cJSON *canary = member(page->run, "canaries");
	const cJSON *item;
	char buffer[WORDS_CODE_SIZE];
	page_format(page,
	            "<h3>Trial of the comparison itself</h3>\n<p>%n known differences were planted on a "
	            "reserved company, and %n "
	            "were found: ",
	            member_integer(canary, "planted"), member_integer(canary, "found"));
	cJSON_ArrayForEach(item, member(canary, "classes"))
	    page_format(page, "%r%t", item->prev->next ? ", " : "",
	                words_code(cJSON_IsString(item) ? item->valuestring : "", buffer));
	page_put(page, ".</p>\n");
}

/* Nothing, where the comparison does not say it. */
static void never_compared(struct page *page)
{
	const cJSON *entry;
	const cJSON *field;
	char type[WORDS_CODE_SIZE];
	if (cJSON_GetArraySize(member(page->run, "never_compared")) == 0)
		return;
	page_table(page, "", "Fields that no rule compares");
	page_heads(page, "Document|Fields");
	cJSON_ArrayForEach(entry, member(page->run, "never_compared"))
	{
		page_format(page, "<tr><th scope=\"row\">%t</th><td>",
		            words_code(member_text(entry, "document_type"), type));
		cJSON_ArrayForEach(field, member(entry, "fields"))
		    page_format(page, "%r%t", field->prev->next ? ", " : "",
		                cJSON_IsString(field) ? field->valuestring : "");
		page_put(page, "</td></tr>\n");
	}
	page_table_end(page);
}

static void not_compared(struct page *page)
{
	const cJSON *entry;
	char type[WORDS_CODE_SIZE];
	char attribute[WORDS_CODE_SIZE];
	page_put(page, "<h3>What is not compared</h3>\n");
	if (cJSON_GetArraySize(member(page->run, "not_compared")) == 0) {
		page_nothing(page, "Every attribute is compared.");
		never_compared(page);
		return;
	}
	page_table(page, "", "Attributes that the rules leave out");
	page_heads(page, "Document|Attribute");
	cJSON_ArrayForEach(entry, member(page->run, "not_compared"))
	    page_format(page, "<tr><th scope=\"row\">%t</th><td>%t</td></tr>\n",
	                words_code(member_text(entry, "document_type"), type),
	                words_code(member_text(entry, "attribute"), attribute));
	page_table_end(page);
	never_compared(page);
}

static void rules(struct page *page)
{
	const cJSON *entry;
	const cJSON *mappings = member(member(page->run, "rules"), "mappings");
	const cJSON *fingerprints = member(page->run, "fingerprints");
	char buffer[WORDS_CODE_SIZE];
	page_format(page, "<h3>Rules and method</h3>\n<p>Rules of version %t: ",
	            member_text_of(page->run, "rules", "version"));
	cJSON_ArrayForEach(entry, mappings)
	    page_format(page, "%n mappings of %t, ", member_integer(mappings, entry->string),
	                words_code(entry->string, buffer));
	page_format(page,
	            "%n tolerances. Of %n sums of account, currency and period, %n are proven equal as a "
	            "whole; %n documents in "
	            "them needed no look.</p>\n",
	            member_integer(member(page->run, "rules"), "tolerances"),
	            member_integer(fingerprints, "cells"), member_integer(fingerprints, "equal"),
	            member_integer(fingerprints, "documents_skipped"));
}

void html_basis(struct page *page)
{
	page_put(page, "<div class=\"charts\">\n<div>\n");
	rules(page);
	canaries(page);
	page_put(page, "</div>\n<div>\n");
	policies(page);
	page_put(page, "</div>\n<div>\n");
	not_compared(page);
	page_put(page, "</div>\n</div>\n");
}

/* ---- manifest ---- */

void html_manifest(struct page *page)
{
	const cJSON *file;
	page_put(page, "<p>The files that this page was made from. Their hashes were computed from the files "
	               "while the page was "
	               "made; <span class=\"mono\">sha256sum</span> gives the same.</p>\n");
	page_table(page, "", "Files of the result");
	page_heads(page, "File|#Lines|#Bytes|SHA-256");
	page_format(page,
	            "<tr><th scope=\"row\">run.json</th><td class=\"n\">1</td><td class=\"n\">%n</td><td "
	            "class=\"mono\">%t</td></tr>\n",
	            (int64_t)page->figures->result->text.len + 1, page->figures->result->run_sha256);
	cJSON_ArrayForEach(file, member(page->run, "files"))
	    page_format(page,
	                "<tr><th scope=\"row\">%t</th><td class=\"n\">%n</td><td class=\"n\">%n</td><td "
	                "class=\"mono\">%t</td></tr>\n",
	                member_text(file, "name"), member_integer(file, "lines"),
	                member_integer(file, "bytes"), member_text(file, "sha256"));
	page_table_end(page);
}
