"""The vocabulary of the tests: waiting for conditions, a real API server, the operator as a process, faults."""
