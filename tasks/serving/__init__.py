"""Voices in use: what can be asked for, held ready, spoken in turns, and encoded while it is spoken."""
