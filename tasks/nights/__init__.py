"""Nights: which voices are made anew every night, whether there is room, and what is told the next morning."""
