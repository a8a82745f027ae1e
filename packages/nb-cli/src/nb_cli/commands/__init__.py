"""One command a module; heavy libraries are imported when the command runs."""
