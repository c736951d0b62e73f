"""What may be said: the custom resources as pydantic models, their words, and the CRDs generated from them."""
