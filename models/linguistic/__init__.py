"""Linguistic features of text."""
