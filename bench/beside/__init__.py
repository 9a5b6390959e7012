"""The two sides of `bench/beside_references.py`: the public reference code, and ours at the same work."""
