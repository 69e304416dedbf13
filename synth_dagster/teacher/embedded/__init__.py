"""A teacher without key, network or weights: it answers from the text in the prompt, over the usual protocol.

`server.EmbeddedTeacher` serves it on loopback. It is for trying things out and for tests: what it writes is marked as
a demonstration by its model names, and is no training data.
"""
