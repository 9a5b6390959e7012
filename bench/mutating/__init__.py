"""Changes to the code made on purpose, and the tests that should notice them."""
