"""sample_cloud - a cloud billing's receiving end: subscribes, keeps, proves, and says what it holds.

Why:   it is the first consumer of the contract, written from the contract alone and sharing no code with the agent:
       when both agree, the contract says enough.
Parts: event (parse and check one event), book (what was received, in SQLite), subscriber (MQTT).
Source: docs/contract: envelope, leaf and chain, idempotency key.
"""
