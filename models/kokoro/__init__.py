"""Kokoro: the networks of StyleTTS 2 that speak, with a table of voices in place of what invents styles."""
