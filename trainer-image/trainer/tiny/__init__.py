"""A tiny chat model, made offline in seconds: small enough for one CPU, trained enough to be taught something visible."""
