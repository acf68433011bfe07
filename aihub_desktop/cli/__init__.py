"""The command line: words in, messages and exit codes out. Imports no Qt."""
