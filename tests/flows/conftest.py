"""The browser that looks at pages."""

from tests.browser import browser

__all__ = ["browser"]
