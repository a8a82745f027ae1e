"""nanoBragg's command line: one table, read and written."""
