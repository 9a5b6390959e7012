"""Hostile input by the thousand: programs that make cases from a seed and judge what the code makes of them.

The suite runs a few of each; `python -m tests.fuzz.NAME --count N --seed S` runs many and prints figures.
"""
