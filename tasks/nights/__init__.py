"""Nights: which voices are made anew, whether there is room for them, and what is told in the morning."""
