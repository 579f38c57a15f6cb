/*
 * report_page.c - writes HTML and SVG.
 *
 * Why:   see report_page.h.
 * Owns:  see report_page.h.
 * Rules: see report_page.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/report_words.h"

void page_put(struct page *page, const char *markup)
{
	(void)fputs(markup, page->file);
}

static void put_escaped(struct page *page, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			page_put(page, "&amp;");
			break;
		case '<':
			page_put(page, "&lt;");
			break;
		case '>':
			page_put(page, "&gt;");
			break;
		case '"':
			page_put(page, "&quot;");
			break;
		case '\'':
			page_put(page, "&#39;");
			break;
		default:
			(void)fputc(*text, page->file);
		}
	}
}

static void put_value(struct page *page, char letter, va_list *args)
{
	buf_clear(&page->text);
	switch (letter) {
	case 't':
		words_text(va_arg(*args, const char *), PAGE_TEXT_CHARACTERS, &page->text);
		break;
	case 'a':
		words_amount(va_arg(*args, const char *), &page->text);
		break;
	case 'm':
		words_decimal(va_arg(*args, struct decimal), &page->text);
		break;
	case 'n':
		words_count(va_arg(*args, int64_t), &page->text);
		break;
	case 'h':
		words_share(va_arg(*args, const char *), &page->text);
		break;
	case 'w':
		words_date(va_arg(*args, const char *), &page->text);
		break;
	case 'i':
		buf_printf(&page->text, "%d", va_arg(*args, int));
		break;
	case 'p': {
		int tenths = va_arg(*args, int);
		buf_printf(&page->text, "%s%d.%d", tenths < 0 ? "-" : "", abs(tenths) / 10, abs(tenths) % 10);
		break;
	}
	case '%':
		buf_append_char(&page->text, '%');
		break;
	default:
		BUG("a letter of page_format() that there is not");
	}
	CHECK(buf_ok(&page->text));
	put_escaped(page, buf_cstr(&page->text));
}

static void put_list(struct page *page, const char *format, va_list *args)
{
	for (const char *at = format; *at; at++) {
		if (*at != '%') {
			(void)fputc(*at, page->file);
			continue;
		}
		at++;
		if (*at == 'r')
			page_put(page, va_arg(*args, const char *));
		else
			put_value(page, *at, args);
	}
}

void page_format(struct page *page, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put_list(page, format, &args);
	va_end(args);
}

void page_table(struct page *page, const char *classes, const char *caption, ...)
{
	va_list args;
	page->tables++;
	page_format(page,
	            "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"t%i\">\n"
	            "<table class=\"%r\">\n<caption id=\"t%i\"><span>",
	            page->tables, classes, page->tables);
	va_start(args, caption);
	put_list(page, caption, &args);
	va_end(args);
	page_put(page, "</span></caption>\n");
}

void page_heads(struct page *page, const char *heads)
{
	page_put(page, "<thead><tr>");
	while (*heads) {
		bool number = *heads == '#';
		heads += number;
		size_t length = strcspn(heads, "|");
		page_format(page, "<th scope=\"col\"%r>", number ? " class=\"n\"" : "");
		(void)fwrite(heads, 1, length, page->file);
		page_put(page, "</th>");
		heads += length + (heads[length] == '|');
	}
	page_put(page, "</tr></thead>\n<tbody>\n");
}

void page_table_end(struct page *page)
{
	page_put(page, "</tbody>\n</table>\n</div>\n");
}

void page_section(struct page *page, const char *id, const char *title)
{
	page_format(page, "<section id=\"%r\" aria-labelledby=\"%r-head\">\n<h2 id=\"%r-head\">%r</h2>\n", id,
	            id, id, title);
}

void page_plural(struct page *page, int64_t count, const char *one, const char *many)
{
	page_format(page, "%n %r", count, count == 1 ? one : many);
}

void page_nothing(struct page *page, const char *sentence)
{
	page_format(page, "<p class=\"nothing\">%r</p>\n", sentence);
}
