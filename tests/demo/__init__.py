"""`make demo`: a cluster, the operator, a small language model, and its fine-tuning shown live."""
