"""What should be: pure functions from what is asked, offered and observed to what to create and what to say.

Nothing here reads a clock, an environment or a network: ``now`` and the catalog are arguments.
"""
