"""Values, states and rules of the program. Pure: no I/O, no clock, no toolkit."""
