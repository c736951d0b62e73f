"""The trainer: an independent program that trains one stage of one attempt of a FineTuneJob and reports how it ended.

It keeps the page CONTRACT.md and imports nothing of the operator's. `python -m trainer` is the image's entrypoint.
"""
