"""schema.py - the tables of the sample ERP and their definition in each database's SQL.

Why:   one list of columns serves the three databases, the generator and the checks.
Owns:  nothing; values.
Rules: 1. Types: cN = CHAR(N), blank padded; i = integer; a = amount, an integer with the currency's decimals implied;
          r = exchange rate with a decimal point.
       2. Amounts and rates are TEXT on SQLite: its ODBC driver hands columns of numeric affinity out as doubles
          and loses digits of money.
       3. Rows are tuples in the order of columns().
Source: JD Edwards EnterpriseOne table names, column prefixes and primary keys.
Runs in: tools/sample-erp.
Tests: tests/unit/test_sample_erp.py
"""

# name: (columns, primary key, further indexes)
_TABLES = {
    "F0010": ("CCCO c5, CCNAME c30, CCCRCD c3", "CCCO", []),
    "F0013": ("CVCRCD c3, CVDL01 c30, CVCDEC c1", "CVCRCD", []),
    "F0101": ("ABAN8 i, ABALPH c40, ABAT1 c3, ABTAX c20, ABMCU c12, ABUSER c10, ABUPMJ i, ABUPMT i, ABCRCD c3",
              "ABAN8", []),
    "F0901": ("GMAID c8, GMCO c5, GMMCU c12, GMOBJ c6, GMSUB c8, GMDL01 c30, GMPEC c1", "GMAID", []),
    "F0011": ("ICICUT c2, ICICU i, ICIST c1, ICDICJ i, ICUSER c10, ICPOB c1, ICUPMJ i, ICUPMT i",
              "ICICUT, ICICU", []),
    "F0911": ("GLDCT c2, GLDOC i, GLKCO c5, GLDGJ i, GLJELN i, GLLT c2, GLEXTL c2, GLPOST c1, GLICUT c2, GLICU i, "
              "GLDICJ i, GLDSYJ i, GLTICU i, GLCO c5, GLANI c29, GLAID c8, GLMCU c12, GLOBJ c6, GLSUB c8, GLSBL c8, "
              "GLSBLT c1, GLAN8 i, GLCTRY i, GLFY i, GLPN i, GLCRRM c1, GLCRCD c3, GLBCRC c3, GLAA a, GLACR a, "
              "GLU a, GLUM c2, GLEXA c30, GLEXR c30, GLR1 c8, GLR2 c8, GLVINV c25, GLODCT c2, GLODOC i, GLOKCO c5, "
              "GLTXA1 c10, GLEXR1 c2, GLRE c1, GLIVD i, GLUSER c10, GLTORG c10, GLPID c10, GLUPMJ i, GLUPMT i",
              "GLDCT, GLDOC, GLKCO, GLDGJ, GLJELN, GLLT, GLEXTL", ["GLICUT, GLICU"]),
    "F03B11": ("RPDOC i, RPDCT c2, RPKCO c5, RPSFX c3, RPAN8 i, RPPYR i, RPCO c5, RPDIVJ i, RPDGJ i, RPDDJ i, "
               "RPDSVJ i, RPCTRY i, RPFY i, RPPN i, RPCRRM c1, RPCRCD c3, RPBCRC c3, RPCRR r, RPAG a, RPAAP a, "
               "RPATXA a, RPATXN a, RPSTAM a, RPACR a, RPFAP a, RPCTXA a, RPCTXN a, RPCTAM a, RPTXA1 c10, "
               "RPEXR1 c2, RPPTC c3, RPPST c1, RPPOST c1, RPVOD c1, RPVINV c25, RPVR01 c25, RPRMK c30, RPODCT c2, "
               "RPODOC i, RPOKCO c5, RPGLC c4, RPAID c8, RPMCU c12, RPICUT c2, RPICU i, RPUSER c10, RPUPMJ i, "
               "RPUPMT i",
               "RPDOC, RPDCT, RPKCO, RPSFX", ["RPUPMJ, RPUPMT"]),
    "F03B13": ("RYPYID i, RYCKNU c25, RYAN8 i, RYPYR i, RYCO c5, RYDMTJ i, RYDGJ i, RYCTRY i, RYFY i, RYPN i, "
               "RYCRRM c1, RYCRCD c3, RYBCRC c3, RYCRR r, RYCKAM a, RYFCAM a, RYAAP a, RYFAP a, RYPOST c1, "
               "RYVDGJ i, RYNFVD c1, RYVRE c3, RYGLBA c8, RYRMK c30, RYICUT c2, RYICU i, RYUSER c10, RYUPMJ i, "
               "RYUPMT i",
               "RYPYID", ["RYUPMJ, RYUPMT"]),
    "F03B14": ("RZPYID i, RZRC5 i, RZAN8 i, RZDOC i, RZDCT c2, RZKCO c5, RZSFX c3, RZCO c5, RZDGJ i, RZPAAP a, "
               "RZPFAP a, RZADSA a, RZAAAJ a, RZAGL a, RZPOST c1, RZUPMJ i, RZUPMT i",
               "RZPYID, RZRC5", []),
}

TABLES = tuple(_TABLES)

# What `sample-erp --spoil` keeps to be able to repair. Not a table of the ERP.
SPOILED_TABLE = "TWINPOST_SPOILED"


def columns(table):
    """[(name, type)] of a table, in order."""
    return [tuple(column.split()) for column in _TABLES[table][0].split(", ")]


def names(table):
    """Column names of a table, in order."""
    return [name for name, _ in columns(table)]


def key(table):
    """Column names of the primary key."""
    return _TABLES[table][1].split(", ")


def _type(dialect, kind):
    if kind[0] == "c":
        return f"CHAR({kind[1:]})"
    if kind == "i":
        return "INTEGER"
    if dialect == "sqlite":
        return "TEXT"
    return "NUMERIC(15,0)" if kind == "a" else "NUMERIC(15,7)"


def create(dialect, table, prefix):
    """CREATE TABLE without keys: rows are loaded first, which is several times faster."""
    body = ", ".join(f"{name} {_type(dialect, kind)} NOT NULL" for name, kind in columns(table))
    # MariaDB clusters rows by the primary key: adding it later would copy the table.
    if dialect == "mariadb":
        body += f", PRIMARY KEY ({_TABLES[table][1]})"
    return f"CREATE TABLE {prefix}{table} ({body})"


def indexes(dialect, table, prefix):
    """The statements that give a loaded table its keys."""
    statements = []
    if dialect == "sqlite":
        statements.append(f"CREATE UNIQUE INDEX {table}_0 ON {table} ({_TABLES[table][1]})")
    if dialect == "postgresql":
        statements.append(f"ALTER TABLE {prefix}{table} ADD PRIMARY KEY ({_TABLES[table][1]})")
    for number, index in enumerate(_TABLES[table][2], 1):
        statements.append(f"CREATE INDEX {table}_{number} ON {prefix}{table} ({index})")
    return statements
