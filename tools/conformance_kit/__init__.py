"""conformance_kit - plays streams of the contract to a consumer over MQTT and judges it by what it publishes.

Why:   a MUST that nobody can test is a wish; with this any team can test its own consumer, in any language.
Parts: world (the agent's side of the wire: publishes, listens, answers replays and outcomes), cases (one function for each case).
Source: docs/contract, musts.md; the streams come from tests/lib/tp1.py, which shares no code with any consumer.
"""
