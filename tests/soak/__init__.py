"""Random kills of the operator over many jobs on simulated nodes, under the eyes of a watch of its own."""
