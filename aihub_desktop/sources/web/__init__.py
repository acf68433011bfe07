"""Any web address: what a file is called, what proves it, lists and Metalinks."""
