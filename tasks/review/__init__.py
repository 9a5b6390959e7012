"""Reviewing a corpus: its clips with the doubts about them, on a page that saves corrections."""
