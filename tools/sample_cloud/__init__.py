"""sample_cloud - a cloud billing's end of the contract: subscribes, keeps, proves, cosigns, answers, and says what it holds.

Why:   it is the first consumer of the contract, written from the contract alone and sharing no code with the agent:
       when both agree, the contract says enough.
Parts: event (parse and check one event), merkle (the tree), note (signatures), book (what was received, in SQLite), trust
       (checkpoints, keys, state), mail (receipts, outcomes, replays), subscriber (MQTT), command (one command and its result).
       The cloud's own postings: mapping, rounding, posting (one document), planting (known differences), posted (kept and queued),
       publisher (MQTT), sheet (CSV), warehouse (SQL), generate (pairs in bulk), rule_files (sample mappings), fields, orders (CLI).
Source: docs/contract: envelope, leaf and chain, idempotency key.
"""
