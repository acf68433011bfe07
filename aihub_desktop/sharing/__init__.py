"""A library offered to other machines, read-only, over http."""
