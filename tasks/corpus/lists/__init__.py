"""Transcript lists: which columns they have, and what each row says, whatever is wrong with single rows."""
