"""What is the same for every face: folders, resources, words, logs, how the program starts itself."""
