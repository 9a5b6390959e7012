"""Hostile input by the thousand: each program makes cases from a seed and judges what the code makes of them.

The suite runs a few of each; `python -m tests.fuzz.NAME --count N --seed S` runs many, with figures at the end.
"""
