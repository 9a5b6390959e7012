"""Content features: what is said, apart from who says it."""
