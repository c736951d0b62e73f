"""How single fields are written: rules with words in place of a bare pattern, which few can read."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Rule

_PART: Final = "[a-z0-9]+([-._]+[a-z0-9]+)*"
_EPISODES: Final = "^[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*$"


def form(field: str, pattern: str, words: str) -> Rule:
    """The rule that a field has this form. The pattern is one of RE2 without quotes and backslashes."""
    return Rule(
        f"!has(self.{field}) || self.{field}.matches('{pattern}')",
        f"{field} is {words}",
        f"'{field} is {words}; given: %s'.format([self.{field}])",
        f".{field}",
    )


IMAGE: Final = form(
    "image",
    f"^([a-zA-Z0-9][-.a-zA-Z0-9]*(:[0-9]+)?/)?{_PART}(/{_PART})*(:[-._A-Za-z0-9]+)?(@sha256:[0-9a-f]{{64}})?$",
    "NAME:TAG, HOST/NAME:TAG or HOST/NAME@sha256:DIGEST: without https://, the name in small letters",
)
QUEUE_NAME: Final = form(
    "queueName",
    "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    "the name of a LocalQueue: small letters, digits, dashes and dots, a letter or digit at both ends",
)
MODEL_NAME, SUFFIX = (
    form(
        field,
        "^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$",
        "letters, digits, dashes, dots and underscores, with a letter or digit at both ends",
    )
    for field in ("modelName", "suffix")
)
EPISODES: Final = (
    form("episodes", _EPISODES, "a list of numbers and ranges without blanks, such as 0-49,60"),
    Rule(
        f"!has(self.episodes) || !self.episodes.matches('{_EPISODES}') || self.episodes.split(',').all(r, "
        "int(r.split('-')[0]) <= int(r.split('-')[r.split('-').size() - 1]))",
        "a range of episodes goes from the smaller to the larger number",
        "'a range of episodes goes from the smaller to the larger number, such as 5-10; given: %s'.format([self.episodes])",
        ".episodes",
    ),
)
