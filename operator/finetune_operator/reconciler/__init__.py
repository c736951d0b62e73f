"""The hands: watches the cluster, and moves every FineTuneJob one step towards what it asks for, again and again.

``source → store + queue → workers → reconcile``. Only this package imports ``kopf``, and only it writes status.
"""
