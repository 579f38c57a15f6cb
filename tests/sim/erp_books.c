/*
 * erp_books.c - the simulated ERP's tables, business and expectations.
 *
 * Why:   see erp_books.h.
 * Owns:  as in erp_books.h.
 * Rules: as in erp_books.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/erp_books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S          INT64_C(1000000000)
#define LATE_S_MAX 1200
#define LINES_MAX  8

struct company {
	const char *code;
	const char *currency;
};

static const struct company companies[] = {{"00001", "USD"}, {"00070", "JPY"}, {"00200", "KWD"}};
#define COMPANIES ((int)(sizeof companies / sizeof companies[0]))

static const char *const schema[] = {
    "CREATE TABLE F0010(CCCO TEXT PRIMARY KEY, CCNAME TEXT, CCCRCD TEXT)",
    "CREATE TABLE F0013(CVCRCD TEXT PRIMARY KEY, CVCDEC TEXT)",
    "CREATE TABLE F0101(ABAN8 INTEGER PRIMARY KEY, ABALPH TEXT, ABAT1 TEXT DEFAULT 'C  ', ABTAX TEXT DEFAULT "
    "'', "
    "ABCRCD TEXT DEFAULT 'USD', ABUSER TEXT DEFAULT 'SIM', ABUPMJ INTEGER, ABUPMT INTEGER)",
    "CREATE TABLE F0901(GMAID TEXT PRIMARY KEY, GMMCU TEXT, GMOBJ TEXT, GMSUB TEXT, GMDL01 TEXT)",
    "CREATE TABLE F0011(ICICUT TEXT, ICICU INTEGER, ICIST TEXT, ICUPMJ INTEGER, ICUPMT INTEGER, PRIMARY "
    "KEY(ICICUT, "
    "ICICU))",
    "CREATE TABLE F0911(GLDCT TEXT, GLDOC INTEGER, GLKCO TEXT, GLDGJ INTEGER, GLJELN INTEGER, GLLT TEXT, "
    "GLEXTL TEXT "
    "DEFAULT '  ', GLPOST TEXT, GLICUT TEXT, GLICU INTEGER, GLDSYJ INTEGER, GLCO TEXT, GLAID TEXT DEFAULT "
    "'00000001', "
    "GLMCU TEXT DEFAULT '         100', GLOBJ TEXT DEFAULT '4010  ', GLSUB TEXT DEFAULT '        ', GLAN8 "
    "INTEGER DEFAULT "
    "0, GLCTRY INTEGER, GLFY INTEGER, GLPN INTEGER, GLCRRM TEXT, GLCRCD TEXT, GLBCRC TEXT, GLAA TEXT, GLU "
    "TEXT DEFAULT "
    "'0', GLUM TEXT DEFAULT '  ', GLEXA TEXT DEFAULT '', GLEXR TEXT DEFAULT '', GLR1 TEXT DEFAULT '', GLVINV "
    "TEXT "
    "DEFAULT '', GLODCT TEXT DEFAULT '  ', GLODOC INTEGER DEFAULT 0, GLOKCO TEXT DEFAULT '     ', GLTXA1 "
    "TEXT DEFAULT "
    "'', GLRE TEXT DEFAULT ' ', GLIVD INTEGER, GLUSER TEXT DEFAULT 'SIM', "
    "PRIMARY KEY(GLDCT, GLDOC, GLKCO, GLDGJ, GLJELN, GLLT, GLEXTL))",
    "CREATE INDEX F0911_1 ON F0911(GLICUT, GLICU)",
    "CREATE INDEX F0911_2 ON F0911(GLDOC, GLKCO)",
    "CREATE TABLE F03B11(RPDOC INTEGER, RPDCT TEXT, RPKCO TEXT, RPSFX TEXT, RPAN8 INTEGER, RPPYR INTEGER, "
    "RPCO TEXT, "
    "RPDIVJ INTEGER, RPDGJ INTEGER, RPDDJ INTEGER, RPCTRY INTEGER, RPFY INTEGER, RPPN INTEGER, RPCRRM TEXT, "
    "RPCRCD TEXT, "
    "RPBCRC TEXT, RPCRR TEXT DEFAULT '0', RPAG TEXT, RPAAP TEXT, RPATXA TEXT DEFAULT '0', RPATXN TEXT, "
    "RPSTAM TEXT "
    "DEFAULT '0', RPACR TEXT DEFAULT '0', RPFAP TEXT DEFAULT '0', RPCTXA TEXT DEFAULT '0', RPCTXN TEXT "
    "DEFAULT '0', "
    "RPCTAM TEXT DEFAULT '0', RPTXA1 TEXT DEFAULT '', RPPTC TEXT DEFAULT '030', RPPST TEXT DEFAULT 'A', "
    "RPPOST TEXT "
    "DEFAULT 'D', RPVOD TEXT DEFAULT ' ', RPVINV TEXT DEFAULT '', RPVR01 TEXT DEFAULT '', RPRMK TEXT DEFAULT "
    "'', RPODCT "
    "TEXT DEFAULT '  ', RPODOC INTEGER DEFAULT 0, RPOKCO TEXT DEFAULT '     ', RPAID TEXT DEFAULT "
    "'00000002', RPMCU TEXT "
    "DEFAULT '         100', RPICUT TEXT DEFAULT 'IB', RPICU INTEGER, RPUSER TEXT DEFAULT 'SIM', RPUPMJ "
    "INTEGER, RPUPMT "
    "INTEGER, PRIMARY KEY(RPDOC, RPDCT, RPKCO, RPSFX))",
    "CREATE INDEX F03B11_1 ON F03B11(RPUPMJ, RPUPMT)",
    "CREATE TABLE F03B13(RYPYID INTEGER PRIMARY KEY, RYCKNU TEXT DEFAULT '', RYAN8 INTEGER, RYPYR INTEGER, "
    "RYCO TEXT, "
    "RYDMTJ INTEGER, RYDGJ INTEGER, RYCTRY INTEGER, RYFY INTEGER, RYPN INTEGER, RYCRRM TEXT DEFAULT 'D', "
    "RYCRCD TEXT, "
    "RYBCRC TEXT, RYCRR TEXT DEFAULT '0', RYCKAM TEXT, RYFCAM TEXT DEFAULT '0', RYAAP TEXT, RYFAP TEXT "
    "DEFAULT '0', "
    "RYPOST TEXT DEFAULT 'D', RYVDGJ INTEGER DEFAULT 0, RYNFVD TEXT DEFAULT ' ', RYGLBA TEXT DEFAULT "
    "'00000003', RYRMK "
    "TEXT DEFAULT '', RYICUT TEXT DEFAULT 'RB', RYICU INTEGER DEFAULT 1, RYUSER TEXT DEFAULT 'SIM', RYUPMJ "
    "INTEGER, "
    "RYUPMT INTEGER)",
    "CREATE TABLE F03B14(RZPYID INTEGER, RZRC5 INTEGER, RZDOC INTEGER, RZDCT TEXT, RZKCO TEXT, RZSFX TEXT, "
    "RZPAAP TEXT, "
    "RZPFAP TEXT DEFAULT '0', RZADSA TEXT DEFAULT '0', RZAAAJ TEXT DEFAULT '0', RZAGL TEXT DEFAULT '0', "
    "RZUPMJ INTEGER, "
    "RZUPMT INTEGER, PRIMARY KEY(RZPYID, RZRC5))",
    "INSERT INTO F0010 VALUES ('00001','Acme','USD'),('00070','Acme Japan','JPY'),('00200','Acme "
    "Kuwait','KWD')",
    "INSERT INTO F0013 VALUES ('USD','2'),('EUR','2'),('JPY','0'),('KWD','3')",
    "INSERT INTO F0901 VALUES ('00000001','         100','4010  ','','Sales'),('00000002','         "
    "100','1210  ','',"
    "'Receivables'),('00000003','         100','1110  ','','Bank')",
};

static void must(struct erp_books *books, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(books->db, sql, NULL, NULL, &error) != SQLITE_OK) {
		(void)fprintf(stderr, "%s\n%s\n", error, sql);
		abort();
	}
}

/* The civil date of a day number since 1970-01-01 (proleptic Gregorian; H. Hinnant's days_from_civil turned
 * round). */
static void civil(int64_t days, int *year, int *month, int *day, int *day_of_year)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t z = days + 719468;
	int64_t era = z / 146097;
	int64_t doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
	bool leap = (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
	*day_of_year = before[*month - 1] + *day + (leap && *month > 2);
}

struct erp_date {
	int year, month, day;
	int julian; /* CYYDDD */
	int clock;  /* HHMMSS */
	int64_t second;
};

static struct erp_date date_at(int64_t now_ns)
{
	struct erp_date date;
	int day_of_year;
	date.second = now_ns / S;
	civil(date.second / 86400, &date.year, &date.month, &date.day, &day_of_year);
	int64_t second = date.second % 86400;
	date.clock = (int)(second / 3600 * 10000 + second / 60 % 60 * 100 + second % 60);
	date.julian = (date.year - 1900) * 1000 + day_of_year;
	return date;
}

/* strftime() of this database: the ERP's clock, as the profile's statement asks it. */
static void erp_clock(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct erp_books *books = sqlite3_user_data(context);
	struct erp_date date = date_at(books->now_ns(books->self));
	char text[64];
	(void)count;
	(void)values;
	(void)snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", date.year, date.month, date.day,
	               date.clock / 10000, date.clock / 100 % 100, date.clock % 100);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

void erp_books_open(struct erp_books *books, struct sim_random *random, int64_t (*now_ns)(void *self),
                    void *self)
{
	*books = (struct erp_books){.random = random, .now_ns = now_ns, .self = self, .next_number = 1000};
	CHECK(sqlite3_open(":memory:", &books->db) == SQLITE_OK);
	CHECK(sqlite3_create_function(books->db, "strftime", -1, SQLITE_UTF8, books, erp_clock, NULL, NULL) ==
	      SQLITE_OK);
	for (size_t i = 0; i < sizeof schema / sizeof schema[0]; i++)
		must(books, schema[i]);
}

void erp_books_close(struct erp_books *books)
{
	while (books->late) {
		struct erp_late *late = books->late;
		books->late = late->next;
		sqlite3_free(late->sql);
		free(late);
	}
	CHECK(sqlite3_close(books->db) == SQLITE_OK);
}

static int64_t between(struct erp_books *books, int64_t low, int64_t high)
{
	return sim_random_between(books->random, low, high);
}

static const struct company *any_company(struct erp_books *books)
{
	return &companies[sim_random_below(books->random, (uint64_t)COMPANIES)];
}

/* ---- actions: each appends its statements ---- */

struct ledger {
	const struct company *company;
	const char *type;
	int64_t document;
	const char *batch_type;
	int64_t batch;
	bool foreign;
	bool posted;
	struct erp_date date;
};

/* The accounts of F0901. */
static const char *const accounts[][2] = {
    {"00000001", "4010  "}, {"00000002", "1210  "}, {"00000003", "1110  "}};

/* One AA row, and its CA row where the document is foreign (EUR, half of it). Foreign amounts are even
 * there. */
static void ledger_row(sqlite3_str *sql, const struct ledger *ledger, const char *type, int line,
                       int64_t amount)
{
	bool offset = strcmp(type, "AE") == 0;
	const char *const *account = accounts[(ledger->document + line) % 3];
	for (int i = 0; i <= ledger->foreign; i++)
		sqlite3_str_appendf(
		    sql,
		    "INSERT INTO "
		    "F0911(GLDCT,GLDOC,GLKCO,GLDGJ,GLJELN,GLLT,GLPOST,GLICUT,GLICU,GLDSYJ,GLCO,GLCTRY,GLFY,"
		    "GLPN,"
		    "GLCRRM,GLCRCD,GLBCRC,GLAA,GLIVD,GLODCT,GLODOC,GLOKCO,GLAID,GLOBJ) VALUES "
		    "(%Q,%lld,%Q,%d,%d,%Q,%Q,%Q,%lld,%d,%Q,20,%d,%d,%Q,%Q,%Q,'%lld',%d,%Q,%lld,%Q,%Q,%Q);",
		    type, ledger->document, ledger->company->code, ledger->date.julian, line * 10,
		    i ? "CA" : "AA", ledger->posted ? "P" : " ", ledger->batch_type, ledger->batch,
		    ledger->date.julian, ledger->company->code, ledger->date.year % 100, ledger->date.month,
		    ledger->foreign ? "F" : "D", ledger->foreign ? "EUR" : ledger->company->currency,
		    ledger->company->currency, i ? amount / 2 : amount, ledger->date.julian,
		    offset ? ledger->type : "  ", offset ? ledger->document : 0,
		    offset ? ledger->company->code : "     ", account[0], account[1]);
}

static void batch_row(sqlite3_str *sql, const struct ledger *ledger)
{
	sqlite3_str_appendf(sql, "INSERT INTO F0011 VALUES (%Q,%lld,%Q,%d,%d);", ledger->batch_type,
	                    ledger->batch, ledger->posted ? "D" : "A", ledger->date.julian,
	                    ledger->date.clock);
}

/* A batch of one to four journals, posted at once or later. */
static void add_journals(struct erp_books *books, sqlite3_str *sql, struct erp_date date)
{
	struct ledger ledger = {.company = any_company(books),
	                        .type = "JE",
	                        .batch_type = "G ",
	                        .batch = books->next_number++,
	                        .posted = !sim_random_one_in(books->random, 4),
	                        .date = date};
	int documents = (int)between(books, 1, 4);
	for (int d = 0; d < documents; d++) {
		int lines = sim_random_one_in(books->random, 60) ? 400 : (int)between(books, 2, LINES_MAX);
		int64_t sum = 0;
		ledger.document = books->next_number++;
		ledger.foreign = sim_random_one_in(books->random, 4);
		for (int line = 1; line <= lines; line++) {
			int64_t amount = line == lines ? -sum : 2 * between(books, -500000, 500000);
			sum += amount;
			ledger_row(sql, &ledger, "JE", line, amount);
		}
	}
	batch_row(sql, &ledger);
}

/* A batch that was entered before is posted. */
static void post_batch(struct erp_books *books, sqlite3_str *sql, struct erp_date date)
{
	(void)books;
	sqlite3_str_appendf(
	    sql,
	    "CREATE TEMP TABLE chosen AS SELECT ICICUT AS T, ICICU AS U FROM F0011 WHERE ICIST='A' ORDER BY "
	    "ICICU LIMIT 1;"
	    "UPDATE F0911 SET GLPOST='P' WHERE EXISTS (SELECT 1 FROM chosen WHERE T=GLICUT AND U=GLICU);"
	    "UPDATE F0011 SET ICIST='D', ICUPMJ=%d, ICUPMT=%d WHERE EXISTS (SELECT 1 FROM chosen WHERE "
	    "T=ICICUT AND "
	    "U=ICICU);"
	    "DROP TABLE chosen;",
	    date.julian, date.clock);
}

/* An invoice or credit memo of one to three pay items, with its ledger rows and their offset. */
static void add_invoice(struct erp_books *books, sqlite3_str *sql, struct erp_date date, bool memo)
{
	struct ledger ledger = {.company = any_company(books),
	                        .type = memo ? "RM" : "RI",
	                        .document = books->next_number++,
	                        .batch_type = "IB",
	                        .batch = books->next_number++,
	                        .foreign = sim_random_one_in(books->random, 4),
	                        .posted = true,
	                        .date = date};
	int items = (int)between(books, 1, 3);
	int64_t customer = between(books, 1, 40);
	int64_t sum = 0;
	for (int item = 1; item <= items; item++) {
		int64_t amount = 2 * between(books, 1, 400000) * (memo ? -1 : 1);
		int64_t foreign = ledger.foreign ? amount / 2 : 0;
		sum += amount;
		sqlite3_str_appendf(sql,
		                    "INSERT INTO "
		                    "F03B11(RPDOC,RPDCT,RPKCO,RPSFX,RPAN8,RPPYR,RPCO,RPDIVJ,RPDGJ,RPDDJ,"
		                    "RPCTRY,RPFY,RPPN,RPCRRM,"
		                    "RPCRCD,RPBCRC,RPAG,RPAAP,RPATXN,RPACR,RPFAP,RPCTXN,RPICU,RPUPMJ,RPUPMT) "
		                    "VALUES (%lld,%Q,%Q,'%03d',%lld,"
		                    "%lld,%Q,%d,%d,%d,20,%d,%d,%Q,%Q,%Q,'%lld','%lld','%lld','%lld','%lld','%"
		                    "lld',%lld,%d,%d);",
		                    ledger.document, ledger.type, ledger.company->code, item, customer,
		                    customer, ledger.company->code, date.julian, date.julian, date.julian,
		                    date.year % 100, date.month, ledger.foreign ? "F" : "D",
		                    ledger.foreign ? "EUR" : ledger.company->currency,
		                    ledger.company->currency, amount, amount, amount, foreign, foreign,
		                    foreign, ledger.batch, date.julian, date.clock);
		ledger_row(sql, &ledger, ledger.type, item, -amount);
	}
	ledger_row(sql, &ledger, "AE", items + 1, sum);
	batch_row(sql, &ledger);
}

/* A receipt that pays up to two committed pay items of a company wholly or in part, and a rest that stays
 * unapplied. */
static void add_payment(struct erp_books *books, sqlite3_str *sql, struct erp_date date)
{
	const struct company *company = any_company(books);
	int64_t document = books->next_number++;
	int64_t applied = 0;
	int number = 0;
	sqlite3_stmt *items;
	CHECK(sqlite3_prepare_v2(
		  books->db,
		  "SELECT RPDOC, RPDCT, RPSFX, CAST(RPAAP AS INTEGER) FROM F03B11 WHERE RPKCO=?1 AND "
		  "RPDCT='RI' AND RPCRRM='D' AND RPVOD=' ' AND CAST(RPAAP AS INTEGER)>0 AND RPPST='A' "
		  "ORDER BY RPDOC LIMIT ?2",
		  -1, &items, NULL) == SQLITE_OK);
	CHECK(sqlite3_bind_text(items, 1, company->code, -1, SQLITE_STATIC) == SQLITE_OK);
	CHECK(sqlite3_bind_int64(items, 2, between(books, 0, 2)) == SQLITE_OK);
	while (sqlite3_step(items) == SQLITE_ROW) {
		int64_t open = sqlite3_column_int64(items, 3);
		int64_t paid = sim_random_one_in(books->random, 3) ? between(books, 1, open) : open;
		applied += paid;
		sqlite3_str_appendf(
		    sql,
		    "INSERT INTO F03B14(RZPYID,RZRC5,RZDOC,RZDCT,RZKCO,RZSFX,RZPAAP,RZUPMJ,RZUPMT) VALUES "
		    "(%lld,%d,%lld,'RI',%Q,%Q,'%lld',%d,%d);"
		    "UPDATE F03B11 SET RPAAP=CAST(CAST(RPAAP AS INTEGER)-%lld AS TEXT), RPPST=CASE WHEN "
		    "%lld=0 "
		    "THEN 'P' ELSE 'A' END, RPUPMJ=%d, RPUPMT=%d WHERE RPDOC=%lld AND RPDCT='RI' AND "
		    "RPKCO=%Q "
		    "AND RPSFX=%Q;",
		    document, ++number, sqlite3_column_int64(items, 0), company->code,
		    sqlite3_column_text(items, 2), -paid, date.julian, date.clock, paid, open - paid,
		    date.julian, date.clock, sqlite3_column_int64(items, 0), company->code,
		    sqlite3_column_text(items, 2));
	}
	CHECK(sqlite3_finalize(items) == SQLITE_OK);
	int64_t rest = number == 0 || sim_random_one_in(books->random, 4) ? between(books, 1, 9999) : 0;
	sqlite3_str_appendf(
	    sql,
	    "INSERT INTO F03B13(RYPYID,RYAN8,RYPYR,RYCO,RYDMTJ,RYDGJ,RYCTRY,RYFY,RYPN,RYCRCD,RYBCRC,RYCKAM,"
	    "RYAAP,RYUPMJ,RYUPMT) VALUES (%lld,1,1,%Q,%d,%d,20,%d,%d,%Q,%Q,'%lld','%lld',%d,%d);",
	    document, company->code, date.julian, date.julian, date.year % 100, date.month, company->currency,
	    company->currency, applied + rest, rest, date.julian, date.clock);
}

/* A new customer, or another name for one. */
static void add_customer(struct erp_books *books, sqlite3_str *sql, struct erp_date date)
{
	static const char *const names[] = {"Müller & Söhne", "株式会社山田", "O'Neill \"Quality\" Ltd",
	                                    "Łódź Transport", "شركة الخليج"};
	sqlite3_str_appendf(
	    sql,
	    "INSERT INTO F0101(ABAN8,ABALPH,ABUPMJ,ABUPMT) VALUES (%lld,'%q %lld',%d,%d) ON CONFLICT(ABAN8) "
	    "DO UPDATE SET ABALPH=excluded.ABALPH, ABUPMJ=excluded.ABUPMJ, ABUPMT=excluded.ABUPMT;",
	    between(books, 1, 60), names[between(books, 0, 4)], between(books, 1, 999), date.julian,
	    date.clock);
}

/* A remark is changed, or an invoice voided: an older document comes again. */
static void change_invoice(struct erp_books *books, sqlite3_str *sql, struct erp_date date)
{
	bool voids = sim_random_one_in(books->random, 5);
	sqlite3_str_appendf(
	    sql, "UPDATE F03B11 SET %s, RPUPMJ=%d, RPUPMT=%d WHERE RPPST='A' AND (RPDOC,RPDCT,RPKCO)=(",
	    voids ? "RPVOD='V'" : "RPRMK='changed '||hex(RPUPMT)", date.julian, date.clock);
	sqlite3_str_appendf(
	    sql,
	    "SELECT RPDOC,RPDCT,RPKCO FROM F03B11 WHERE RPPST='A' AND RPVOD=' ' AND RPDOC>=%lld "
	    "ORDER BY RPDOC LIMIT 1);",
	    between(books, 1000, books->next_number));
}

static void make_late(struct erp_books *books, char *sql, int64_t due_ns)
{
	struct erp_late *late = mem_alloc(sizeof *late);
	struct erp_late **link = &books->late;
	late->due_ns = due_ns;
	late->sql = sql;
	while (*link && (*link)->due_ns <= due_ns)
		link = &(*link)->next;
	late->next = *link;
	*link = late;
	books->committed_late++;
}

void erp_books_work(struct erp_books *books, bool may_be_late)
{
	int64_t now = books->now_ns(books->self);
	struct erp_date date = date_at(now);
	sqlite3_str *text = sqlite3_str_new(NULL);
	sqlite3_str_appendall(text, "BEGIN;");
	int64_t kind = between(books, 0, 99);
	if (kind < 30)
		add_journals(books, text, date);
	else if (kind < 40)
		post_batch(books, text, date);
	else if (kind < 62)
		add_invoice(books, text, date, false);
	else if (kind < 67)
		add_invoice(books, text, date, true);
	else if (kind < 80)
		add_payment(books, text, date);
	else if (kind < 90)
		add_customer(books, text, date);
	else
		change_invoice(books, text, date);
	sqlite3_str_appendall(text, "COMMIT;");
	char *sql = sqlite3_str_finish(text);
	CHECK(sql != NULL);
	books->actions++;
	/* Two payments of one item must not both be under way: they are always committed at once. */
	bool payment = kind >= 67 && kind < 80;
	if (may_be_late && !payment && sim_random_one_in(books->random, 6)) {
		int64_t longest = sim_random_one_in(books->random, 4) ? LATE_S_MAX : 90;
		make_late(books, sql, now + between(books, 1, longest) * S);
		return;
	}
	must(books, sql);
	sqlite3_free(sql);
}

void erp_books_commit_late(struct erp_books *books, bool all)
{
	while (books->late && (all || books->late->due_ns <= books->now_ns(books->self))) {
		struct erp_late *late = books->late;
		books->late = late->next;
		must(books, late->sql);
		sqlite3_free(late->sql);
		free(late);
	}
}

int64_t erp_books_late_due(const struct erp_books *books)
{
	return books->late ? books->late->due_ns : INT64_MAX;
}

int erp_decimals(struct span currency)
{
	if (span_equal(currency, SPAN_LITERAL("JPY")))
		return 0;
	return span_equal(currency, SPAN_LITERAL("KWD")) ? 3 : 2;
}

/* subject, lines, amount, rest, voided, name */
static const char *const expectations[] = {
    "SELECT GLKCO||'/journal/'||(GLCTRY*100+GLFY)||'/'||CASE WHEN GLDCT='AE' THEN GLODCT ELSE GLDCT "
    "END||'-'||GLDOC, "
    "count(*), sum(max(CAST(GLAA AS INTEGER),0)), 0, 0, '' FROM F0911 WHERE GLLT='AA' AND GLPOST='P' GROUP "
    "BY 1",
    "SELECT RPKCO||CASE RPDCT WHEN 'RM' THEN '/credit_memo/' ELSE '/invoice/' "
    "END||(RPCTRY*100+RPFY)||'/'||RPDCT||'-'||"
    "RPDOC, count(*), abs(sum(CASE RPCRRM WHEN 'F' THEN RPACR ELSE RPAG END)), abs(sum(CASE RPCRRM WHEN 'F' "
    "THEN RPFAP "
    "ELSE RPAAP END)), max(RPVOD>' '), '' FROM F03B11 GROUP BY 1",
    "SELECT RYCO||'/payment/'||(RYCTRY*100+RYFY)||'/'||RYPYID, (SELECT count(*) FROM F03B14 WHERE "
    "RZPYID=RYPYID), "
    "CAST(RYCKAM AS INTEGER), CAST(RYAAP AS INTEGER), 0, '' FROM F03B13",
    "SELECT '00000/customer/0/'||ABAN8, 0, 0, 0, 0, ABALPH FROM F0101",
};

void erp_books_expect(const struct erp_books *books, erp_visitor visit, void *self)
{
	for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
		sqlite3_stmt *rows;
		CHECK(sqlite3_prepare_v2(books->db, expectations[i], -1, &rows, NULL) == SQLITE_OK);
		while (sqlite3_step(rows) == SQLITE_ROW) {
			struct erp_figures figures = {.lines = sqlite3_column_int64(rows, 1),
			                              .amount = sqlite3_column_int64(rows, 2),
			                              .rest = sqlite3_column_int64(rows, 3),
			                              .voided = sqlite3_column_int(rows, 4) != 0};
			CHECK(text_copy(figures.subject, sizeof figures.subject,
			                span_of((const char *)sqlite3_column_text(rows, 0))));
			CHECK(text_copy(figures.name, sizeof figures.name,
			                span_of((const char *)sqlite3_column_text(rows, 5))));
			visit(self, &figures);
		}
		CHECK(sqlite3_finalize(rows) == SQLITE_OK);
	}
}
