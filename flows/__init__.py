"""Wiring: the order, retries and concurrency of the stages, and the command line."""
