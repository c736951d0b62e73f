"""The persistent volume: what lies where, and how it is written so that a kill at any moment leaves it readable."""
