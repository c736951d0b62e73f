"""What looks like a credential by its name or form: it does not stand in a resource, which many may read.

The patterns are CEL's (RE2) and Python's, for the API server sees no keys of free-form maps: the operator looks there.
"""

from __future__ import annotations

import re
from typing import Final

from finetune_operator.api.model import Rule

_ANYWHERE: Final = "SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|(API|ACCESS|PRIVATE)[-_. ]?KEY"
_LAST: Final = "TOKENS?|PASS|PWD|PAT|KEY|KEY_?ID"
SECRET_WORDS: Final = (
    f"(?i:(^|[-_. 0-9])({_ANYWHERE})([-_. 0-9]|$)|(^|[-_. 0-9])({_LAST})[-_. ]?[0-9]*$|"
    "(AUTH|ACCESS|REFRESH|HF|BEARER)TOKEN[0-9]*$|(API|ACCESS|PRIVATE|SECRET)KEY[0-9]*$)|"
    "[a-z0-9](Token|Secret|Password|Credentials?|ApiKey|AccessKey)[0-9]*$"
)
"""Whole words: HF_TOKEN, wandbApiKey and DB_PASS are secrets, TOKENIZERS_PARALLELISM and KEYBOARD are not."""
INNOCENT_WORDS: Final = (
    "(?i:(MAX|MIN|NUM|N|NEW|PAD|EOS|BOS|UNK|SEP|CLS|MASK|IMAGE|VIDEO|STOP|SPECIAL|START|END|TOTAL|PER)[-_. ]?TOKENS?$|"
    "(^|[-_. ])(SORT|PRIMARY|FOREIGN|PARTITION|CACHE|IMAGE|VIDEO|PUBLIC|GROUP|STATE|ACTION|TASK|TEXT|DATA)[-_. ]?KEY$|"
    "[-_. ](FILE|PATH|DIR|NAME|REF)$)"
)
"""Counts of tokens and the like, sort keys, and where a secret lies in place of the secret."""
URL_WITH_PASSWORD: Final = "://[^/?#@]*:[^/?#]*@|://[^/?#@]+@"  # noqa: S105 - a pattern, no password


def cel_secret(name: str) -> str:
    """The CEL expression that is true for a name that looks like a secret's."""
    return f"({name}.matches('{SECRET_WORDS}') && !{name}.matches('{INNOCENT_WORDS}'))"


def looks_secret(name: str) -> bool:
    """Whether a name looks like a secret's."""
    return re.search(SECRET_WORDS, name) is not None and re.search(INNOCENT_WORDS, name) is None


_IN_METADATA: Final = f"{cel_secret('k')} && self.metadata[k] != ''"
PLAIN_METADATA: Final = Rule(
    f"!has(self.metadata) || !self.metadata.exists(k, {_IN_METADATA})",
    "metadata holds what looks like a secret, which does not stand in a resource: take it away and rotate it",
    "'metadata holds what looks like a secret, which does not stand in a resource: take it away and rotate it; given: "
    f"%s'.format([self.metadata.filter(k, {_IN_METADATA})[0]])",
    ".metadata",
)
