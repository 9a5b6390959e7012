"""Hostile input by the thousand: each program makes cases from a seed and judges what becomes of them.

The suite runs a few of each; `python -m tests.fuzz.NAME --count N --seed S` runs many and prints figures.
"""
