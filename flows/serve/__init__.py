"""The speech server: the API that clients of OpenAI know, over HTTP."""
