"""Blind listening tests: a page that raters answer, their answers, and what these come to."""
