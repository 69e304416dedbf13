"""Runs the stages of a recipe: one batch of a row stage, the signals of a batch, one release of the mix.

`plan` cuts sources into batches, `stage` runs a row stage's chain of steps, `signals` computes what the mix's rules
read, `release` gives every record a verdict. Each writes a candidate; the gate accepts it, and only then is it read.
"""
