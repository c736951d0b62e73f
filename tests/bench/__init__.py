"""How fast the operator takes in a burst of jobs, as a ratio to a plain client that makes the same writes."""
