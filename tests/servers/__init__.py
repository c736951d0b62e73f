"""Servers that tests fetch from and publish to, each a program or a process of its own on loopback."""
