"""What is known: the entries that an administrator offers, and questions to them. Pure; the entries are arguments."""
