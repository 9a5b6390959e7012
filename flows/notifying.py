"""The night's digest, sent through Prefect's notification blocks: email, Slack, a webhook of one's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block

from tasks.nights.digest import Notified

_TELL_ADDRESSES = ("apprise", "httpcore", "httpx", "requests", "urllib3")


def send(blocks: Sequence[str], subject: str, body: str) -> list[Notified]:
    """Send a text by each block; one that fails keeps no other from it.

    Args:
        blocks: Documents of the Prefect server, `type/name`.

    Returns:
        Each block with why it failed, which never holds the block's address or secrets.
    """
    with _quietly():
        return [{"block": name, "failure": _failure(name, subject, body)} for name in blocks]


def _failure(name: str, subject: str, body: str) -> str:
    try:
        block = Block.load(name)
    except ValueError:
        return "the Prefect server has no such block; `prefect block ls` lists them"
    except Exception as error:  # noqa: BLE001 - whatever a block raises fails no night
        return f"the block could not be loaded ({_without_secrets(error)})"
    if not isinstance(block, NotificationBlock):
        return "it is no notification block: it cannot `notify`"
    try:
        with block.raise_on_failure():
            block.notify(body, subject)  # type: ignore[unused-coroutine]
    except Exception as error:  # noqa: BLE001 - as above
        return f"it was not taken ({_without_secrets(error)})"
    return ""


@contextmanager
def _quietly() -> Iterator[None]:
    """Let libraries that log where they send to, the secret of a webhook, log failures alone."""
    loggers = [logging.getLogger(name) for name in _TELL_ADDRESSES]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _without_secrets(error: Exception) -> str:
    """What kind of failure it is: messages of libraries quote addresses, which are secrets of webhooks."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP status {error.response.status_code}"
    return type(error).__name__
