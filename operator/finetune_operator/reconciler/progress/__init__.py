"""Progress: running trainers report over HTTPS, and the newest report of each job waits here to be reconciled.

::

    POST → server → reception ─ tokens (who is it?) ─ reporter (may it?) ─ body (what?) → inbox → on_news(key, after)
                        └── reply: {} or {budgetSeconds, stop}                              └── recorder → ConfigMaps

A report never ends a job: it only says how far the training is.
"""

from finetune_operator.reconciler.progress.authority import SECRET_NAME, AuthorityError
from finetune_operator.reconciler.progress.endpoint import Endpoint
from finetune_operator.reconciler.progress.inbox import Inbox
from finetune_operator.reconciler.progress.reception import Clocks, Reception, Reply
from finetune_operator.reconciler.progress.recorder import Recorder, Tempo
from finetune_operator.reconciler.progress.server import progress_url
from finetune_operator.reconciler.progress.tokens import TokenReviewer

__all__ = [
    "SECRET_NAME",
    "AuthorityError",
    "Clocks",
    "Endpoint",
    "Inbox",
    "Reception",
    "Recorder",
    "Reply",
    "Tempo",
    "TokenReviewer",
    "progress_url",
]
