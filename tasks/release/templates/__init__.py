"""Page templates and what fills them."""
