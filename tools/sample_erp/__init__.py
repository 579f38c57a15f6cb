"""sample_erp - a JD-Edwards-shaped ERP database of any size, for the demo, the tests and the bench.

Why:   the agent is shown and proved on real input through real drivers; no customer's ERP is at hand.
Parts: schema (tables), master (companies, accounts, names), generate (documents to rows), database (SQLite,
       PostgreSQL, MariaDB), change (edits, voids, reversals, spoiled rows), totals (what the ERP holds).
Source: JD Edwards tables F0010, F0011, F0013, F0101, F0901, F0911, F03B11, F03B13, F03B14; docs/profiles.
"""
