"""How the operator does at scale, beside a plain client that makes the same writes on the same machine."""
