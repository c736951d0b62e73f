"""Tests of the trainer: its pure parts on any host, and the real program through its contract alone."""
