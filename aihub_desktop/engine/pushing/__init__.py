"""Files put into object storage, from a folder or straight from the hub. Runs in the process of the command line."""
