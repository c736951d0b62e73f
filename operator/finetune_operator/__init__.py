"""An operator that fine-tunes models on Kubernetes because a ``FineTuneJob`` was applied.

The law of the house, checked by import-linter: ``api`` says what may be said, ``catalog`` knows what is offered,
``planning`` decides what should be, ``cluster`` reads and writes what is, ``reconciler`` moves its hands.
Imports go only that way round: reconciler > planning | cluster > catalog > api.
"""

__version__ = "0.1.0"
