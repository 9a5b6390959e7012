"""Pages of the speech server for people who use no terminal."""
