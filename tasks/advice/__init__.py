"""Advice before a training: what the recordings and the machine are good for, and what it will take."""
