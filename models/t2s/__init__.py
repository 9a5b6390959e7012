"""Text-to-semantic: phones to semantic codes."""
